"""What ``manage.py doctor`` found, and how to mend it, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from enterprise.wording import sentence

FINDINGS: dict[str, str | Promise] = {
    "doctor_setting": "%(message)s %(hint)s (%(id)s)",
    "doctor_settings_fine": _("The settings are in order."),
    "doctor_disk_full": _(
        "Only %(megabytes)d MB are left for the data folder %(folder)s. Make room, or shorten "
        "LICSYNC_RUN_RETENTION_DAYS."
    ),
    "doctor_database_failed": _(
        "The database does not answer as it should (%(error)s). Check that it runs, and DATABASE_URL."
    ),
    "doctor_database_fine": _("%(vendor)s answers, and is migrated."),
    "doctor_check_failed": _("This could not be looked at (%(error)s); the log says more."),
    "doctor_unmigrated": _("Migrations are missing (%(names)s). Run: manage.py migrate"),
    "doctor_broker_fine": _("The broker answers."),
    "doctor_broker_failed": _(
        "The broker does not answer (%(error)s). Check that it runs, and CELERY_BROKER_URL."
    ),
    "doctor_worker_fine": _("A worker is there."),
    "doctor_worker_failed": _(
        "No worker was seen (%(error)s). Start one: celery -A licsync worker; or all: manage.py up"
    ),
    "doctor_beat_fine": _("The tick comes."),
    "doctor_beat_failed": _(
        "No tick came of late, so that nothing is started by schedule. Start beat (celery -A licsync "
        "beat, exactly one) and a worker."
    ),
    "doctor_secrets_fine": _("Every stored secret can be read."),
    "doctor_secrets_unreadable": _(
        "Of the secrets of webhooks and second factors, %(count)d cannot be read with today's "
        "LICSYNC_CREDENTIAL_KEYS. Add the key that is missing, or enter the webhooks again and set "
        "authenticator apps up anew."
    ),
    "doctor_audit_fine": _("The audit log is guarded and sealed."),
    "doctor_audit_unguarded": _(
        "Triggers that guard the audit log are missing or off. Run manage.py verify_audit, and find out who "
        "took them away. A backup restored into a new database has them again."
    ),
    "doctor_audit_door_open": _(
        "Somebody left the door of the audit log open. Run manage.py verify_audit, then delete the row of "
        "enterprise_auditdoor."
    ),
    "doctor_audit_unsealed": _(
        "Audit events have waited for more than %(minutes)d minutes to be sealed. Check beat and worker."
    ),
    "doctor_no_owner": _(
        "No owner can sign in. Make one by provision, or use manage.py owner_link."
    ),
    "doctor_no_cloud_token": _(
        "No token of the enterprise is stored, so that the cloud is not read. Enter one on the GitHub "
        "Connect page."
    ),
    "doctor_certificate_ok": _("The TLS certificate lasts %(days)d more days."),
    "doctor_certificate_warning": _(
        "The TLS certificate ends in %(days)d days. Have it renewed before; syncs fail from then on."
    ),
    "doctor_clock_wrong": _(
        "The clocks differ by %(seconds)d seconds. Let both machines follow NTP; windows and rate limits "
        "go wrong otherwise."
    ),
}


def finding_sentence(code: str, params: Mapping[str, Any]) -> str:
    """In the active language; one of the connection test or a fault is worded as there."""
    template = FINDINGS.get(code)
    return sentence(code, params) if template is None else str(template) % params
