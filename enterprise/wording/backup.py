"""Why a backup cannot be restored, in words."""

from __future__ import annotations

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

TROUBLES: dict[str, str | Promise] = {
    "not_empty": _(
        "The database is not empty, and stays as it is. Name a new one in DATABASE_URL, then restore."
    ),
    "unread": _("The backup cannot be read: %(reason)s."),
    "passphrase_needed": _(
        "The backup is encrypted. Set LICSYNC_BACKUP_PASSPHRASE to its passphrase."
    ),
    "unreadable": _(
        "The backup cannot be decrypted: LICSYNC_BACKUP_PASSPHRASE is another one, or the file was "
        "changed or cut off."
    ),
    "unknown_format": _("This is not a backup of this console."),
    "other_version": _(
        "The backup is of another version (it differs in %(names)s). Restore it with the version that "
        "made it, then upgrade."
    ),
    "damaged": _("The backup is damaged or cut off. Nothing was restored; take another one."),
    "content_differs": _(
        "What was written to the table %(table)s is not what the backup holds. Nothing was restored."
    ),
}


def trouble_sentence(code: str, params: dict[str, Any]) -> str:
    return str(TROUBLES[code]) % params
