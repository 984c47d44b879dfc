"""Comparing what was read of an instance with what SCIM tells (domain.md section 6, "Cross-checks")."""

from __future__ import annotations

from enterprise.emails import normalize
from enterprise.faults import Fault
from enterprise.models import RunLogLine, ServerInstance, Source
from enterprise.records import InstanceFacts
from enterprise.services.bulk import bulk_read
from enterprise.services.claims import Claim
from enterprise.services.clients import instance_client
from enterprise.services.staging import REMOVE, staged
from enterprise.sources.ghes_scim import MOST, Provisioned, has_scim, read_provisioned

_NOT_FOR_US = ("not_found", "forbidden", "missing_scope")


def scim_compare(
    claim: Claim, instance: ServerInstance, facts: InstanceFacts, *, consuming: int
) -> None:
    """Warn if SCIM knows active users whom the staged result lacks; numbers only, no address.

    Accounts that SCIM does not list are no gap: it lists provisioned users alone. Nothing that goes
    wrong here fails the run: it is a line of its log.
    """
    if instance.source != Source.SITE_ADMIN_REPORT or not has_scim(facts.version):
        return
    slug = instance.slug_there
    try:
        client = instance_client(instance, cancelled=claim.beat, quick=True)
        provisioned = read_provisioned(client, slug)
    except Fault as fault:
        if fault.code in _NOT_FOR_US:
            claim.log("scim_unavailable", slug=slug)
        elif fault.code == "scim_too_many":
            claim.log("scim_too_many", limit=MOST)
        else:
            params = {"why": fault.code, **fault.params}
            claim.log("scim_unread", level=RunLogLine.Level.WARNING, **params)
        return
    missing = _addresses_missing(claim, instance, provisioned)
    active = provisioned.active
    if missing or active > consuming:
        claim.warn("scim_gap", active=active, consuming=consuming, missing=missing)
    else:
        claim.log("scim_agrees", active=active, consuming=consuming, missing=missing)


def _addresses_missing(claim: Claim, instance: ServerInstance, provisioned: Provisioned) -> int:
    """How many of the addresses no consuming account would have once the staged is applied."""
    wanted = {normalize(email) for email in provisioned.emails}
    sql = (
        "SELECT user_id, email_key FROM enterprise_serveruseraccount"
        " WHERE instance_id = %s AND consumes"
    )
    # What is applied, as far as it has one of the addresses; then what is staged over it.
    holders = {
        user_id: email for user_id, email in bulk_read(sql, [instance.pk]) if email in wanted
    }
    for kind, user_id, *values in staged(claim.run):
        holders.pop(user_id, None)
        if kind == REMOVE:
            continue
        _email, email_key, _others, _suspended, _dormant, _never, _excluded, consumes = values[:8]
        if consumes and email_key in wanted:
            holders[user_id] = email_key
    return len(wanted - set(holders.values()))
