"""Identity over time: the number that each person of a count carries (domain.md section 3, rule 6)."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple

from django.db.models import Max

from enterprise.counting.match import Person
from enterprise.models import PersonVersion
from enterprise.records import AccountInput
from enterprise.services.bulk import bulk_read, bulk_read_in

CURRENT_PERSONS = (
    "SELECT number, digest, cloud_key FROM enterprise_personversion"
    " WHERE enterprise_id = %s AND to_snapshot IS NULL"
)
CURRENT_ACCOUNTS = (
    "SELECT account, number FROM enterprise_membershipversion"
    " WHERE enterprise_id = %s AND to_snapshot IS NULL"
)
CLOSED_ACCOUNTS = (
    "SELECT account, number FROM enterprise_membershipversion"
    " WHERE enterprise_id = %s AND to_snapshot IS NOT NULL ORDER BY from_snapshot"
)


class Current(NamedTuple):
    """The open versions: digest by number, and the numbers that identity is inherited from."""

    digests: dict[int, int]
    by_cloud_key: dict[str, int]
    by_account: dict[str, int]


def read_current(enterprise_id: int) -> Current:
    digests: dict[int, int] = {}
    by_cloud_key: dict[str, int] = {}
    for number, digest, cloud_key in bulk_read(CURRENT_PERSONS, [enterprise_id]):
        digests[number] = digest
        if cloud_key:
            by_cloud_key[cloud_key] = number
    return Current(digests, by_cloud_key, dict(bulk_read(CURRENT_ACCOUNTS, [enterprise_id])))


class Numbers:
    """Gives each person of a count its number; to be asked once for each, in key order.

    Cloud rows come first and take the number of their last person, one that has left included. Then
    whoever has none takes the smallest unclaimed number among their accounts, else that of a person
    who has left and whose account is back. Each number is given once; the rest are new.
    """

    def __init__(
        self,
        enterprise_id: int,
        cloud_keys: Mapping[int, str],
        accounts: Iterable[AccountInput],
        current: Current,
    ) -> None:
        """``cloud_keys`` are those of the counted cloud rows, by ``Person.cloud_ref``.

        ``accounts`` are those that consume.
        """
        self._enterprise_id = enterprise_id
        self._by_account = current.by_account
        self._back: dict[str, int] = {}
        self._by_ref: dict[int, int] = {}
        unknown: list[tuple[str, int]] = []
        for ref, key in cloud_keys.items():
            number = current.by_cloud_key.get(key)
            if number is None:
                unknown.append((key, ref))
            else:
                self._by_ref[ref] = number
        self._claimed = set(self._by_ref.values())
        everyone = PersonVersion.objects.filter(enterprise_id=enterprise_id)
        self._newest: int = everyone.aggregate(Max("number"))["number__max"] or 0
        if self._newest:
            self._find_rows_back(sorted(unknown))
            new = {each.account for each in accounts if each.account not in current.by_account}
            self._find_accounts_back(new, current.digests)

    def _find_rows_back(self, rows: list[tuple[str, int]]) -> None:
        """Give cloud rows that are back the number of the last person that had them."""
        # Sought by the person's key, which is indexed, and the same for a row that has a login.
        versions = sorted(
            bulk_read_in(
                "SELECT from_snapshot, cloud_key, number FROM enterprise_personversion"
                " WHERE enterprise_id = %s AND cloud_key <> '' AND key IN",
                [self._enterprise_id],
                [key for key, _ in rows],
            )
        )
        last = {cloud_key: number for _, cloud_key, number in versions}
        for key, ref in rows:
            number = last.get(key)
            if number is not None and number not in self._claimed:
                self._claimed.add(number)
                self._by_ref[ref] = number

    def _find_accounts_back(self, new: set[str], still_here: Container[int]) -> None:
        """Take note of the last person of each new account that is back, if that person has left."""
        closed = bulk_read(CLOSED_ACCOUNTS, [self._enterprise_id]) if new else ()
        for account, number in closed:
            if account in new:
                self._back[account] = number
        self._back = {a: number for a, number in self._back.items() if number not in still_here}

    def of(self, person: Person) -> int:
        if person.cloud_ref is not None:
            number = self._by_ref.get(person.cloud_ref)
            if number is not None:
                return number
        number = self._inherited(person, self._by_account) or self._inherited(person, self._back)
        if not number:
            self._newest += 1
            number = self._newest
        self._claimed.add(number)
        return number

    def _inherited(self, person: Person, known: Mapping[str, int]) -> int:
        """The smallest unclaimed number among a person's accounts; 0 if there is none."""
        found = [
            number
            for membership in person.memberships
            if (number := known.get(membership.account)) and number not in self._claimed
        ]
        return min(found) if found else 0
