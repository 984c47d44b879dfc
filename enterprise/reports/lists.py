"""Accounts that deserve a look, as pages, files and the API show them: what each list is and has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from enterprise import wording
from enterprise.models import Enterprise
from enterprise.reports.tables import Table
from enterprise.selectors import lists as selectors
from enterprise.selectors.lists import List, ListLine, list_walk

Column = tuple[str | Promise, str, Callable[[ListLine], Any]]
"""A column of a list: its title, its header in the file, and what stands in it."""


def _name(line: ListLine) -> str:
    return line.name


def _email(line: ListLine) -> str:
    return line.email


def _full_name(line: ListLine) -> str:
    return line.full_name


def _details(line: ListLine) -> list[str]:
    return list(line.details)


def _status(line: ListLine) -> str:
    return line.reason


def _why(line: ListLine) -> str:
    return str(wording.EXCLUSIONS.get(line.reason, line.reason))


_ACCOUNT: Column = (_("Account"), "Account", _name)
_EMAIL: Column = (_("E-mail address"), "Email", _email)
_NAME: Column = (_("Name"), "Name", _full_name)


class Described(NamedTuple):
    """A list as it is shown. ``total`` is how many the newest snapshot counted, if it did."""

    read: List
    title: str | Promise
    meaning: str | Promise
    columns: tuple[Column, ...]
    total: Callable[[dict[str, Any]], int] | None = None
    with_persons: bool = True
    how_to: str = ""  # the how-to page that helps


LISTS: dict[str, Described] = {
    "never-signed-in": Described(
        selectors.never_signed_in,
        _("Never signed in"),
        _(
            "By GitHub's text, an account on a server consumes a license once somebody has signed"
            " in. A report tells that nobody has only by an empty last activity and IP address, so"
            " these accounts count here unless the enterprise's settings leave them out."
        ),
        (_ACCOUNT, _EMAIL),
        lambda totals: totals.get("never_signed_in", 0),
    ),
    "subscribers-not-linked": Described(
        selectors.subscribers_not_linked,
        _("Visual Studio subscribers not linked"),
        _(
            "No account is linked with these subscriptions, so they consume no license. Somebody"
            " who has an account beside the subscription may consume one for it."
        ),
        (
            (_("Subscription's e-mail address"), "Subscription email", _email),
            _NAME,
            (_("Visual Studio license"), "Visual Studio license status", _status),
        ),
        lambda totals: totals.get("subscribers_not_linked", 0),
        with_persons=False,
    ),
    "instances-not-read": Described(
        selectors.accounts_not_read,
        _("Accounts on instances not read here"),
        _(
            "GitHub lists accounts on instances that this console has never read. They are not"
            " counted here. Add the instance under GitHub Connect, and sync it."
        ),
        (
            (_("GitHub's row"), "GitHub row", _name),
            _NAME,
            (_("Accounts"), "Accounts", _details),
        ),
        lambda totals: sum(totals.get("unread", {}).values()),
    ),
    "members-without-email": Described(
        selectors.members_without_email,
        _("Members without an e-mail address or identity"),
        _(
            "Nothing of these cloud accounts can be compared with an account on a server: they"
            " have neither an e-mail address at a verified domain nor a linked SAML or SCIM"
            " identity. GitHub names them the first suspects for double counting. Verify the"
            " domain of their addresses, or let them link their identity."
        ),
        (
            (_("GitHub login"), "Login", _name),
            _NAME,
            (_("Member roles"), "Member roles", _details),
        ),
        how_to="domains",
    ),
    "excluded": Described(
        selectors.excluded,
        _("Accounts that consume no license"),
        _("Accounts on servers that are not counted, each with the reason."),
        (_ACCOUNT, _EMAIL, (_("Why not"), "Why not", _why)),
        lambda totals: sum(totals.get("excluded", {}).values()),
        with_persons=False,
    ),
}
"""By their names in addresses and files."""


def list_table(name: str, enterprise: Enterprise, *, masked: bool) -> Table:
    """Every line of the list called ``name``, as applied while they are read."""
    described = LISTS[name]
    head = [header for _title, header, _cell in described.columns]
    if described.with_persons:
        head.append("Person")
    return Table(name, head, _list_rows(described, enterprise, masked=masked), timezone.now())


def _list_rows(
    described: Described, enterprise: Enterprise, *, masked: bool
) -> Iterator[list[Any]]:
    for line in list_walk(described.read, enterprise, masked=masked):
        cells = [cell(line) for _title, _head, cell in described.columns]
        yield [*cells, line.person] if described.with_persons else cells
