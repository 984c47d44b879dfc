"""Every code that the console can store has a sentence, and the same thing the same word."""

from __future__ import annotations

import ast
import gettext
import re
from pathlib import Path

import pytest
from django.utils import timezone, translation

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


def test_messages_are_marked_by_the_names_that_makemessages_knows() -> None:
    other = re.compile(r"import \w*gettext\w* as (?!_$)\w+", re.MULTILINE)
    files = ENTERPRISE.parent.glob("[el]*/**/*.py")  # enterprise and licsync
    assert [path.name for path in files if other.search(path.read_text())] == []


def test_an_unknown_code_shows_as_itself() -> None:
    assert wording.sentence("from_a_later_version") == "from_a_later_version"


@pytest.mark.parametrize(
    ("kind", "params", "sentence"),
    [
        ("count_jump", {"now": 1, "before": 9}, "this console finds 1 person, and found 9"),
        (
            "upload_old",
            {"host": "ghes", "on": "2026-11-24", "days": 1},
            "The applied upload of ghes is of Nov. 24, 2026, 1 day ago.",
        ),
        (
            "license_expiry",
            {"host": "ghes", "on": "2026-11-24", "days": 0},
            "The license of ghes expires on Nov. 24, 2026.",
        ),
        (
            "certificate_expiry",
            {"host": "ghes", "on": "2026-11-24", "days": -1},
            "The TLS certificate of ghes expired on Nov. 24, 2026.",
        ),
        (
            "token_expiry",
            {"host": "", "on": "2026-11-24", "at": "2026-11-24T23:30:00+00:00", "days": -1},
            "The stored token for GitHub Enterprise Cloud expired on Nov. 25, 2026.",
        ),
    ],
)
def test_what_an_alert_found_has_its_numbers_and_the_readers_dates(
    kind: str, params: dict[str, object], sentence: str
) -> None:
    with translation.override("en"), timezone.override("Europe/Berlin"):
        assert sentence in wording.found_sentence(kind, params)


def test_moments_in_letters_are_dates_of_the_reader() -> None:
    late = "2026-11-24T23:30:00+00:00"
    rule = {"alert": "upload_old", "threshold": 1, "unit": "days", "action": "reminded"}
    found = {"host": "ghes", "on": "2026-11-20", "days": 5, "since": late}
    overdue = {"host": "ghes", "last_success_at": late}
    with translation.override("de"), timezone.override("Europe/Berlin"):
        for kind, params in (("threshold.crossed", rule | found), ("run.overdue", overdue)):
            assert "25. November 2026" in wording.event_sentence(kind, params)
    with translation.override("en"):
        assert wording.rule_sentence("token_expiry", 1, "days").endswith("within 1 day")


def test_what_a_person_consumes_is_a_license_in_every_sentence() -> None:
    """An instance's own license has seats, by GitHub's field of that name."""
    (path,) = ENTERPRISE.parent.glob("locale/de/LC_MESSAGES/django.mo")
    with path.open("rb") as file:
        messages = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    texts = {key if isinstance(key, str) else key[0] for key in messages}

    said = {text for text in texts if re.search(r"\bseats?\b", text, re.IGNORECASE)}

    assert len(texts) > 1000
    assert {text for text in said if not re.search("the license's seats|seats used", text)} == set()
