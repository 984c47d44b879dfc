"""An instance by what GHEC received of it (domain.md section 6, "Cloud's copy")."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
from django.utils import timezone

from enterprise.faults import Fault
from enterprise.models import ServerInstance
from enterprise.services.account_stage import AccountStage, Difference
from enterprise.services.claims import Claim
from enterprise.services.clients import cloud_client
from enterprise.services.staging import PAGES_A_CHUNK, last_cursor
from enterprise.sources import ghec_graphql
from enterprise.sources.ghec_graphql import Installation
from enterprise.sources.graphql import Place
from enterprise.sources.http import Client
from enterprise.sources.values import moment_of


def stage_cloud_copy(claim: Claim, instance: ServerInstance, *, resume: bool) -> Difference:
    """Stage the copy, as of the upload that GHEC last took in; warn where that is not the newest.

    With ``resume``, go on where an earlier attempt staged that it was, in a copy of the same upload.
    """
    client = cloud_client(instance.enterprise, cancelled=claim.beat)
    installation = installation_of(instance, client)
    claim.log("cloud_copy_all_consume")
    taken_in = moment_of(installation.taken_in_at)
    if taken_in is not None:
        claim.update(as_of=min(taken_in, timezone.now()))
    for code, params in copy_gaps(installation):
        claim.warn(code, **params)
    upload, *place = orjson.loads(last_cursor(claim.run) or '[""]')
    resume = resume and bool(place) and upload == installation.taken_in_at
    stage = AccountStage(claim, instance, keeps_places=True, resume=resume)
    start = Place(*place) if resume else Place()
    walk = ghec_graphql.read_cloud_copy(client, installation, start=start, seen=stage.taken)
    for pages, (accounts, after) in enumerate(walk, start=1):
        stage.take(accounts)
        if not pages % PAGES_A_CHUNK:
            stage.place(orjson.dumps([installation.taken_in_at, *after]).decode())
    return stage.finish()


def installation_of(instance: ServerInstance, client: Client) -> Installation:
    """What GHEC knows the instance as. Raises Fault ``installation_unknown``."""
    for installation in ghec_graphql.read_installations(client, instance.enterprise.slug):
        if installation.host_name == instance.host_name:
            return installation
    raise Fault("installation_unknown", host=instance.host_name)


def copy_gaps(installation: Installation) -> Iterator[tuple[str, dict[str, str]]]:
    """Why the cloud's copy may not be what the instance has: codes of ``wording`` with parameters."""
    told = {"host": installation.host_name, "at": installation.uploaded_at[:40] or "–"}
    if installation.upload_state in _STALE_COPY:
        yield _STALE_COPY[installation.upload_state], told
    if not installation.connected:
        yield "cloud_copy_disconnected", told


_STALE_COPY = {"PENDING": "cloud_copy_pending", "FAILURE": "cloud_copy_failed"}
