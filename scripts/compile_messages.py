"""Compile ``locale/*/LC_MESSAGES/*.po`` to ``.mo`` in plain Python, where gettext is not installed.

A second call does nothing while nothing has changed. With ``--check`` nothing is written; exit code
1 if a message is untranslated, fuzzy, or lost one of its placeholders.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import polib

LOCALE = Path(__file__).resolve().parent.parent / "locale"
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[sd]|\{\w*\}")


def compile_all() -> None:
    for source in sorted(LOCALE.glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            polib.pofile(str(source)).save_as_mofile(str(target))


def problems() -> Iterator[str]:
    """What is wrong in each file, one line each: where, what, and which message."""
    for source in sorted(LOCALE.glob("*/LC_MESSAGES/*.po")):
        for entry in polib.pofile(str(source)):
            where = f"{source.relative_to(LOCALE.parent)}:{entry.linenum}"
            if entry.obsolete:
                continue
            if entry.fuzzy:
                yield f"{where}: fuzzy: {entry.msgid!r}"
            elif not entry.translated():
                yield f"{where}: not translated: {entry.msgid!r}"
            else:
                yield from (f"{where}: {problem}: {entry.msgid!r}" for problem in _lost(entry))


def _lost(entry: polib.POEntry) -> Iterator[str]:
    """Placeholders of the original that a translation lacks or invents.

    A singular may leave out the number: "one person".
    """
    plural = entry.msgid_plural or entry.msgid
    wanted = set(PLACEHOLDER.findall(plural))
    spared = wanted - set(PLACEHOLDER.findall(entry.msgid))
    for text in (entry.msgstr_plural or {0: entry.msgstr}).values():
        found = set(PLACEHOLDER.findall(text))
        if wanted - found - spared or found - wanted:
            yield f"placeholders differ ({', '.join(sorted(wanted ^ found))})"


def main() -> int:
    if "--check" not in sys.argv[1:]:
        compile_all()
        return 0
    found = list(problems())
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
