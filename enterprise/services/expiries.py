"""When a token and an instance's certificate end, as the last connection told."""

from __future__ import annotations

import datetime as dt

from enterprise.models import Credential, Enterprise, ServerInstance
from enterprise.sources.http import Client


def expiry_of(text: str) -> dt.datetime | None:
    """The moment that GitHub's header names, None for anything else."""
    try:
        return dt.datetime.strptime(text.strip().replace("UTC", "+0000"), "%Y-%m-%d %H:%M:%S %z")
    except ValueError:
        return None


def expiries_note(
    client: Client, *, enterprise: Enterprise, instance: ServerInstance | None
) -> None:
    """Keep what differs from what is kept. A token without an end is told by no header at all."""
    if client.token_ends is not None:
        ends = expiry_of(client.token_ends)
        kept = Credential.objects.filter(enterprise=enterprise, instance=instance)
        if ends is not None or not client.token_ends:
            kept.exclude(expires_at=ends).update(expires_at=ends)
    if instance is not None and client.certificate_ends is not None:
        until = dt.datetime.fromtimestamp(client.certificate_ends, dt.UTC)
        if instance.certificate_expires_at != until:
            ServerInstance.objects.filter(pk=instance.pk).update(certificate_expires_at=until)
