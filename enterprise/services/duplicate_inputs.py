"""Reading what the search for duplicates takes, from the ledger and from what is applied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import orjson

from enterprise.counting.duplicates import (
    CLOUD,
    IDENTITY,
    LOGIN,
    OTHER_DOMAIN,
    OWN_DOMAIN,
    SAML_LOCAL,
    SECONDARY,
    SERVER,
    Login,
    Secondary,
    own_domain,
)
from enterprise.emails import normalize
from enterprise.models import Enterprise, EnterpriseDomain, ServerInstance
from enterprise.services.bulk import bulk_read, bulk_read_in
from enterprise.services.cloud_rows import Matching
from enterprise.services.count_inputs import IDENTITIES

NO_CLOUD = "no_cloud"
NO_DOMAINS = "no_domains"
NO_IDENTITIES = "no_identities"
NO_LOGINS = "no_logins"
NO_SECONDARIES = "no_secondaries"

CLOUD_ROWS = (
    "SELECT key, matching FROM enterprise_cloudaccount WHERE enterprise_id = %s AND counts = %s"
)
MEMBERSHIPS = (
    "SELECT number, account, value FROM enterprise_membershipversion"
    " WHERE enterprise_id = %s AND to_snapshot IS NULL"
)


class PersonFacts(NamedTuple):
    """What is said of one person: accounts with their e-mails; of the cloud row, its own values.

    ``emails`` are those of the cloud row that the match compares, the best to be used first.
    """

    accounts: list[tuple[str, str]]
    login: str = ""
    emails: tuple[str, ...] = ()


class DuplicateInputs:
    """What ``counting.duplicates.find`` takes. ``unavailable`` is whole once everything was read."""

    def __init__(self, enterprise: Enterprise) -> None:
        self._enterprise = enterprise
        self.cloud_numbers: dict[str, int] = dict(
            bulk_read(
                "SELECT cloud_key, number FROM enterprise_personversion"
                " WHERE enterprise_id = %s AND to_snapshot IS NULL AND cloud_key <> ''",
                [enterprise.pk],
            )
        )
        self.clouds = frozenset(self.cloud_numbers.values())
        domains = EnterpriseDomain.objects.filter(enterprise=enterprise)
        self.domains = [each.domain for each in domains if each.verified or each.approved]
        self.own = own_domain(self.domains)
        self.unavailable: dict[str, str] = {}
        if not self.domains:
            reason = NO_DOMAINS if self.clouds else NO_CLOUD
            self.unavailable |= {OWN_DOMAIN: reason, OTHER_DOMAIN: reason}

    def known(self) -> Iterator[tuple[int, int, str]]:
        """Values of the cloud, then the primary e-mails of server accounts, as ``Known``."""
        identities = self._identities()
        some_identity = False
        for key, text in bulk_read(CLOUD_ROWS, [self._enterprise.pk, True]):
            number = self.cloud_numbers.get(key)
            if number is None:
                continue
            row = Matching._make(orjson.loads(text))
            values = identities.get(row.login.casefold(), [])
            if row.name_id:
                values = [*values, row.name_id]
            some_identity = some_identity or bool(values)
            for value in values:
                yield number, IDENTITY, value
            for email in row.emails:
                yield number, CLOUD, email
            if row.subscription_email:
                yield number, CLOUD, row.subscription_email
        if not some_identity:
            self.unavailable[SAML_LOCAL] = NO_IDENTITIES if self.clouds else NO_CLOUD
        for number, _, email in bulk_read(MEMBERSHIPS, [self._enterprise.pk]):
            if email:
                yield number, SERVER, email

    def _identities(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for login_key, _, value in bulk_read(IDENTITIES, [self._enterprise.pk]):
            found.setdefault(login_key, []).append(value)
        return found

    def logins(self) -> Iterator[Login]:
        """Of the cloud, and of the instances whose logins are kept; none if no instance's are."""
        kept = [(account, login) for account, login in self._of_accounts("login") if login]
        if not kept:
            self.unavailable[LOGIN] = NO_LOGINS
            return
        numbers = self._numbers({account for account, _ in kept})
        for account, login in kept:
            if account in numbers:
                yield Login(numbers[account], login, account)
        # A cloud row's key is its login, unless it has none.
        for key, number in self.cloud_numbers.items():
            if "@" not in key and ":" not in key:
                yield Login(number, key, key)

    def secondaries(self) -> Iterator[Secondary]:
        """Further e-mails of server accounts that consume a license."""
        kept = [(account, text) for account, text in self._of_accounts("other_emails") if text]
        if not kept:
            self.unavailable[SECONDARY] = NO_SECONDARIES
        numbers = self._numbers({account for account, _ in kept})
        for account, text in kept:
            if account in numbers:
                for email in filter(None, map(normalize, text.splitlines())):
                    yield Secondary(numbers[account], email, account)

    def _of_accounts(self, column: str) -> Iterator[tuple[str, str]]:
        """What a column holds where it holds anything, by ``HOST:ID``."""
        for instance in ServerInstance.objects.filter(enterprise=self._enterprise):
            for user_id, value in bulk_read(
                f"SELECT user_id, {column} FROM enterprise_serveruseraccount"  # noqa: S608
                f" WHERE instance_id = %s AND consumes = %s AND {column} <> ''",
                [instance.pk, True],
            ):
                yield f"{instance.host_name}:{user_id}", value

    def _numbers(self, accounts: set[str]) -> dict[str, int]:
        """Whose each of these accounts is now."""
        if not accounts:
            return {}
        everyone = bulk_read(MEMBERSHIPS, [self._enterprise.pk])
        return {account: number for number, account, _ in everyone if account in accounts}

    def facts(self, numbers: set[int]) -> dict[int, PersonFacts]:
        """What is said of some persons who are there now; who is not is missing."""
        found: dict[int, PersonFacts] = {}
        rows = {key: number for key, number in self.cloud_numbers.items() if number in numbers}
        identities = self._identities() if rows else {}
        for key, text in bulk_read_in(
            "SELECT key, matching FROM enterprise_cloudaccount WHERE enterprise_id = %s AND key IN",
            [self._enterprise.pk],
            rows,
        ):
            row = Matching._make(orjson.loads(text))
            linked = [*identities.get(row.login.casefold(), ()), row.name_id]
            emails = [*row.emails, row.subscription_email, *(v for v in linked if "@" in v)]
            kept = tuple(dict.fromkeys(filter(None, emails)))
            found[rows[key]] = PersonFacts([], row.login, kept)
        for number, account, email in bulk_read_in(
            f"{MEMBERSHIPS} AND number IN", [self._enterprise.pk], numbers
        ):
            found.setdefault(number, PersonFacts([])).accounts.append((account, email))
        for facts in found.values():
            facts.accounts.sort()
        return found

    def whose(self, accounts: set[str]) -> dict[str, int]:
        """The persons that some accounts are now in, by account."""
        return dict(
            bulk_read_in(
                "SELECT account, number FROM enterprise_membershipversion"
                " WHERE enterprise_id = %s AND to_snapshot IS NULL AND account IN",
                [self._enterprise.pk],
                accounts,
            )
        )
