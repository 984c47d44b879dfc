"""The consumed-license report as a table: GitHub's 28 columns, and a person's cells (section 7)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from enterprise.services.person_rows import ENTERPRISE, VISUAL_STUDIO


class Column(NamedTuple):
    """``header`` is GitHub's newest; ``name`` its older one in snake_case, and the key in a row."""

    header: str
    name: str


_NAMED_OTHERWISE = {"GitHub com saml name": "github_com_saml_name_id"}


def _column(header: str) -> Column:
    return Column(header, _NAMED_OTHERWISE.get(header, header.lower().replace(" ", "_")))


COLUMNS = tuple(
    map(
        _column,
        (
            "GitHub com login",
            "GitHub com name",
            "Enterprise server user ids",
            "GitHub com user",
            "Enterprise server user",
            "Visual studio subscription user",
            "License type",
            "GitHub com profile",
            "GitHub com member roles",
            "GitHub com enterprise roles",
            "GitHub com verified domain emails",
            "GitHub com saml name",
            "GitHub com orgs with pending invites",
            "GitHub com two factor auth",
            "GitHub com two factor auth required by date",
            "GitHub com cost center",
            "GitHub com code security license user",
            "GitHub com secret protection license user",
            "Ghe license active",
            "Ghe license start date",
            "Ghe license end date",
            "Enterprise server primary emails",
            "Enterprise server advanced security user ids",
            "Enterprise server code security user ids",
            "Enterprise server secret protection user ids",
            "Visual studio license status",
            "Visual studio subscription email",
            "Total user accounts",
        ),
    )
)
"""In GitHub's order, English whatever the page's language."""

LICENSE_TYPES = {ENTERPRISE: "Enterprise", VISUAL_STUDIO: "Visual Studio subscription"}
"""GitHub's words in its CSV, by ``PersonVersion.license_type``."""

_CLOUD_FACTS = ("github_com_", "visual_studio_")
FROM_CLOUD = frozenset(c.name for c in COLUMNS if c.name.startswith(_CLOUD_FACTS))
"""What only GHEC tells: empty where it was never read, since a false would claim to know."""

_KEYS = tuple(column.name for column in COLUMNS)
_EMPTY = ("",) * len(_KEYS)
_LICENSE_TYPE = _KEYS.index("license_type")
_FLAGS = {True: "true", False: "false", None: ""}
# What a spreadsheet runs: a sign, its full-width twin too, after anything that it may trim away.
_FORMULA = re.compile(r"[\s\x00-\x20\ufeff\u200b'\"]*[=+\-@＝＋－＠]|[\t\r\n]")


def cells_of(
    report: Mapping[str, Any], license_type: str, *, unread: frozenset[str] = frozenset()
) -> list[str]:
    """A stored row as the cells of ``COLUMNS``; those in ``unread`` stay empty.

    ``license_type`` is the code of the person's version. Lists are joined by ``, ``.
    """
    # Most cells are plain text or empty: only the others cost a call.
    cells = [
        value if value.__class__ is str and (not value or value[0].isalnum()) else cell(value)
        for value in map(report.get, _KEYS, _EMPTY)
    ]
    cells[_LICENSE_TYPE] = LICENSE_TYPES[license_type]
    if unread:
        return ["" if key in unread else text for key, text in zip(_KEYS, cells, strict=True)]
    return cells


def cell(value: Any) -> str:
    """One value as a cell, with an apostrophe before what a spreadsheet would run as a formula.

    That is a text which begins with ``=``, ``+``, ``-``, ``@`` or their full-width twins, spaces and
    quotation marks before it aside, or with a tab or a line break. A name or an e-mail address may
    begin so too. Nothing is lost: whoever strips one leading apostrophe where the rest is such a
    text has the original again.
    """
    if value.__class__ is str:
        text: str = value
    elif value.__class__ is list:
        text = ", ".join(value)
    elif value.__class__ is dict:
        text = orjson.dumps(value).decode() if value else ""
    elif value is None or value.__class__ is bool:
        return _FLAGS[value]
    else:
        return str(value)
    if text and not text[0].isalnum() and _FORMULA.match(text):
        return "'" + text
    return text
