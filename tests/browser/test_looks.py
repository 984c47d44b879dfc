"""The helpers of the looks: each language and width in both themes, and words that the console says."""

from __future__ import annotations

import re
from itertools import product

import pytest

from tests.browser.looks import LOOKS, NUMBER, Look

GERMAN = Look("de", "dark", 360)


def test_each_language_is_seen_at_each_width_and_both_in_both_themes() -> None:
    looks = [param.values[0] for param in LOOKS]

    languages, widths = ("en", "de", "zh-hans"), (360, 1440)
    assert {(look.language, look.width) for look in looks} == set(product(languages, widths))
    for seen in (*languages, *widths):
        themes = {look.theme for look in looks if seen in (look.language, look.width)}
        assert themes == {"light", "dark"}


def test_a_message_is_said_as_the_page_says_it() -> None:
    assert GERMAN.say("Sync now") == "Jetzt synchronisieren"
    assert GERMAN.say("%(shown)s account", "%(shown)s accounts", 2, shown=2) == "2 Konten"
    assert GERMAN.say("Done", context="button") == "Fertig"
    assert Look("en", "light", 1440).say("%(host)s is added.", host="a") == "a is added."


def test_a_value_that_is_not_known_makes_a_pattern() -> None:
    said = GERMAN.say(
        "GitHub counts %(total)s of %(purchased)s purchased", total=5, purchased=NUMBER
    )

    assert isinstance(said, re.Pattern)
    assert said.fullmatch("GitHub zählt 5 von 12 gekauften")
    assert not said.search("GitHub zählt 6 von 12 gekauften")


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(
    ("messages", "context"),
    [(["Sync at once"], ""), (["%(shown)s account"], ""), (["Sync now"], "button")],
    ids=["unknown", "without its plural", "in another context"],
)
def test_what_is_not_translated_is_a_mistake_of_the_test(
    language: str, messages: list[str], context: str
) -> None:
    with pytest.raises(LookupError, match="not in the catalog"):
        Look(language, "light", 360).say(*messages, context=context)
