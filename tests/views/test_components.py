"""The components, as they come out of their templates, and the style guide that shows them all."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django import forms
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.template import Context, Template, TemplateSyntaxError
from django.template.defaulttags import IfNode
from django.test import Client
from django.utils import timezone, translation

from enterprise.models import Enterprise, Membership, Role, RunState, User
from enterprise.templatetags.console import (
    COMPONENTS,
    STATES,
    THEMES,
    ComponentNode,
    number,
    octicon,
    signed,
)
from enterprise.wording.times import relative_time

NOW = datetime(2026, 11, 23, 6, 16, tzinfo=UTC)


def render(source: str, **context: Any) -> str:
    return Template("{% load console %}" + source).render(Context(context))


@pytest.fixture
def owner(db: None) -> User:
    owner = User.objects.create_user("mona", "mona@example.com")
    enterprise = Enterprise.objects.create(slug="acme", name="Acme")
    Membership.objects.create(enterprise=enterprise, user=owner, role=Role.OWNER)
    return owner


class TestIcons:
    def test_an_icon_is_silent_to_screen_readers(self) -> None:
        assert 'aria-hidden="true"' in render('{% octicon "sync" %}')

    def test_an_icon_with_a_label_is_a_picture_with_that_name(self) -> None:
        svg = render('{% octicon "alert" label=label %}', label="<Warning>")
        assert 'role="img" aria-label="&lt;Warning&gt;"' in svg

    def test_an_icon_that_does_not_exist_is_a_mistake_in_the_template(self) -> None:
        with pytest.raises(TemplateSyntaxError, match="no octicon 'unicorn' of size 16"):
            render('{% octicon "unicorn" %}')

    def test_every_run_state_has_its_icon_and_color(self) -> None:
        assert set(RunState.values) <= set(STATES)

    @pytest.mark.parametrize("state", STATES)
    def test_a_state_is_told_by_icon_and_words(self, state: str) -> None:
        html = render('{% state_label state "Words" %}', state=state)
        assert "<svg" in html
        assert "Words" in html


class TestTimes:
    def test_a_time_is_shown_in_the_viewers_zone_with_the_zone_named(self) -> None:
        with timezone.override("Europe/Berlin"):
            html = render("{% time value %}", value=NOW)
        assert 'datetime="2026-11-23T06:16:00Z"' in html
        assert "Nov. 23, 2026, 7:16 a.m. CET" in html

    def test_a_zone_without_letters_is_named_by_its_distance_from_utc(self) -> None:
        with timezone.override("America/Sao_Paulo"):
            assert "3:16 a.m. UTC-03" in render("{% time value %}", value=NOW)

    def test_no_time_is_a_dash_or_what_the_page_says(self) -> None:
        assert render("{% time None %}") == "—"
        assert render('{% time None empty="never" %}') == "never"

    @pytest.mark.parametrize(
        ("distance", "words"),
        [
            (timedelta(seconds=29), "just now"),
            (timedelta(seconds=-29), "in a moment"),
            (timedelta(seconds=90), "2 minutes ago"),
            (timedelta(minutes=59, seconds=40), "1 hour ago"),
            (timedelta(hours=-5), "in 5 hours"),
            (timedelta(days=-1), "in 1 day"),
            (timedelta(days=29), "29 days ago"),
            (timedelta(days=30), None),
        ],
    )
    def test_a_distance_is_told_in_its_largest_unit(
        self, distance: timedelta, words: str | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(timezone, "now", lambda: NOW)
        assert relative_time(NOW - distance) == words

    def test_a_relative_time_has_the_exact_one_as_its_title(self) -> None:
        html = render('{% time value "relative" %}', value=timezone.now() - timedelta(hours=3))
        assert re.search(r'title="[^"]+ UTC">3 hours ago</time>', html)


class TestNumbers:
    def test_thousands_are_grouped_as_the_language_does(self) -> None:
        assert number(1234567) == "1,234,567"
        with translation.override("de"):
            assert number(1234567) == "1.234.567"

    def test_an_unknown_number_is_a_dash(self) -> None:
        assert number(None) == "—"

    def test_a_difference_carries_its_sign(self) -> None:
        assert [signed(n) for n in (3, -1200, 0)] == ["+3", "−1,200", "0"]

    def test_a_progress_bar_keeps_plain_numbers_for_the_browser(self) -> None:
        source = '{% include "components/_progress.html" with label="L" value=1234 max=5678 only %}'
        with translation.override("de"):
            assert '<progress value="1234" max="5678"' in render(source)

    def test_a_progress_bar_without_an_end_is_under_way(self) -> None:
        html = render('{% include "components/_progress.html" with label="Waiting" only %}')
        assert '<progress aria-label="Waiting">' in html


class TestContainers:
    def test_a_component_sees_only_what_it_is_given(self) -> None:
        html = render('{% component "box" %}{{ title }}{% endcomponent %}', title="Mine")
        assert "Mine" in html
        assert "Box-title" not in html

    def test_a_parameter_that_a_component_does_not_take_is_a_mistake_in_the_template(self) -> None:
        with pytest.raises(TemplateSyntaxError, match="'row' takes no acton"):
            render('{% component "row" acton="x" %}{% endcomponent %}')

    def test_every_template_gives_only_what_a_component_takes(self) -> None:
        given = [
            (partial, set(re.findall(r" (\w+)=", params)))
            for page in (settings.BASE_DIR / "templates").rglob("*.html")
            for partial, params in re.findall(
                r'{% component "(\w+)"((?:"[^"]*"|[^"%])*)%}', page.read_text()
            )
        ]
        assert len(given) > 100
        for partial, names in given:
            assert names <= COMPONENTS[partial].keys(), (partial, names)

    def test_no_component_names_a_value_as_one_of_its_parameters(self) -> None:
        """What a parameter is known to be is put in wherever its name stands."""
        for partial, params in COMPONENTS.items():
            path = settings.BASE_DIR / f"templates/components/_{partial}.html"
            named = set(re.findall(r"\bas (\w+)|{% for (\w+)|{% with (\w+)=", path.read_text()))
            assert not {name for names in named for name in names} & {*params, "content"}

    def test_what_a_component_is_not_given_is_left_out_when_it_is_compiled(self) -> None:
        source = '{% load console %}{% component "row" title="T" id=id %}X{% endcomponent %}'
        (node,) = Template(source).nodelist.get_nodes_by_type(ComponentNode)
        conditions = node.around.get_nodes_by_type(IfNode)
        assert [str(each.conditions_nodelists[0][0].text) for each in conditions] == [
            "id",
            "content",
        ]

    def test_what_is_known_and_what_is_not_are_drawn_alike(self) -> None:
        given = {"title": "A & B", "level": 3, "id": "x", "danger": True, "count": 1234}
        constant = '{% component "box" title="A & B" level=3 id="x" danger=True count=1234 %}'
        variable = '{% component "box" title=title level=level id=id danger=danger count=count %}'
        html = render(constant + "X{% endcomponent %}")
        assert html.replace("A & B", "A &amp; B") == render(
            variable + "X{% endcomponent %}", **given
        )

    def test_captured_markup_is_passed_on_as_it_is(self) -> None:
        html = render(
            '{% capture as actions %}<a class="btn">{{ name }}</a>{% endcapture %}'
            '{% component "box" title="T" actions=actions %}{% endcomponent %}',
            name="<b>",
        )
        assert '<a class="btn">&lt;b&gt;</a>' in html

    def test_a_title_from_data_is_escaped(self) -> None:
        html = render('{% component "heading" title=title %}{% endcomponent %}', title="<script>")
        assert "&lt;script&gt;" in html


class TestForms:
    class Form(forms.Form):
        host = forms.CharField(label="Host name", help_text="As GitHub names it.")
        source = forms.ChoiceField(label="Source", choices=[("a", "A")])
        note = forms.CharField(label="Note", required=False, widget=forms.Textarea)
        sure = forms.BooleanField(label="Sure")
        rhythm = forms.ChoiceField(label="Rhythm", choices=[("w", "W")], widget=forms.RadioSelect)
        hidden = forms.CharField(widget=forms.HiddenInput, required=False)

    def test_label_help_and_error_are_tied_to_the_control(self) -> None:
        html = render('{% include "components/_form.html" %}', form=self.Form({"source": "a"}))
        assert '<label class="FormControl-label" for="id_host">' in html
        assert 'aria-describedby="id_host_helptext id_host_error"' in html
        assert 'aria-invalid="true"' in html
        assert 'id="id_host_error"' in html
        assert 'id="id_host_helptext"' in html

    def test_each_kind_of_control_has_its_frame(self) -> None:
        html = render('{% include "components/_form.html" %}', form=self.Form())
        for css in ("input", "select", "textarea", "checkbox", "radio-wrap"):
            assert f"FormControl-{css}" in html
        assert html.count('type="hidden"') == 1

    def test_a_switch_names_its_subject_and_its_state(self) -> None:
        html = render(
            '{% include "components/_switch.html" with label="License sync" name="on" action="/do"'
            ' choices=choices current="yes" csrf_token="T" only %}',
            choices=[{"value": "yes", "label": "Enabled"}, {"value": "no", "label": "Disabled"}],
        )
        assert 'aria-label="License sync: Enabled"' in html
        assert 'name="on" value="no"' in html
        assert 'name="csrfmiddlewaretoken" value="T"' in html


class TestThemes:
    @pytest.mark.parametrize("theme", User.Theme.values)
    def test_every_theme_one_may_choose_is_drawn(self, theme: str) -> None:
        html = render("{% theme_attributes %}", user=User(theme=theme))
        assert f'data-color-mode="{THEMES[theme][0]}"' in html

    def test_who_has_not_signed_in_gets_the_systems_theme(self) -> None:
        html = render("{% theme_attributes %}", user=AnonymousUser())
        assert html == 'data-color-mode="auto" data-light-theme="light" data-dark-theme="dark"'


class TestStyleguide:
    def test_an_owner_sees_every_component(self, client: Client, owner: User) -> None:
        client.force_login(owner)
        response = client.get("/styleguide")
        assert response.status_code == 200
        html = response.content.decode()
        assert "style=" not in html
        assert not re.search(r"\son[a-z]+=", html)

    def test_every_leaf_is_shown(self, client: Client, owner: User) -> None:
        client.force_login(owner)
        shown = {template.name for template in client.get("/styleguide").templates}
        templates = settings.BASE_DIR / "templates"
        components = {
            path.relative_to(templates).as_posix()
            for path in (templates / "components").glob("_*.html")
        }
        assert len(components) > 30
        components -= {"components/_asked.html"}  # the inside of the dialog, which is shown
        components -= {f"components/_{name}.html" for name in COMPONENTS}  # see the next test
        assert components - shown == set()
        assert "enterprise/runs/_progress.html" in shown  # as a run's page shows it

    def test_every_container_is_shown_with_all_that_it_takes(self) -> None:
        source = (settings.BASE_DIR / "templates/styleguide/styleguide.html").read_text()
        assert set(re.findall(r'{% component "(\w+)"', source)) >= COMPONENTS.keys() - {
            "dialog_content"  # inside of the dialog
        }

    @pytest.mark.django_db
    def test_others_are_told_that_there_is_no_such_page(self, client: Client) -> None:
        assert client.get("/styleguide").status_code == 302  # to sign in, as on any page
        client.force_login(User.objects.create_user("stranger"))
        assert client.get("/styleguide").status_code == 404

    def test_a_theme_that_does_not_exist_is_no_page(self, client: Client, owner: User) -> None:
        client.force_login(owner)
        assert client.get("/styleguide?theme=dark").status_code == 200
        assert client.get("/styleguide?theme=pink").status_code == 404


@pytest.mark.django_db
class TestShell:
    def test_the_sign_in_page_has_landmarks_and_no_inline_code(self, client: Client) -> None:
        html = client.get("/accounts/login/").content.decode()
        for part in ('<main id="main"', "<header", "<footer", 'aria-live="polite"', "noindex"):
            assert part in html
        for name in ("login", "password"):
            assert f'name="{name}"' in html
        assert "style=" not in html
        assert "This console only reads: it sends nothing to GitHub." in html

    def test_a_page_that_does_not_exist_says_what_to_do(self, client: Client) -> None:
        response = client.get("/nowhere")
        assert response.status_code == 404
        assert "Go to the start page" in response.content.decode()

    def test_the_language_is_chosen_below_the_page(self, client: Client) -> None:
        client.post("/i18n/setlang/", {"language": "de", "next": "/accounts/login/"})
        assert '<html lang="de"' in client.get("/accounts/login/").content.decode()

    @pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "500"])
    def test_error_pages_need_no_request(self, name: str) -> None:
        from django.template.loader import render_to_string

        assert "blankslate-heading" in render_to_string(f"{name}.html")


def test_each_blank_slate_has_an_icon_of_its_size() -> None:
    """Not every octicon is drawn at 24 pixels; without one a page fails where there is nothing yet."""
    templates = settings.BASE_DIR.joinpath("templates").rglob("*.html")
    source = "".join(path.read_text() for path in templates)
    icons = set(re.findall(r'component "blankslate" icon="([a-z-]+)"', source))
    assert len(icons) > 10
    for icon in icons:
        assert "<svg" in octicon(icon, 24)
