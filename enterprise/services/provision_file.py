"""The provisioning file: TOML in, checked entries out. Nothing is read from the database here.

Every fault of the file is found before anything is written, and told with its place. The keys are
documented in docs/configuration.md.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from enterprise.faults import Refused

PRESENT, ABSENT = "present", "absent"


class Problem(NamedTuple):
    """What is wrong, and where: ``[[instance]] #2``."""

    place: str
    refusal: Refused


class ProvisionRefused(Exception):
    """The file cannot be applied; nothing of it was. ``problems`` has at least one."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = problems


class Table(NamedTuple):
    """One kind of table: ``keys`` with their types, ``name`` its identity, ``within`` the key that
    belongs to the identity, ``needed`` what a present entry must have beside it.
    """

    name: str
    keys: dict[str, type]
    needed: tuple[str, ...] = ()
    within: tuple[str, ...] = ()


ENTERPRISE = Table(
    name="slug",
    keys={
        "slug": str,
        "name": str,
        "api_url": str,
        "token_env": str,
        "billing_model": str,
        "time_zone": str,
        "exclude_never_signed_in": bool,
        "guard_share": int,
        "schedule_weekday": int,
        "schedule_time": str,
        "renewal_on": str,
        "seat_price": str,
        "currency": str,
        "state": str,
    },
)
ARRAYS = {
    "instance": Table(
        name="host_name",
        keys={
            "host_name": str,
            "url": str,
            "source": str,
            "username": str,
            "token_env": str,
            "connect": bool,
            "license_sync": bool,
            "enterprise_slug": str,
            "ca_bundle": str,
            "proxy": str,
            "plain_http": bool,
            "rhythm": str,
            "schedule_weekday": int,
            "schedule_time": str,
            "guard_share": int,
            "keep_logins": bool,
            "state": str,
        },
    ),
    "member": Table(
        name="username",
        keys={"username": str, "email": str, "role": str, "password_env": str, "state": str},
        needed=("role",),
    ),
    "group": Table(
        name="group",
        keys={"group": str, "provider": str, "role": str, "state": str},
        needed=("role",),
        within=("provider",),
    ),
    "token": Table(
        name="name",
        keys={"name": str, "scopes": list, "token_env": str, "state": str},
        needed=("scopes", "token_env"),
    ),
}
# Capitals only: whoever writes the secret itself here must not see it repeated.
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*\Z")
_MAY_BE_EMPTY = {
    "enterprise_slug",
    "proxy",
    "ca_bundle",
    "email",
    "renewal_on",
    "seat_price",
    "currency",
}  # which takes away what was set
_WRONG_TYPE = {
    str: "provision_not_text",
    bool: "provision_not_flag",
    int: "provision_not_number",
    list: "provision_not_texts",
}


class Entry(NamedTuple):
    """One table of the file, checked: ``values`` has known keys only, each of its type."""

    kind: str
    place: str
    name: str
    values: dict[str, Any]

    @property
    def absent(self) -> bool:
        return bool(self.values.get("state") == ABSENT)


class ProvisionFile(NamedTuple):
    """The whole file, checked; a certificate that it names by path is read already."""

    enterprise: Entry
    instances: list[Entry]
    members: list[Entry]
    groups: list[Entry]
    tokens: list[Entry]


def provision_file_read(path: Path) -> ProvisionFile:
    """Read and check a provisioning file. Raises ProvisionRefused with every problem found."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise _refused(str(path), "provision_unreadable", reason=reason) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _refused(str(path), "provision_not_toml", reason=str(error)) from None
    return _Reader(path.parent).document(document)


def _refused(place: str, code: str, **params: Any) -> ProvisionRefused:
    return ProvisionRefused([Problem(place, Refused(code, **params))])


class _Reader:
    """Checks a parsed document and gathers its problems. ``folder`` is where paths start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[Problem] = []

    def document(self, document: dict[str, Any]) -> ProvisionFile:
        self._refuse_unknown("", document, ["enterprise", *ARRAYS])
        enterprise = document.get("enterprise")
        if isinstance(enterprise, dict):
            checked = self._entry("enterprise", "[enterprise]", ENTERPRISE, enterprise)
        else:
            self._problem("[enterprise]", "provision_no_enterprise")
            checked = Entry("enterprise", "[enterprise]", "", {})
        if checked.absent:
            self._problem(checked.place, "provision_enterprise_absent")
        arrays = {key: self._array(key, table, document) for key, table in ARRAYS.items()}
        if self.problems:
            raise ProvisionRefused(self.problems)
        return ProvisionFile(
            checked, arrays["instance"], arrays["member"], arrays["group"], arrays["token"]
        )

    def _array(self, key: str, table: Table, document: dict[str, Any]) -> list[Entry]:
        tables = document.get(key, [])
        if not isinstance(tables, list) or not all(isinstance(item, dict) for item in tables):
            self._problem(f"[[{key}]]", "provision_not_array", key=key)
            return []
        entries = []
        seen: dict[tuple[Any, ...], str] = {}
        for number, values in enumerate(tables, start=1):
            entry = self._entry(key, f"[[{key}]] #{number}", table, values)
            # Hosts and usernames are the same in any case; groups and tokens are not.
            name = entry.name if key in ("group", "token") else entry.name.lower()
            identity = (name, *(str(values.get(each)) for each in table.within))
            first = seen.setdefault(identity, entry.place)
            if name and first != entry.place:
                self._problem(entry.place, "provision_twice", name=entry.name, first=first)
            entries.append(entry)
        return entries

    def _entry(self, kind: str, place: str, table: Table, values: dict[str, Any]) -> Entry:
        self._refuse_unknown(place, values, list(table.keys))
        known = {key: value for key, value in values.items() if key in table.keys}
        for key, value in known.items():
            if not _fits(value, table.keys[key]):
                self._problem(place, _WRONG_TYPE[table.keys[key]], key=key)
            elif key.endswith("_env") and value and not _VARIABLE.match(value):
                self._problem(place, "provision_bad_variable", key=key)
        if known.get("state", PRESENT) not in (PRESENT, ABSENT):
            self._problem(place, "provision_bad_state")
        absent = known.get("state") == ABSENT
        needed = (table.name, *table.within, *(() if absent else table.needed))
        for key in dict.fromkeys((*needed, *known)):
            if key not in known or (known[key] in ("", []) and key not in _MAY_BE_EMPTY):
                self._problem(place, "provision_missing_key", key=key)
        if isinstance(known.get("ca_bundle"), str):
            known["ca_bundle"] = self._certificate(place, known["ca_bundle"])
        name = known.get(table.name)
        return Entry(kind, place, name.strip() if isinstance(name, str) else "", known)

    def _certificate(self, place: str, given: str) -> str:
        """PEM text as it is; anything else is the path of a PEM file, from the file's own folder."""
        if not given.strip() or "-----BEGIN" in given:
            return given.strip()
        try:
            return (self.folder / given).read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            self._problem(place, "provision_no_certificate", path=given)
            return ""

    def _refuse_unknown(self, place: str, values: dict[str, Any], known: list[str]) -> None:
        for key in values:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                code = "provision_unknown_key_near" if near else "provision_unknown_key"
                self._problem(place, code, key=key, **({"near": near[0]} if near else {}))

    def _problem(self, place: str, code: str, **params: Any) -> None:
        self.problems.append(Problem(place, Refused(code, **params)))


def _fits(value: Any, wanted: type) -> bool:
    if wanted is list:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    return type(value) is wanted  # so that true is no number
