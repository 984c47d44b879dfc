"""Reading what the count takes: cloud rows, consuming accounts, and which instance a host means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from enterprise.models import CloudAccount, Enterprise, GitHubSyncStatus, ServerInstance
from enterprise.records import AccountInput, CloudInput
from enterprise.services.bulk import bulk_read
from enterprise.services.cloud_rows import Matching

NAME_ID = 3  # its place in counting.match.ATTRIBUTES


class Inputs(NamedTuple):
    """Everything one recount reads.

    ``emails`` has the primary e-mail as given for accounts where it differs from the normalized one.
    ``cloud_keys`` and ``cloud_digests`` are by the ref in ``CloudInput``. ``server_only`` is the ref
    of GHEC's own row for a server account, by ``HOST:ID``. ``totals`` are the counts that need
    no match.
    """

    cloud: list[CloudInput]
    accounts: list[AccountInput]
    emails: dict[str, str]
    cloud_keys: dict[int, str]
    cloud_digests: dict[int, int]
    server_only: dict[str, int]
    totals: dict[str, Any]


class Hosts:
    """Which registered instance a host in ``HOST:ID`` means (domain.md section 6, "Real answers").

    By its name in any case; by the name under which GitHub's sync status knows its server id, so
    that a renamed host keeps its history; or a short name, if exactly one instance's name begins
    with it plus a dot. Anything else is a host not read here.
    """

    def __init__(self, enterprise_id: int) -> None:
        instances = list(ServerInstance.objects.filter(enterprise_id=enterprise_id))
        self.registered = {instance.host_name: instance for instance in instances}
        by_server_id = {i.server_id: i.host_name for i in instances if i.server_id}
        self._names = {name: name for name in self.registered}
        for server_id, host_name in GitHubSyncStatus.objects.filter(
            enterprise_id=enterprise_id
        ).values_list("server_id", "host_name"):
            if server_id in by_server_id:
                self._names.setdefault(host_name, by_server_id[server_id])
        self.ambiguous: set[str] = set()

    def resolve(self, host: str) -> str:
        """The registered ``host_name``, or ``host`` itself in lower case if it is none of ours."""
        found = self._names.get(host)
        if found is None:
            found = self._names[host] = self._resolve_short(host.lower())
        return found

    def _resolve_short(self, host: str) -> str:
        if host in self._names:
            return self._names[host]
        longer = [name for name in self.registered if name.startswith(f"{host}.")]
        if len(longer) > 1:
            self.ambiguous.add(host)
        return longer[0] if len(longer) == 1 else host

    def resolve_ref(self, ref: str) -> str:
        """``HOST:ID`` with its host resolved."""
        host, _, user_id = ref.rpartition(":")
        return f"{self.resolve(host)}:{user_id}"

    def is_read(self, host: str) -> bool:
        instance = self.registered.get(host)
        return instance is not None and instance.applied_as_of is not None


def read_inputs(enterprise: Enterprise, *, beat: Callable[[], None]) -> Inputs:
    """Read what is applied now. ``beat`` is called every few thousand rows."""
    hosts = Hosts(enterprise.pk)
    cloud: list[CloudInput] = []
    cloud_keys: dict[int, str] = {}
    cloud_digests: dict[int, int] = {}
    server_only: dict[str, int] = {}
    unread: dict[str, set[str]] = {}
    kinds: Counter[str] = Counter()
    identities = _read_identities(enterprise)
    query = (
        "SELECT id, key, kind, counts, digest, matching FROM enterprise_cloudaccount"
        " WHERE enterprise_id = %s"
    )
    for number, (ref, key, kind, counts, digest, text) in enumerate(
        bulk_read(query, [enterprise.pk])
    ):
        if not number % 5000:
            beat()
        row = Matching._make(orjson.loads(text))
        refs = tuple(map(hosts.resolve_ref, row.server_refs))
        for server_ref in refs:
            host = server_ref.rpartition(":")[0]
            if not hosts.is_read(host):
                unread.setdefault(host, set()).add(server_ref)
        cloud_digests[ref] = digest
        if kind == CloudAccount.Kind.SERVER_ONLY:
            for server_ref in refs:
                server_only.setdefault(server_ref, ref)
        kinds[kind if counts else f"uncounted_{kind}"] += 1
        if not counts:
            continue
        linked = identities.pop(row.login.casefold(), ()) if row.login else ()
        if row.name_id:
            linked = tuple({*linked, (NAME_ID, row.name_id)})
        cloud_keys[ref] = key
        cloud.append(
            CloudInput(
                ref,
                row.login,
                row.subscription_email,
                linked,
                tuple(row.emails),
                refs,
                tuple(row.server_emails),
                f"{digest:x}",
            )
        )
    accounts, emails, excluded, never = _read_accounts(enterprise, hosts, beat)
    totals: dict[str, Any] = {
        "consuming_accounts": len(accounts),
        "excluded": dict(sorted(excluded.items())),
        "never_signed_in": never,
        "subscribers_not_linked": kinds["uncounted_subscriber"],
        "invitations": kinds["invitation"],
        "unread": {host: len(refs) for host, refs in sorted(unread.items())},
        "ambiguous_hosts": sorted(hosts.ambiguous),
    }
    return Inputs(cloud, accounts, emails, cloud_keys, cloud_digests, server_only, totals)


def _read_identities(enterprise: Enterprise) -> dict[str, tuple[tuple[int, str], ...]]:
    found: dict[str, list[tuple[int, str]]] = {}
    query = (
        "SELECT login_key, attribute, value FROM enterprise_cloudidentity WHERE enterprise_id = %s"
    )
    for login_key, attribute, value in bulk_read(query, [enterprise.pk]):
        found.setdefault(login_key, []).append((attribute, value))
    return {login_key: tuple(values) for login_key, values in found.items()}


def _read_accounts(
    enterprise: Enterprise, hosts: Hosts, beat: Callable[[], None]
) -> tuple[list[AccountInput], dict[str, str], Counter[str], int]:
    """Consuming accounts, e-mails as given, why others are excluded, and how many never signed in.

    "Never signed in" counts by default; a setting of the enterprise excludes it (section 2).
    """
    accounts: list[AccountInput] = []
    emails: dict[str, str] = {}
    excluded: Counter[str] = Counter()
    never = 0
    query = (
        "SELECT user_id, email, email_key, consumes, never_signed_in, suspended, excluded"
        " FROM enterprise_serveruseraccount WHERE instance_id = %s"
    )
    for host_name, instance in sorted(hosts.registered.items()):
        for number, row in enumerate(bulk_read(query, [instance.pk])):
            user_id, email, email_key, consumes, never_signed_in, suspended, reason = row
            if not number % 5000:
                beat()
            if not consumes:
                excluded["suspended" if suspended else reason] += 1
                continue
            if never_signed_in:
                never += 1
                if enterprise.exclude_never_signed_in:
                    excluded["never_signed_in"] += 1
                    continue
            account = f"{host_name}:{user_id}"
            accounts.append(AccountInput(account, email_key))
            if email != email_key:
                emails[account] = email
    return accounts, emails, excluded, never
