"""``manage.py rotate_keys``: re-encrypt everything with the first credential key."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, CommandError
from django.utils.translation import gettext as _

from enterprise.services.audit import Actor
from enterprise.services.key_rotation import keys_rotate

ACTOR = Actor("rotate_keys", "command")


class Command(BaseCommand):
    help = (
        "Encrypt all stored tokens with the first of LICSYNC_CREDENTIAL_KEYS, and sign the audit log "
        "with it; the other keys may go once this ends with 0."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        done = keys_rotate(actor=ACTOR)
        self.stdout.write(
            _(
                "%(renewed)d encrypted anew, %(current)d had the first key already, %(signed)d audit "
                "batches signed anew."
            )
            % done._asdict()
        )
        for name in done.unreadable:
            self.stdout.write(_("Not readable with any of today's keys: %s.") % name)
        if done.foreign:
            self.stdout.write(
                _("%d audit batches are signed with none of today's keys.") % done.foreign
            )
        if done.unreadable or done.foreign:
            raise CommandError(
                _(
                    "Add the key that is missing to LICSYNC_CREDENTIAL_KEYS, after the first, and run "
                    "this again; or enter the tokens again."
                )
            )
