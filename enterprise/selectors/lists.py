"""Accounts that deserve a look, list by list (domain.md sections 2 and 3): what is applied now.

Each list is read in pages by id, as ``page = LIST(enterprise, after=0, limit=50, masked=False)``;
``page.next`` is where to go on, None at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple, Protocol

import orjson
from django.db.models import Exists, OuterRef, Q, QuerySet

from enterprise.emails import mask
from enterprise.models import (
    CloudAccount,
    CloudIdentity,
    Enterprise,
    MembershipVersion,
    PersonVersion,
    ServerUserAccount,
)
from enterprise.selectors.licenses import snapshot_latest
from enterprise.selectors.persons import mask_key
from enterprise.selectors.walks import walk
from enterprise.services.cloud_rows import NEITHER_NAME_ID_NOR_EMAIL
from enterprise.services.count_inputs import Hosts

SUSPENDED, SCIM_ADMIN, NEVER_SIGNED_IN = "suspended", "scim_admin", "never_signed_in"
"""Why an account is excluded (section 2); each has its sentence in ``wording.EXCLUSIONS``."""

WALK = 500


class ListLine(NamedTuple):
    """One account or one row of GitHub's.

    ``name`` is ``HOST:ID``, a login or an e-mail; ``email`` is its address, masked where it must be.
    ``reason`` is a code, or GitHub's own word for a status. ``person`` is the number of the current
    person that it belongs to, None if to nobody.
    """

    name: str
    email: str = ""
    full_name: str = ""
    details: tuple[str, ...] = ()
    reason: str = ""
    person: int | None = None


class ListPage(NamedTuple):
    lines: list[ListLine]
    next: int | None


class List(Protocol):
    """One of the lists below."""

    def __call__(
        self, enterprise: Enterprise, *, after: int, limit: int, masked: bool
    ) -> ListPage: ...


def list_walk(read: List, enterprise: Enterprise, *, masked: bool) -> Iterator[ListLine]:
    return walk(partial(read, enterprise, limit=WALK, masked=masked))


# --- Accounts on servers -------------------------------------------------------------------------


def never_signed_in(enterprise: Enterprise, *, after: int, limit: int, masked: bool) -> ListPage:
    """Accounts that, by GitHub's text, would not consume; ``person`` is None if they do not here."""
    accounts = ServerUserAccount.objects.filter(never_signed_in=True, consumes=True)
    return _accounts(enterprise, accounts, after=after, limit=limit, masked=masked)


def excluded(enterprise: Enterprise, *, after: int, limit: int, masked: bool) -> ListPage:
    """Accounts that consume no license here, each with the reason."""
    why = Q(consumes=False)
    if enterprise.exclude_never_signed_in:
        why |= Q(never_signed_in=True)
    accounts = ServerUserAccount.objects.filter(why)
    return _accounts(enterprise, accounts, after=after, limit=limit, masked=masked)


def _accounts(
    enterprise: Enterprise,
    accounts: QuerySet[ServerUserAccount],
    *,
    after: int,
    limit: int,
    masked: bool,
) -> ListPage:
    hosts = dict(enterprise.instances.values_list("pk", "host_name"))
    found = list(accounts.filter(instance_id__in=hosts, pk__gt=after).order_by("pk")[: limit + 1])
    page = found[:limit]
    names = [f"{hosts[account.instance_id]}:{account.user_id}" for account in page]
    whose = _persons_of(enterprise, names)
    return ListPage(
        [
            ListLine(
                name=name,
                email=mask(account.email) if masked else account.email,
                reason=_exclusion(account),
                person=whose.get(name),
            )
            for name, account in zip(names, page, strict=True)
        ],
        page[-1].pk if len(found) > limit else None,
    )


def _exclusion(account: ServerUserAccount) -> str:
    if account.consumes:
        return NEVER_SIGNED_IN
    return SUSPENDED if account.suspended else account.excluded


def _persons_of(enterprise: Enterprise, accounts: list[str]) -> dict[str, int]:
    return dict(
        MembershipVersion.objects.filter(
            enterprise=enterprise, account__in=accounts, to_snapshot=None
        ).values_list("account", "number")
    )


# --- Rows of the cloud ---------------------------------------------------------------------------


