"""allauth's own pages in the words of this project: nobody is called "Sie", nothing stays English."""

from __future__ import annotations

import gettext as library
import re
from pathlib import Path

import allauth
import pytest
from django.test import Client

from licsync.sign_in_texts import TEXTS
from tests.browser.pages import ONESELF, SECOND_FACTORS, give_second_factors
from tests.factories import UserFactory

CATALOG = Path(allauth.__file__).parent / "locale/de/LC_MESSAGES/django.mo"
STYLED_AS_SIE = re.compile(r"\b(Sie|Ihnen|Ihr\w*)\b")


def test_each_text_that_is_translated_here_is_one_of_the_library() -> None:
    with CATALOG.open("rb") as file:
        known = library.GNUTranslations(file)
    for text in TEXTS:
        assert known.gettext(text) != text or known.ngettext(text, text, 1) != text, text


@pytest.mark.django_db
def test_german_and_chinese_say_it_in_this_projects_words() -> None:
    user = UserFactory(username="mona")
    client = Client()
    client.force_login(user)
    pages = dict.fromkeys((*ONESELF.values(), "/accounts/2fa/totp/activate/"))
    places = give_second_factors(user)
    for path in (*pages, *SECOND_FACTORS.values()):
        for language in ("de", "zh-hans"):
            response = client.get(
                path.format_map(places), follow=True, headers={"Accept-Language": language}
            )
            main = response.content.decode().split("<main")[-1].split("</main>")[0]
            text = re.sub(r"<[^>]+>", " ", main)
            assert not STYLED_AS_SIE.findall(text), (path, text)
            if language == "zh-hans":
                assert "双重身份" not in text
                assert "两步验证" not in text
