"""Every code that the console can store has a sentence, and the same thing the same word."""

from __future__ import annotations

import ast
import gettext
import re
from pathlib import Path

import pytest
from django.utils import translation

from enterprise import wording

ENTERPRISE = Path(wording.__file__).parent.parent


def codes(*callables: str) -> set[str]:
    """The literal first arguments of calls of these names, anywhere in the package."""
    found = set()
    for path in ENTERPRISE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            first = node.args[0]
            if name in callables and isinstance(first, ast.Constant):
                found.add(str(first.value))
    return found


@pytest.mark.parametrize("code", sorted(codes("Fault")))
def test_every_fault_has_a_sentence(code: str) -> None:
    assert code in wording.FAULTS or code in wording.REFUSALS


@pytest.mark.parametrize("code", sorted(codes("Refused")))
def test_every_refusal_has_a_sentence(code: str) -> None:
    assert code in wording.REFUSALS or code in wording.FAULTS


@pytest.mark.parametrize("code", [*wording.FAULTS, *wording.REFUSALS, *wording.LOG_LINES])
@pytest.mark.parametrize("language", ["en", "de", "zh-hans"])
def test_every_sentence_renders_without_its_parameters(code: str, language: str) -> None:
    with translation.override(language):
        assert wording.sentence(code, {})


def test_an_unknown_code_shows_as_itself() -> None:
    assert wording.sentence("from_a_later_version") == "from_a_later_version"


def test_what_a_person_consumes_is_a_license_in_every_sentence() -> None:
    """An instance's own license has seats, by GitHub's field of that name."""
    (path,) = ENTERPRISE.parent.glob("locale/de/LC_MESSAGES/django.mo")
    with path.open("rb") as file:
        messages = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    texts = {key if isinstance(key, str) else key[0] for key in messages}

    said = {text for text in texts if re.search(r"\bseats?\b", text, re.IGNORECASE)}

    assert len(texts) > 1000
    assert {text for text in said if not re.search("the license's seats|seats used", text)} == set()
