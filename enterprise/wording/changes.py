"""What can happen to a person between two counts."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Change(NamedTuple):
    name: str | Promise
    meaning: str | Promise


CHANGES: dict[str, Change] = {
    "joined": Change(
        _("Joined"),
        _("Persons who came, with no account that anybody had before."),
    ),
    "left": Change(
        _("Left"),
        _("Persons who consume no license any more, nor does anybody with their accounts."),
    ),
    "matched": Change(
        _("Newly matched"),
        _("Persons who took in accounts that were somebody else's: licenses saved."),
    ),
    "split": Change(
        _("Newly split"),
        _("Persons of accounts that came away from somebody: licenses added."),
    ),
    "moved": Change(
        _("Moved between instances"),
        _("Persons whose account went on one instance and came on another."),
    ),
    "changed": Change(
        _("Changed"),
        _("Persons who stay, and whose row or reason is another one."),
    ),
}
"""By the codes of ``selectors.changes.KINDS``, in their order."""
