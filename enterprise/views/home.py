"""The start page, adding an enterprise, and the one-time sign-in link."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from enterprise.access import actor_of, confirmed
from enterprise.faults import Refused
from enterprise.forms import NewEnterpriseForm, refuse
from enterprise.github_pages import CLOUD_SCOPE, GITHUB, new_token
from enterprise.models import Enterprise, Membership, Role, User
from enterprise.services.enterprises import enterprise_add, enterprise_token_set
from enterprise.services.members import sign_in_link_is_open, sign_in_link_use
from enterprise.single_sign_on import SESSION_SECONDS
from enterprise.views import shell
from enterprise.views.tested import cloud_tested, say_test
from licsync.sessions import session_begin


def _may_add(user: User) -> bool:
    """The first enterprise: whoever is signed in. Further ones: who owns one already."""
    owns = Membership.objects.filter(user=user, role=Role.OWNER).exists()
    return owns or not Enterprise.objects.exists()


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The enterprises that one may see; straight to the only one."""
    user = _signed_in(request)
    memberships = list(
        Membership.objects.filter(user=user)
        .select_related("enterprise")
        .order_by("enterprise__name")
    )
    if len(memberships) == 1:
        return redirect("overview", memberships[0].enterprise.slug)
    context = {"memberships": memberships, "may_add": _may_add(user)}
    return render(request, "enterprise/home.html", context)


@login_required
@confirmed
def enterprise_new(request: HttpRequest) -> HttpResponse:
    """Add an enterprise, owned by who adds it; then its GitHub Connect page."""
    user = _signed_in(request)
    if not _may_add(user):
        raise Http404
    form = NewEnterpriseForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        token = values.pop("token")
        try:
            with transaction.atomic():
                enterprise = enterprise_add(actor=actor_of(request), owner=user, **values)
                if token:
                    enterprise_token_set(
                        enterprise=enterprise, actor=actor_of(request), token=token
                    )
        except Refused as refused:
            refuse(form, refused)
        else:
            messages.success(request, _("%(name)s is added.") % {"name": enterprise.name})
            if token:
                say_test(request, cloud_tested(enterprise))
            return redirect("connect", enterprise.slug)
    status = shell.REFUSED if form.errors else 200
    context = {"form": form, "token_page": new_token(GITHUB, CLOUD_SCOPE)}
    return render(request, "enterprise/enterprise_new.html", context, status=status)


def _signed_in(request: HttpRequest) -> User:
    user = request.user
    assert isinstance(user, User)  # noqa: S101 - login_required
    return user


def sign_in_link(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows a button, so that the preview of a link does not use it up; POST signs in."""
    if request.method != "POST":
        is_open = sign_in_link_is_open(token=token)
        return render(
            request,
            "enterprise/sign_in_link.html",
            {"is_open": is_open},
            status=200 if is_open else 404,
        )
    user = sign_in_link_use(token=token)
    if user is None:
        return render(request, "enterprise/sign_in_link.html", {"is_open": False}, status=404)
    session_begin(request, user)
    if user.memberships.exclude(given_by="").exists():
        request.session.set_expiry(SESSION_SECONDS)
    if not user.has_usable_password():
        text = _("You are signed in. Set a password, so that you can come back without a link.")
        messages.info(request, text)
        return redirect("account_set_password")
    return redirect("home")
