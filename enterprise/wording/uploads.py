"""Sentences about uploads and sources, a part of ``wording``."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

UPLOAD_FAULTS: dict[str, str | Promise] = {
    # The file as a whole
    "upload_empty": _("The file is empty."),
    "upload_too_large": _(
        "The file is larger than the limit of %(limit)s bytes. Nothing of it was applied."
    ),
    "upload_interrupted": _(
        "The upload was interrupted before the file was received and read. Send it again."
    ),
    "upload_not_stored": _(
        "The file cannot be received: %(reason)s. Free space, and send it again."
    ),
    "upload_unpackable": _("The file is damaged: it begins as gzip and cannot be unpacked."),
    "upload_truncated_packed": _(
        "The file is cut off: its gzip data ends too early. Send it again whole."
    ),
    "upload_unknown_format": _(
        "This file is neither licsync.server-usage/1 nor the site-admin report all_users.csv."
    ),
    "upload_undercounts": _(
        "A report of %(report)s leaves users out, and the count would be too low. Upload all_users.csv instead."
    ),
    "upload_encrypted": _(
        "This is GitHub's own license usage export (host %(host)s, version %(version)s). Its users are encrypted for GitHub and cannot be read here. Upload the site-admin report instead: https://HOST/stafftools/reports/all_users.csv, as a site administrator."
    ),
    # What is wrong in it, and where
    "upload_not_json": _(
        "The file is not JSON at line %(line)s, column %(column)s. Nothing of it was applied."
    ),
    "upload_truncated": _(
        "The file is cut off in line %(line)s. Send it again whole; nothing of it was applied."
    ),
    "upload_truncated_json": _(
        "The file is cut off at line %(line)s, column %(column)s (%(path)s). Send it again whole; nothing of it was applied."
    ),
    "upload_item_too_large": _(
        "%(path)s in the file is longer than %(limit)s bytes. Nothing of it was applied."
    ),
    "upload_missing_key": _("%(path)s is missing in the file. Nothing of it was applied."),
    "upload_unknown_key": _(
        "%(path)s in the file is not a key of licsync.server-usage/1. Nothing of it was applied."
    ),
    "upload_key_twice": _("%(path)s appears twice in the file. Nothing of it was applied."),
    "upload_bad_value": _("%(path)s in the file must be: %(wanted)s. Nothing of it was applied."),
    "upload_two_primaries": _(
        "%(path)s in the file is a second primary e-mail address of the same user. Nothing of it was applied."
    ),
    "upload_duplicate_user": _(
        "%(path)s in the file has the user ID %(user_id)s, which appeared before. Nothing of it was applied."
    ),
    # Whether it may replace what is applied
    "upload_other_instance": _(
        "The file is of another instance (%(path)s; it names %(stated)s), not of %(host)s. Nothing of it was applied."
    ),
    "upload_older": _(
        "The file was exported at %(exported)s, before what is applied (%(applied)s). Nothing of it was applied."
    ),
    "upload_from_future": _(
        "The time of export lies in the future. Check it, and the clock of the exporting machine."
    ),
    "upload_time_needed": _("Enter when the report was exported: the file does not say."),
    "upload_instance_needed": _("Name the instance: a site-admin report does not say its own."),
    "upload_instance_unknown": _(
        "The file is of %(host)s, which is not registered in this enterprise. Add the instance first."
    ),
    "upload_run_active": _(
        "%(host)s is being synced (run %(run)s). Send the file again when that run has ended."
    ),
    "idempotency_key_reused": _(
        "This Idempotency-Key came with another file before (run %(run)s). Send another file with a key of its own."
    ),
    # A cross-check that is left out
    "scim_too_many": _("No comparison with SCIM: it lists more than %(limit)s users."),
    # Held and cancelled
    "held_preview": _("Held as a preview: nothing is applied until an owner applies it."),
    "held_all_active": _(
        "Held: not one account is dormant or suspended, as in a report that leaves such users out. Apply it only if it is all_users.csv."
    ),
    "held_replacement": _(
        "Held: the source was switched, and this is the first result to replace what the former one gave. Apply or discard it."
    ),
    "logins_not_kept": _(
        "Cancelled: logins and last activity of %(host)s are not to be kept any more."
    ),
    "source_switched": _("Cancelled: the source of %(host)s was switched."),
}

UPLOAD_LOG_LINES: dict[str, str | Promise] = {
    "upload_all_active": _(
        "Not one account is dormant or suspended. The report of active users looks so, and leaves users out."
    ),
    "cloud_copy_pending": _("GitHub is still taking in the newest upload of %(host)s (%(at)s)."),
    "cloud_copy_failed": _(
        "GitHub could not take in the newest upload of %(host)s (%(at)s): its copy is older."
    ),
    "cloud_copy_disconnected": _(
        "%(host)s is not connected to GitHub any more: its copy there stays as it was."
    ),
    "cloud_copy_all_consume": _(
        "The cloud's copy does not tell who is suspended: all its accounts are taken as consuming."
    ),
    "scim_unavailable": _(
        "No comparison with SCIM: the instance provisions no users for the enterprise %(slug)s, or the token may not ask."
    ),
    "scim_unread": _("No comparison with SCIM, whose users could not be read: %(why)s"),
    "scim_agrees": _(
        "Compared with SCIM: %(active)s active provisioned users, %(consuming)s accounts that consume, no address missing."
    ),
    "scim_gap": _(
        "SCIM lists %(active)s active provisioned users, %(consuming)s accounts read consume a license; %(missing)s addresses of active users belong to no such account. Check that the report is complete, and for users that are active at the identity provider but suspended on the instance."
    ),
}
