"""``manage.py owner_link``: a link that signs an owner in, once, within the hour."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from enterprise.models import Enterprise, Role, User
from enterprise.services.audit import Actor, audit_record
from enterprise.services.members import sign_in_link_make, user_find_or_add

ACTOR = Actor("owner_link", "command")
FIRST_OWNER = "owner"


class Command(BaseCommand):
    help = (
        "Print a link that signs USERNAME in, once, within the hour; without USERNAME the first "
        "owner, who is made if there is nobody yet."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", metavar="USERNAME", nargs="?", default="")
        parser.add_argument(
            "--if-first",
            action="store_true",
            help="print nothing if somebody can already sign in, or once has",
        )

    def handle(self, *_args: Any, username: str, if_first: bool, **_options: Any) -> None:
        if if_first and _somebody_can_sign_in():
            return
        user = _named(username) if username else _first_owner()
        token = sign_in_link_make(user=user)
        _note(user)
        self.stdout.write(f"{settings.LICSYNC_PUBLIC_URL}/sign-in/{token}")


def _note(user: User) -> None:
    """In the log of each enterprise in which the link gives a role, or of none yet."""
    for enterprise in Enterprise.objects.filter(memberships__user=user) or [None]:
        audit_record(enterprise=enterprise, actor=ACTOR, action="member.link", target=user.username)


def _somebody_can_sign_in() -> bool:
    return any(
        user.last_login is not None or user.has_usable_password()
        for user in User.objects.filter(is_active=True)
    )


def _named(username: str) -> User:
    user = User.objects.filter(username__iexact=username, is_active=True).first()
    if user is None:
        raise CommandError(_("There is no active user %s.") % username)
    return user


def _first_owner() -> User:
    """The owner who was added first, else whoever was, else a new one."""
    people = User.objects.filter(is_active=True)
    owners = people.filter(memberships__role=Role.OWNER).order_by("memberships__pk")
    return (
        owners.first() or people.order_by("pk").first() or user_find_or_add(username=FIRST_OWNER)[0]
    )
