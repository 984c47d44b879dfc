"""Reading what the count takes: cloud rows, consuming accounts, and which instance a host means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson

from enterprise.models import CloudAccount, Enterprise, GitHubSyncStatus, ServerInstance
from enterprise.records import AccountInput, CloudInput
from enterprise.services.bulk import bulk_read
from enterprise.services.cloud_rows import Matching
from enterprise.services.person_rows import VISUAL_STUDIO, license_code

NAME_ID = 3  # its place in counting.match.ATTRIBUTES

CloudRecord = tuple[Any, ...]
"""(ref, key, kind, counts, digest, matching) of a cloud row; the ref is any number of its own."""
Identity = tuple[Any, ...]
"""(login_key, attribute, value)"""


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


CLOUD_ROWS = (
    "SELECT id, key, kind, counts, digest, matching FROM enterprise_cloudaccount"
    " WHERE enterprise_id = %s"
)
# The e-mail as given only where it differs from the normalized one.
ACCOUNTS = (
    "SELECT user_id, email_key, NULLIF(email, email_key), consumes, never_signed_in, suspended,"
    " excluded FROM enterprise_serveruseraccount WHERE instance_id = %s"
)
IDENTITIES = (
    "SELECT login_key, attribute, value FROM enterprise_cloudidentity WHERE enterprise_id = %s"
)


class Inputs:
    """Everything one recount reads. Accounts are read at once, cloud rows while they are matched.

    ``accounts`` consume; ``not_consuming`` are the others that have an e-mail. ``emails`` has the
    primary e-mail as given for consuming accounts where it differs from the normalized one.

    Whole only when ``cloud()`` is exhausted: ``cloud_keys`` of the counted rows and
    ``cloud_digests`` of all, by the ref in ``CloudInput``; ``visual_studio``, the refs of rows with
    that license type; ``server_only``, the ref of GHEC's own row for a server account, by
    ``HOST:ID``; ``totals()``.
    """

    def __init__(self, enterprise: Enterprise, *, beat: Callable[[int], None]) -> None:
        """``beat`` is called every few thousand rows with how many were read."""
        self.rows_read = 0
        self.accounts: list[AccountInput] = []
        self.not_consuming: list[AccountInput] = []
        self.emails: dict[str, str] = {}
        self.cloud_keys: dict[int, str] = {}
        self.cloud_digests: dict[int, int] = {}
        self.visual_studio: set[int] = set()
        self.server_only: dict[str, int] = {}
        self._enterprise = enterprise
        self._beat = beat
        self._hosts = Hosts(enterprise.pk)
        self._kinds: Counter[str] = Counter()
        self._unread: dict[str, set[str]] = {}
        self._excluded: Counter[str] = Counter()
        self._never_signed_in = 0
        self._by_instance: dict[str, int] = {}
        for host_name, instance in sorted(self._hosts.registered.items()):
            self._read_accounts(host_name, instance)

    def _read(self, query: str, owner_id: int) -> Iterator[tuple[Any, ...]]:
        for row in bulk_read(query, [owner_id]):
            self.rows_read += 1
            if not self.rows_read % 5000:
                self._beat(self.rows_read)
            yield row

    def _read_accounts(self, host_name: str, instance: ServerInstance) -> None:
        """Sort accounts into consuming or not.

        "Never signed in" counts by default; a setting of the enterprise excludes it (section 2).
        """
        exclude_never = self._enterprise.exclude_never_signed_in
        before = len(self.accounts)
        for user_id, email, given, consumes, never, suspended, reason in self._read(
            ACCOUNTS, instance.pk
        ):
            account = f"{host_name}:{user_id}"
            if consumes and never:
                self._never_signed_in += 1
            if consumes and not (never and exclude_never):
                self.accounts.append(AccountInput(account, email))
                if given:
                    self.emails[account] = given
                continue
            why_not = "never_signed_in" if consumes else "suspended" if suspended else reason
            self._excluded[why_not] += 1
            if email:
                self.not_consuming.append(AccountInput(account, email))
        self._by_instance[host_name] = len(self.accounts) - before

    def cloud(self) -> Iterator[CloudInput]:
        """The counted cloud rows, once, with the identities that are linked to their logins."""
        return self.cloud_of(self.cloud_rows(), self.identities())

    def cloud_rows(self) -> Iterator[CloudRecord]:
        """What is applied of the cloud's rows."""
        return self._read(CLOUD_ROWS, self._enterprise.pk)

    def identities(self) -> Iterator[Identity]:
        """What is applied of the cloud's identities."""
        return bulk_read(IDENTITIES, [self._enterprise.pk])

    def cloud_of(
        self, rows: Iterable[CloudRecord], identities: Iterable[Identity]
    ) -> Iterator[CloudInput]:
        """As ``cloud``, of these rows and identities."""
        linked_to: dict[str, tuple[tuple[int, str], ...]] = {}
        for login_key, attribute, value in identities:
            linked_to[login_key] = (*linked_to.get(login_key, ()), (attribute, value))
        for ref, key, kind, counts, digest, text in rows:
            row = Matching._make(orjson.loads(text))
            server_refs = self._resolved(row.server_refs) if row.server_refs else ()
            self.cloud_digests[ref] = digest
            if license_code(row.license_type) == VISUAL_STUDIO:
                self.visual_studio.add(ref)
            if kind == CloudAccount.Kind.SERVER_ONLY:
                for server_ref in server_refs:
                    self.server_only.setdefault(server_ref, ref)
            self._kinds[kind if counts else f"uncounted_{kind}"] += 1
            if not counts:
                continue
            linked = linked_to.get(row.login.casefold(), ()) if row.login else ()
            if row.name_id:
                linked += ((NAME_ID, row.name_id),)
            self.cloud_keys[ref] = key
            yield CloudInput(
                ref,
                row.login,
                row.subscription_email,
                linked,
                tuple(row.emails),
                server_refs,
                tuple(row.server_emails),
                f"{digest:x}",
            )

    def _resolved(self, refs: Iterable[str]) -> tuple[str, ...]:
        """``HOST:ID`` by registered names; takes note of those on instances that are not read."""
        resolved = tuple(map(self._hosts.resolve_ref, refs))
        for server_ref in resolved:
            host = server_ref.rpartition(":")[0]
            if not self._hosts.is_read(host):
                self._unread.setdefault(host, set()).add(server_ref)
        return resolved

    def totals(self) -> dict[str, Any]:
        """The counts that need no match, for ``Snapshot.totals``."""
        return {
            "consuming_accounts": len(self.accounts),
            "consuming_by_instance": self._by_instance,
            "excluded": dict(sorted(self._excluded.items())),
            "never_signed_in": self._never_signed_in,
            "subscribers_not_linked": self._kinds["uncounted_subscriber"],
            "invitations": self._kinds["invitation"],
            "unread": {host: len(refs) for host, refs in sorted(self._unread.items())},
            "ambiguous_hosts": sorted(self._hosts.ambiguous),
        }
