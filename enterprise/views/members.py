"""The people of an enterprise: who has which role, and how a new one signs in."""

from __future__ import annotations

from functools import partial

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from enterprise import wording
from enterprise.access import MATRIX, Access, Permission, confirmed, enterprise_view
from enterprise.faults import Refused
from enterprise.forms import refuse
from enterprise.models import Membership, Role, User
from enterprise.selectors.members import member_get, member_lost, members_page
from enterprise.services.members import (
    member_link_make,
    member_remove,
    member_set,
    user_find_or_add,
)
from enterprise.settings_forms import ROLE_MEANINGS, MemberForm
from enterprise.views import shell

_page = partial(shell.page, tab="settings", side="members")


@enterprise_view(Permission.SEE_SETTINGS)
def members(request: HttpRequest, access: Access) -> HttpResponse:
    return _list(request, access)


def _list(request: HttpRequest, access: Access, *, error: str = "") -> HttpResponse:
    after = shell.whole_number(request.GET.get("after")) or 0
    lines, last = members_page(access.enterprise, after=after, masked=access.masked)
    context = {
        "lines": lines,
        "roles": [
            {"value": role.value, "label": role.label, "description": ROLE_MEANINGS[role.value]}
            for role in Role
        ],
        "error": error,
        "first_url": "?" if after else None,
        "next_url": f"?after={last}" if last is not None else None,
    }
    status = shell.REFUSED if error else 200
    return _page(request, access, "enterprise/members/members.html", context, status=status)


@enterprise_view(Permission.CHANGE)
@confirmed
def member_add(request: HttpRequest, access: Access) -> HttpResponse:
    """Give somebody a role. Who is new here gets a sign-in link, shown in the answer and never again."""
    form = MemberForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            with transaction.atomic():
                user, new = user_find_or_add(username=values["username"], email=values["email"])
                changed = member_set(
                    enterprise=access.enterprise,
                    user=user,
                    role=values["role"],
                    actor=access.actor,
                )
                link = _link(access, user) if new else ""
        except Refused as refused:
            refuse(form, refused)
        else:
            if new:
                return _show_link(request, access, user, link)
            text = (
                _("%(name)s had an account already, and now has the role.")
                if changed
                else _("%(name)s has this role already.")
            )
            messages.success(request, text % {"name": user.username})
            return redirect("members", access.enterprise.slug)
    status = shell.REFUSED if form.errors else 200
    return _page(request, access, "enterprise/members/add.html", {"form": form}, status=status)


@enterprise_view(Permission.SEE_SETTINGS)
@confirmed
def member_role(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """Change a person's role; GET asks whether an owner shall be one no more."""
    member = _member(access, pk)
    if request.method == "POST":
        role = request.POST.get("role", "")
        if _ends_ownership(member, role) and "sure" not in request.POST:
            return redirect(f"{request.path}?{urlencode({'role': role})}")
        try:
            member_set(
                enterprise=access.enterprise, user=member.user, role=role, actor=access.actor
            )
        except Refused as refused:
            return _list(request, access, error=wording.fault_sentence(refused))
        text = _("The role of %(name)s is now: %(role)s.")
        label = Role(role).label
        messages.success(request, text % {"name": member.user.username, "role": label})
        if member.user == access.user and Permission.SEE_SETTINGS not in MATRIX[role]:
            return redirect("home")
    elif access.may_change and _ends_ownership(member, role := request.GET.get("role", "")):
        return shell.ask(
            request,
            access,
            "enterprise/members/_role_form.html",
            {"member": member, "is_self": member.user == access.user, "role": Role(role)},
            title=_("Take the role of an owner from %(name)s?") % {"name": member.user.username},
            back=(_("People"), reverse("members", args=[access.enterprise.slug])),
            tab="settings",
            side="members",
        )
    return _back(access, member)


def _ends_ownership(member: Membership, role: str) -> bool:
    return member.role == Role.OWNER and role in Role.values and role != Role.OWNER


@enterprise_view(Permission.CHANGE)
def member_remove_view(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """GET asks, as the dialog on the page does; POST removes."""
    member = _member(access, pk)
    if request.method != "POST":
        return shell.ask(
            request,
            access,
            "enterprise/members/_remove_form.html",
            {
                "member": member,
                "is_self": member.user == access.user,
                "lost": member_lost(member),
            },
            title=_("Remove %(name)s?") % {"name": member.user.username},
            back=(_("People"), reverse("members", args=[access.enterprise.slug])),
            tab="settings",
            side="members",
        )
    try:
        member_remove(enterprise=access.enterprise, user=member.user, actor=access.actor)
    except Refused as refused:
        return _list(request, access, error=wording.fault_sentence(refused))
    messages.success(request, _("%(name)s is removed.") % {"name": member.user.username})
    return redirect("home") if member.user == access.user else _back(access)


@enterprise_view(Permission.SEE_SETTINGS)
@confirmed
def member_link(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """A new sign-in link for somebody who has never signed in."""
    member = _member(access, pk)
    if request.method != "POST":
        return _back(access, member)
    try:
        link = _link(access, member.user)
    except Refused as refused:
        return _list(request, access, error=wording.fault_sentence(refused))
    return _show_link(request, access, member.user, link)


def _link(access: Access, user: User) -> str:
    token = member_link_make(enterprise=access.enterprise, user=user, actor=access.actor)
    return settings.LICSYNC_PUBLIC_URL + reverse("sign_in_link", args=[token])


def _show_link(request: HttpRequest, access: Access, user: User, link: str) -> HttpResponse:
    """The link itself, in this answer only: it is kept as a digest, and the answer by nobody."""
    context = {"username": user.username, "link": link}
    response = _page(request, access, "enterprise/members/link.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _member(access: Access, pk: int) -> Membership:
    return shell.found_or_404(member_get(access.enterprise, pk))


def _back(access: Access, member: Membership | None = None) -> HttpResponse:
    page = reverse("members", args=[access.enterprise.slug])
    return redirect(page if member is None else f"{page}#member-{member.pk}")
