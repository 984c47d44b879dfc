"""Who may do what: the table of domain.md section 8 as one matrix, and the one way a page checks it.

A person sees only the enterprises in which they have a role; anything else answers 404.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, NamedTuple, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import urlencode

from enterprise.models import Enterprise, Membership, Role, User
from enterprise.services.audit import Actor, session_label
from licsync.sign_in import signed_in_recently

P = ParamSpec("P")


class Permission(enum.StrEnum):
    """What a page or an action needs."""

    CHANGE = "change"  # enable, disable, sync now, upload, credentials, people, tokens, alerts
    SEE_REPORTS = "see_reports"  # counts, reports, history; download
    SEE_SETTINGS = "see_settings"  # settings and the audit log


MATRIX: dict[str, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.BILLING_MANAGER: frozenset({Permission.SEE_REPORTS}),
    Role.AUDITOR: frozenset({Permission.SEE_REPORTS, Permission.SEE_SETTINGS}),
}


class Access(NamedTuple):
    """A signed-in person in one enterprise."""

    user: User
    enterprise: Enterprise
    role: str
    actor: Actor

    @property
    def may_change(self) -> bool:
        return Permission.CHANGE in MATRIX[self.role]

    @property
    def may_see_settings(self) -> bool:
        return Permission.SEE_SETTINGS in MATRIX[self.role]

    @property
    def masked(self) -> bool:
        """Whether e-mails show as ``a•••@domain``, wherever one may stand."""
        return self.role == Role.AUDITOR


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in person as the audit log names them."""
    return Actor(
        request.user.get_username(),
        "user",
        request.META.get("REMOTE_ADDR") or None,
        session_label(request.session.session_key),
    )


def enterprise_view(
    permission: Permission,
) -> Callable[
    [Callable[Concatenate[HttpRequest, Access, P], HttpResponseBase]],
    Callable[..., HttpResponseBase],
]:
    """A view of one enterprise: called with (request, access, …) if the person may, else 404.

    The URL gives ``slug``; who is not signed in is sent to sign in. A write (any method but GET and
    HEAD) needs CHANGE whatever the page needs to be seen.
    """

    def decorate(
        view: Callable[Concatenate[HttpRequest, Access, P], HttpResponseBase],
    ) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def wrapped(
            request: HttpRequest, slug: str, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponseBase:
            membership = get_object_or_404(
                Membership.objects.select_related("enterprise"),
                enterprise__slug=slug,
                user_id=request.user.pk,
            )
            needed = {permission}
            if request.method not in ("GET", "HEAD"):
                needed.add(Permission.CHANGE)
            if not needed <= MATRIX[membership.role]:
                raise Http404
            if not isinstance(request.user, User):
                raise Http404
            access = Access(request.user, membership.enterprise, membership.role, actor_of(request))
            return view(request, access, *args, **kwargs)

        wrapped.permission = permission  # type: ignore[attr-defined]
        return login_required(wrapped)

    return decorate


def confirmed(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """A view that wants a recent proof of who is asking: of credentials, tokens, data to be removed.

    It stands below ``enterprise_view`` or ``login_required``. Whoever signed in longer ago confirms it
    and comes back by GET: what they sent is dropped, since it may hold a token and would have to be
    kept meanwhile.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if signed_in_recently(request):
            return view(request, *args, **kwargs)
        back = request.get_full_path() if request.method == "GET" else request.path
        return HttpResponseRedirect(
            f"{reverse('account_reauthenticate')}?{urlencode({'next': back})}"
        )

    return wrapped