def subscribers_not_linked(
    enterprise: Enterprise, *, after: int, limit: int, masked: bool
) -> ListPage:
    """Visual Studio subscribers who do not count, since no account is linked (section 3, rule 2)."""
    rows = CloudAccount.objects.filter(kind=CloudAccount.Kind.SUBSCRIBER, counts=False)
    page, following = _rows(enterprise, rows, after=after, limit=limit)
    return ListPage([_row_line(row, None, masked=masked) for row in page], following)


def members_without_email(
    enterprise: Enterprise, *, after: int, limit: int, masked: bool
) -> ListPage:
    """Cloud accounts that nothing can be matched with: GitHub's first suspects for double counting.

    They have neither a verified-domain e-mail nor a linked identity (section 3, rule 9).
    """
    linked = CloudIdentity.objects.filter(enterprise=enterprise, login_key=OuterRef("key"))
    rows = CloudAccount.objects.filter(
        ~Exists(linked),
        kind=CloudAccount.Kind.PERSON,
        matching__contains=NEITHER_NAME_ID_NOR_EMAIL,
    )
    page, following = _rows(enterprise, rows, after=after, limit=limit)
    whose = _persons_with(enterprise, [row.key for row in page])
    return ListPage([_row_line(row, whose.get(row.key), masked=masked) for row in page], following)


def accounts_not_read(enterprise: Enterprise, *, after: int, limit: int, masked: bool) -> ListPage:
    """Rows in which GHEC lists accounts on instances that were never read here (section 3, rule 7).

    ``details`` are those accounts. Which instances they are, the newest snapshot knows.
    """
    hosts = Hosts(enterprise.pk)
    named = Q()
    for name in _names_of_unread(enterprise, hosts):
        named |= Q(matching__contains=f'"{name}:')
    if not named:
        return ListPage([], None)
    page, following = _rows(
        enterprise, CloudAccount.objects.filter(named), after=after, limit=limit
    )
    whose = _persons_with(enterprise, [row.key for row in page])
    lines = []
    for row in page:
        refs = map(hosts.resolve_ref, orjson.loads(row.report)["enterprise_server_user_ids"])
        missing = tuple(ref for ref in refs if not hosts.is_read(ref.rpartition(":")[0]))
        if missing:
            line = _row_line(row, whose.get(row.key), masked=masked)
            lines.append(line._replace(details=missing))
    return ListPage(lines, following)


def _names_of_unread(enterprise: Enterprise, hosts: Hosts) -> set[str]:
    """Every name by which a row may mean an instance not read here: in full, former, or shortened."""
    snapshot = snapshot_latest(enterprise)
    unread = snapshot.totals.get("unread", {}) if snapshot is not None else {}
    names = {*unread, *enterprise.github_sync_statuses.values_list("host_name", flat=True)}
    for host in unread:
        labels = host.split(".")
        names |= {".".join(labels[:length]) for length in range(1, len(labels))}
    return {name for name in names if hosts.resolve(name) in unread}


def _rows(
    enterprise: Enterprise, rows: QuerySet[CloudAccount], *, after: int, limit: int
) -> tuple[list[CloudAccount], int | None]:
    found = list(
        rows.filter(enterprise=enterprise, pk__gt=after)
        .only("pk", "key", "report")
        .order_by("pk")[: limit + 1]
    )
    page = found[:limit]
    return page, page[-1].pk if len(found) > limit else None


def _row_line(row: CloudAccount, person: int | None, *, masked: bool) -> ListLine:
    report = orjson.loads(row.report)
    email = report["visual_studio_subscription_email"]
    return ListLine(
        name=report["github_com_login"] or (mask_key(row.key) if masked else row.key),
        email=mask(email) if masked else email,
        full_name=report["github_com_name"],
        details=tuple(report["github_com_member_roles"]),
        reason=report["visual_studio_license_status"],
        person=person,
    )


def _persons_with(enterprise: Enterprise, cloud_keys: Iterable[str]) -> dict[str, int]:
    """The current person of each cloud row. Looked up by the person's key, which is the row's too."""
    keys = list(cloud_keys)
    return dict(
        PersonVersion.objects.filter(
            enterprise=enterprise, key__in=keys, cloud_key__in=keys, to_snapshot=None
        ).values_list("cloud_key", "number")
    )
