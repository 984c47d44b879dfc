"""An instance's accounts as ``licsync.server-usage/1``, so that one console can feed another."""

from __future__ import annotations

from collections.abc import Iterator

from enterprise.models import ServerInstance, ServerUserAccount
from enterprise.records import ServerAccount
from enterprise.sources.server_usage import write_usage
from enterprise.sources.usage_head import UsageHead

BATCH = 5000
_FIELDS = (
    "user_id",
    "email",
    "other_emails",
    "suspended",
    "dormant",
    "never_signed_in",
    "excluded",
)


class DataMoved(Exception):
    """Other data was applied while the file was written."""


class NothingApplied(Exception):
    """The instance was never read and nothing was uploaded."""


def server_usage(instance: ServerInstance) -> Iterator[bytes]:
    """The file in pieces: what is applied now, exported when its source was.

    Read in ranges of user IDs, with no long transaction. If an apply lands in between, it breaks
    off with DataMoved: the file has no end then, and no reader takes it for whole. Raises
    NothingApplied at once.
    """
    if instance.applied_as_of is None:
        raise NothingApplied
    head = UsageHead(
        instance.server_id,
        instance.host_name,
        instance.version,
        instance.url.startswith("http://"),
        instance.applied_as_of,
    )
    return write_usage(head, _batches(instance))


def _batches(instance: ServerInstance) -> Iterator[list[ServerAccount]]:
    accounts = ServerUserAccount.objects.filter(instance=instance).order_by("user_id")
    last = -1
    while True:
        rows = list(accounts.filter(user_id__gt=last).values_list(*_FIELDS)[:BATCH])
        if not ServerInstance.objects.filter(
            pk=instance.pk, applied_version=instance.applied_version
        ).exists():
            raise DataMoved
        if not rows:
            return
        last = rows[-1][0]
        yield [
            ServerAccount(
                user_id,
                email,
                tuple(others.split("\n")) if others else (),
                suspended,
                dormant,
                never_signed_in,
                excluded,
            )
            for user_id, email, others, suspended, dormant, never_signed_in, excluded in rows
        ]
