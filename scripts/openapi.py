"""Write docs/openapi.json, the description of /api/v1, from the code.

With --check it is only compared: exit 1 if the file is not what the code says (drift), or if it
takes something away that clients of the last commit rely on (a breaking change) while the API's
version stays. --base names another commit, in a pipeline that of the branch to merge into.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "docs" / "openapi.json"

JSON = dict[str, Any]


def from_code() -> JSON:
    """The description as the console serves it."""
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "licsync.settings")
    import django  # noqa: PLC0415 - only now does it know its settings

    django.setup()
    from enterprise.api.v1 import api  # noqa: PLC0415

    served: JSON = json.loads(json.dumps(api.get_openapi_schema()))
    return served


def as_text(description: JSON) -> str:
    return json.dumps(description, indent=2, ensure_ascii=False) + "\n"


def committed(base: str) -> JSON | None:
    """The file as of a commit; None if it was not there, or if this is no checkout."""
    name = f"{base}:{FILE.relative_to(ROOT).as_posix()}"
    shown = subprocess.run(  # noqa: S603
        ["git", "show", name],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    return json.loads(shown.stdout) if shown.returncode == 0 else None


# --- Breaking changes ----------------------------------------------------------------------------


def breaking(old: JSON, new: JSON) -> Iterator[str]:
    """What clients of ``old`` would miss in ``new``; nothing if the API's version is another one."""
    if old["info"]["version"] != new["info"]["version"]:
        return
    for path, methods in old["paths"].items():
        for method, before in methods.items():
            after = new["paths"].get(path, {}).get(method)
            where = f"{method.upper()} {path}"
            if after is None:
                yield f"{where} is gone"
            else:
                yield from _operation(where, (before, old), (after, new))


Side = tuple[JSON, JSON]
"""A part of a description, and the whole, in which its references are looked up."""


def _operation(where: str, old: Side, new: Side) -> Iterator[str]:
    yield from _scopes(where, old[0], new[0])
    yield from _parameters(where, old, new)
    before, after = (_body(part, whole) for part, whole in (old, new))
    if after and not before:
        yield f"{where} needs a body"
    elif before and after:
        yield from _request(f"{where}, its body", before, after)
    for status, answer in old[0]["responses"].items():
        if status not in new[0]["responses"]:
            yield f"{where} does not answer {status} any more"
            continue
        was = _content(answer, old[1])
        now = _content(new[0]["responses"][status], new[1])
        if was and now is None:
            yield f"{where} has no content in {status} any more"
        elif was and now:
            yield from _response(f"{where}, its answer {status}", was, now, frozenset())


def _scopes(where: str, old: JSON, new: JSON) -> Iterator[str]:
    lost = _scope_names(old) - _scope_names(new)
    yield from (f"{where} does not take the scope {scope} any more" for scope in sorted(lost))


def _scope_names(operation: JSON) -> set[str]:
    return {
        scope
        for requirement in operation.get("security", ())
        for scopes in requirement.values()
        for scope in scopes
    }


def _parameters(where: str, old: Side, new: Side) -> Iterator[str]:
    before, after = (
        {(each["in"], each["name"]): each for each in part["parameters"]} for part, _ in (old, new)
    )
    for key in before.keys() - after.keys():
        yield f"{where} does not take {key[1]} any more"
    for key, parameter in after.items():
        if key not in before:
            if parameter["required"]:
                yield f"{where} needs {key[1]}"
            continue
        if parameter["required"] and not before[key]["required"]:
            yield f"{where} needs {key[1]}"
        yield from _request(
            f"{where}, {key[1]}", (before[key]["schema"], old[1]), (parameter["schema"], new[1])
        )


def _body(operation: JSON, whole: JSON) -> Side | None:
    return _content(operation.get("requestBody", {}), whole)


def _content(message: JSON, whole: JSON) -> Side | None:
    for content in message.get("content", {}).values():
        return content["schema"], whole
    return None


def _resolved(side: Side) -> JSON:
    schema, whole = side
    while "$ref" in schema:
        schema = whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _request(where: str, old: Side, new: Side) -> Iterator[str]:
    """What a client could send before must still be taken."""
    before, after = _resolved(old), _resolved(new)
    were, are = _kinds_of(old), _kinds_of(new)
    if are and not were <= are:
        yield f"{where} takes {_listed(are)} only"
    if "enum" in after:
        lost = [value for value in before.get("enum", ()) if value not in after["enum"]]
        yield from (f"{where} does not take {value!r} any more" for value in lost)
        if "enum" not in before:
            yield f"{where} takes only some values now"
    members, known = after.get("properties", {}), before.get("properties", {})
    if known:
        yield from (f"{where} does not take {name} any more" for name in known.keys() - members)
    for name in set(after.get("required", ())) - set(before.get("required", ())):
        yield f"{where} needs {name}"
    for name in known.keys() & members.keys():
        yield from _request(f"{where}, {name}", (known[name], old[1]), (members[name], new[1]))


def _response(where: str, old: Side, new: Side, above: frozenset[str]) -> Iterator[str]:
    """What a client could read before must still be there. ``above`` are references being read."""
    reference = old[0].get("$ref", "")
    if reference in above:
        return
    above |= {reference} if reference else set()
    before, after = _resolved(old), _resolved(new)
    were, are = _kinds_of(old), _kinds_of(new)
    if were and not (are and are <= were):
        yield f"{where} may be {_listed(are) or 'anything'}, not only {_listed(were)}"
    known, members = before.get("properties", {}), after.get("properties", {})
    yield from (f"{where} lacks {name}" for name in known.keys() - members.keys())
    for name in set(before.get("required", ())) - set(after.get("required", ())) & members.keys():
        yield f"{where} may lack {name}"
    for name in known.keys() & members.keys():
        sides = (known[name], old[1]), (members[name], new[1])
        yield from _response(f"{where}, {name}", *sides, above)
    if "items" in before and "items" in after:
        sides = (before["items"], old[1]), (after["items"], new[1])
        yield from _response(f"{where}, each", *sides, above)


def _kinds_of(side: Side) -> frozenset[str]:
    """The JSON types that a schema allows; none if it allows any."""
    schema = _resolved(side)
    if "anyOf" in schema:
        return frozenset(kind for each in schema["anyOf"] for kind in _kinds_of((each, side[1])))
    kind = schema.get("type")
    return frozenset({"number": {"number", "integer"}, None: ()}.get(kind, {kind}))


def _listed(kinds: frozenset[str]) -> str:
    return ", ".join(sorted(kinds))


# --- The command ---------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    parser.add_argument("--base", default="HEAD", help="the commit whose clients must not break")
    arguments = parser.parse_args()
    description = from_code()
    faults = []
    before = committed(arguments.base)
    if before is not None:
        faults = [f"breaking: {fault}" for fault in sorted(breaking(before, description))]
    if not arguments.check:
        FILE.write_text(as_text(description))
    elif not FILE.exists() or FILE.read_text() != as_text(description):
        faults.append("docs/openapi.json is not what the code says: run scripts/openapi.py")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
