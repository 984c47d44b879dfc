"""Where persons are signed in: beginning a session, ending one, all of somebody's, those run out."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from allauth.usersessions.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect


def session_begin(request: HttpRequest, user: Any) -> None:
    """Sign in somebody who came by no way of allauth's; the session is seen and ended as any other."""
    login(request, user, backend="allauth.account.auth_backends.AuthenticationBackend")
    UserSession.objects.create_from_request(request)


@login_required
def session_end(request: HttpRequest, pk: int) -> HttpResponse:
    """POST signs out another session of one's own; to leave this one there is "Sign out"."""
    others = UserSession.objects.filter(user=request.user)
    session = get_object_or_404(others.exclude(session_key=request.session.session_key), pk=pk)
    if request.method == "POST":
        get_adapter().end_sessions([session])
    return redirect("usersessions_list")


def sessions_expire() -> int:
    """Delete sessions that have run out, and what was noted of any that is gone; how many of those."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    store.clear_expired()
    gone = [each for each in UserSession.objects.iterator() if not each.exists()]
    UserSession.objects.filter(pk__in=[each.pk for each in gone]).delete()
    return len(gone)


def sessions_end(user_ids: Iterable[int]) -> int:
    """End every session of these persons at once; how many. Who comes back signs in anew."""
    sessions = list(UserSession.objects.filter(user_id__in=list(user_ids)))
    for session in sessions:
        session.end()
    return len(sessions)
