"""Trying a connection as a sync would, and saying what was found in terms of GitHub's own pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from enterprise.faults import Fault
from enterprise.models import Enterprise, ServerInstance, Source
from enterprise.services import clients
from enterprise.services.cloud_copy import copy_gaps, installation_of
from enterprise.services.credentials import origin_of
from enterprise.services.expiries import expiries_note
from enterprise.sources import ghec_graphql, ghec_rest, ghes_facts

OK, WARNING, ERROR = "ok", "warning", "error"
WANTED_CLOUD_SCOPES = frozenset({"read:enterprise", "admin:enterprise"})


class Finding(NamedTuple):
    """One thing found; ``code`` and ``params`` are for ``wording.sentence``."""

    level: str
    code: str
    params: Mapping[str, Any]


class ConnectionTest(NamedTuple):
    """``ok`` says whether a sync would get its data; ``host`` is where it was asked."""

    ok: bool
    host: str
    version: str
    findings: list[Finding]


def connection_test(*, instance: ServerInstance) -> ConnectionTest:
    """Ask the instance for its version and its report, without reading the report."""
    if instance.source == Source.UPLOAD:
        return ConnectionTest(
            True, instance.host_name, "", [Finding(OK, "upload_only", {"host": instance.host_name})]
        )
    if instance.source == Source.CLOUD_COPY:
        return _copy_test(instance)
    host = origin_of(instance.url)
    findings: list[Finding] = []
    try:
        client = clients.instance_client(instance, quick=True)
        access = ghes_facts.check_access(client)
    except Fault as fault:
        findings.append(Finding(ERROR, fault.code, fault.params))
        return ConnectionTest(False, host, "", findings)
    expiries_note(client, enterprise=instance.enterprise, instance=instance)
    findings.append(Finding(OK, "test_answers", {"host": host, "version": access.version}))
    code = "test_report_readable" if access.report_ready else "test_report_being_made"
    findings.append(Finding(OK, code, {}))
    findings += _scope_findings(access.scopes, frozenset({"site_admin"}))
    return ConnectionTest(True, host, access.version, findings)


def _copy_test(instance: ServerInstance) -> ConnectionTest:
    """As for the cloud, and whether GHEC has users of this instance."""
    test = cloud_connection_test(enterprise=instance.enterprise)
    if not test.ok:
        return test
    try:
        client = clients.cloud_client(instance.enterprise, quick=True)
        installation = installation_of(instance, client)
    except Fault as fault:
        found = [*test.findings, Finding(ERROR, fault.code, fault.params)]
        return test._replace(ok=False, findings=found)
    params = {"host": installation.host_name, "accounts": installation.accounts}
    found = [*test.findings, Finding(OK, "test_copy_readable", params)]
    found += [Finding(WARNING, *gap) for gap in copy_gaps(installation)]
    return test._replace(findings=found)


def cloud_connection_test(*, enterprise: Enterprise) -> ConnectionTest:
    """Ask GHEC for one consumed license, its sync status, and what the optional parts need."""
    host = origin_of(enterprise.api_url)
    findings: list[Finding] = []
    try:
        client = clients.cloud_client(enterprise, quick=True)
        access = ghec_rest.check_access(client, enterprise.slug)
        statuses = ghec_rest.read_sync_status(client, enterprise.slug)
    except Fault as fault:
        findings.append(Finding(ERROR, fault.code, fault.params))
        return ConnectionTest(False, host, "", findings)
    expiries_note(client, enterprise=enterprise, instance=None)
    findings.append(Finding(OK, "test_licenses_readable", {"total": access.totals.consumed}))
    findings.append(Finding(OK, "test_sync_status_readable", {"instances": len(statuses)}))
    findings += _scope_findings(access.scopes, WANTED_CLOUD_SCOPES)
    if access.token_expires:
        findings.append(Finding(OK, "test_token_expires", {"at": access.token_expires[:40]}))
    try:
        ghec_graphql.read_domains(client, enterprise.slug)
        findings.append(Finding(OK, "test_identities_readable", {}))
    except Fault as fault:
        findings.append(Finding(WARNING, fault.code, fault.params))
    return ConnectionTest(True, host, "", findings)


def _scope_findings(scopes: tuple[str, ...] | None, wanted: frozenset[str]) -> list[Finding]:
    """What the token may do beyond what is needed: a token that can write is more than this needs."""
    if scopes is None:
        return []
    shown = ", ".join(scopes) or "–"
    findings = [Finding(OK, "test_token_scopes", {"scopes": shown})]
    more = sorted(set(scopes) - wanted)
    if more:
        findings.append(Finding(WARNING, "test_token_over_scoped", {"scopes": ", ".join(more)}))
    return findings
