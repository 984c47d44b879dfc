"""How somebody looks at a task: in a language, a theme and a width; and what the console says then."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

import polib
import pytest
from django.conf import settings
from django.utils import translation
from django.utils.html import strip_tags
from playwright.sync_api import Browser, BrowserContext

from tests.browser.checks import NARROW, WIDE

LOCALES = {"en": "en-US", "de": "de-DE", "zh-hans": "zh-CN"}
NUMBER = re.compile(r"\d+")
ANYTHING = re.compile(r".+")
"""Values of a sentence that a test does not know."""


@cache
def messages() -> frozenset[tuple[str, str, str]]:
    """Context, message and plural of all that is translated; each language has the same ones."""
    (folder, *_) = settings.LOCALE_PATHS
    catalog = polib.pofile(str(folder / "de" / "LC_MESSAGES" / "django.po"))
    return frozenset(
        (entry.msgctxt or "", entry.msgid, entry.msgid_plural or "")
        for entry in catalog
        if not entry.obsolete
    )


@dataclass(frozen=True)
class Look:
    language: str
    theme: Literal["light", "dark"]
    width: int

    def __str__(self) -> str:
        return f"{self.language}-{self.theme}-{self.width}"

    def context(self, browser: Browser, *, javascript: bool = True) -> BrowserContext:
        return browser.new_context(
            locale=LOCALES[self.language],
            color_scheme=self.theme,
            viewport=next(size for size in (NARROW, WIDE) if size["width"] == self.width),
            java_script_enabled=javascript,
        )

    def say(
        self,
        message: str,
        plural: str = "",
        number: int = 1,
        /,
        *,
        context: str = "",
        **values: str | int | re.Pattern[str],
    ) -> str | re.Pattern[str]:
        """What stands in the page for a message of the code; a pattern if one of its values is one.

        A message that the translators never saw is a mistake of the test: in English it would
        pass, and everywhere else the page would be searched for a sentence that nobody says.
        """
        if (context, message, plural) not in messages():
            raise LookupError(f"not in the catalog: {context} {message!r} {plural!r}")
        with translation.override(self.language):
            if plural:
                text = translation.ngettext(message, plural, number)
            elif context:
                text = translation.pgettext(context, message)
            else:
                text = translation.gettext(message)
        text = strip_tags(text)
        if not any(isinstance(value, re.Pattern) for value in values.values()):
            return text % values if values else text
        groups = {
            name: f"(?:{value.pattern})" if isinstance(value, re.Pattern) else re.escape(str(value))
            for name, value in values.items()
        }
        return re.compile(re.sub(r"%\\\((\w+)\\\)s", lambda m: groups[m[1]], re.escape(text)))


FAST = Look("en", "light", 1440)
"""What every run of the tests does; the others are slow."""

LOOKS = [
    pytest.param(look, id=str(look), marks=[] if look == FAST else pytest.mark.slow)
    for look in (
        FAST,
        Look("en", "dark", 360),
        Look("de", "dark", 1440),
        Look("de", "light", 360),
        Look("zh-hans", "light", 1440),
        Look("zh-hans", "dark", 360),
    )
]
"""Each language at each width; each language, and each width, in both themes."""
