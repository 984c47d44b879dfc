"""Templates by language: constant words and icons are text before a page is drawn."""

from __future__ import annotations

import pytest
from django.template import Context, Template, TemplateSyntaxError, engines
from django.template.base import TextNode
from django.template.loader import render_to_string
from django.utils import translation


def only_text(source: str) -> bool:
    template = Template("{% load console i18n %}" + source)
    return all(isinstance(node, TextNode) for node in template.nodelist[1:])


@pytest.mark.parametrize(
    "source",
    [
        '{% translate "Save" %}',
        '{% translate "Enterprise" context "license type" %}',
        '{% octicon "sync" 24 label=_("Save") %}',
        '{% state_label "ok" _("OK") %}',
    ],
)
def test_what_is_constant_in_a_language_is_text(source: str) -> None:
    assert only_text(source)


@pytest.mark.parametrize(
    "source",
    [
        "{% translate word %}",
        '{% translate "Save" as word %}',
        "{% octicon icon %}",
        '{% octicon "sync" label=word|upper %}',
    ],
)
def test_what_depends_on_the_page_is_not(source: str) -> None:
    assert not only_text(source)


def test_each_language_has_its_own() -> None:
    texts = {}
    for language in ("en", "de", "zh-hans", "en"):
        with translation.override(language):
            texts[language] = render_to_string("404.html")
    assert len(set(texts.values())) == 3
    assert "Go to the start page" in texts["en"]


def test_a_template_is_compiled_once_in_a_language() -> None:
    engine = engines["django"].engine
    assert engine.get_template("404.html") is engine.get_template("404.html")


def test_a_percent_sign_stays_one() -> None:
    template = Template('{% load i18n %}{% translate "100 % of them" %}')
    assert template.render(Context()) == "100 % of them"


def test_an_icon_that_does_not_exist_stops_the_compiling() -> None:
    with pytest.raises(TemplateSyntaxError, match="no octicon 'unicorn'"):
        Template('{% load console %}{% if False %}{% octicon "unicorn" %}{% endif %}')
