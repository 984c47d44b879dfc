"""From stored settings and credentials to a client of the sources, and which source an instance has.

Everything a source needs comes by parameters; here is where settings and the database meet it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypedDict

from django.conf import settings

from enterprise.faults import Fault
from enterprise.models import Enterprise, ServerInstance, Source
from enterprise.records import InstanceFacts, ServerAccount
from enterprise.services.claims import Claim
from enterprise.services.credentials import credential_open
from enterprise.services.expiries import expiries_note
from enterprise.sources import ghes_facts, ghes_report
from enterprise.sources.http import Client


def _nothing() -> None:
    """Nobody can cancel what is not a run."""


def instance_client(
    instance: ServerInstance, *, cancelled: Callable[[], None] = _nothing, quick: bool = False
) -> Client:
    """A client of an instance. Raises Fault where its credentials are missing or unreadable.

    ``quick`` is for a person who waits: shorter time-outs and no second try.
    """
    opened = credential_open(enterprise=instance.enterprise, instance=instance, url=instance.url)
    return Client(
        instance.url,
        token=opened.token,
        username=opened.username,
        ca_bundle=instance.ca_bundle,
        proxy=instance.proxy,
        plain_http_confirmed=instance.plain_http_confirmed,
        **_patience(quick),
        allow_loopback=settings.LICSYNC_ALLOW_LOOPBACK,
        cancelled=cancelled,
    )


def cloud_client(
    enterprise: Enterprise, *, cancelled: Callable[[], None] = _nothing, quick: bool = False
) -> Client:
    """A client of the enterprise's GHEC. Raises Fault as ``instance_client``."""
    opened = credential_open(enterprise=enterprise, instance=None, url=enterprise.api_url)
    return Client(
        enterprise.api_url,
        token=opened.token,
        **_patience(quick),
        allow_loopback=settings.LICSYNC_ALLOW_LOOPBACK,
        cancelled=cancelled,
    )


class _Patience(TypedDict, total=False):
    timeout: float
    retry_base: float
    retries: int


def _patience(quick: bool) -> _Patience:
    timeout = float(settings.LICSYNC_HTTP_TIMEOUT_SECONDS)
    if quick:
        return {"timeout": min(10.0, timeout), "retry_base": 0.0, "retries": 0}
    base = float(settings.LICSYNC_RETRY_BASE_SECONDS)
    return {"timeout": timeout, "retry_base": base}


def read_instance(
    instance: ServerInstance, claim: Claim
) -> tuple[InstanceFacts, Iterable[ServerAccount]]:
    """What an instance tells of itself, and its accounts as they stream from its source."""
    if instance.source == Source.SITE_ADMIN_REPORT:
        client = instance_client(instance, cancelled=claim.beat)
        facts, failed = ghes_facts.read_facts(client)
        expiries_note(client, enterprise=instance.enterprise, instance=instance)
        if failed:
            parts, faults = zip(*failed, strict=True)
            fault = faults[0]
            claim.warn("facts_unread", part=", ".join(parts), why=fault.code, **fault.params)
        return facts, ghes_report.read_report(
            client, keep_logins=instance.keep_logins, on_wait=_waiting(claim)
        )
    raise Fault("upload_only", host=instance.host_name)


def _waiting(claim: Claim) -> Callable[[int], None]:
    """Log the first 202 only: a large instance answers it for minutes."""

    def on_wait(polls: int) -> None:
        if polls == 1:
            claim.log("report_waiting")

    return on_wait
