"""What every page of the console needs: icons, times, numbers, the viewer's theme."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django import template
from django.forms import (
    BoundField,
    CheckboxInput,
    CheckboxSelectMultiple,
    RadioSelect,
    Select,
    Textarea,
    Widget,
)
from django.template import Engine, Node
from django.template.base import FilterExpression, NodeList, Parser, Token, token_kwargs
from django.template.context import Context
from django.utils import formats
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from octicons_pack import get_icon

from enterprise.wording.times import exact_time, relative_time
from licsync.templates import PartialParser, address, constant_tag, is_constant, value_of

register = template.Library()

# The viewer's setting → (data-color-mode, data-light-theme, data-dark-theme), as Primer reads them.
THEMES = {
    "auto": ("auto", "light", "dark"),
    "light": ("light", "light", "dark"),
    "dark": ("dark", "light", "dark"),
    "light_high_contrast": ("light", "light_high_contrast", "dark_high_contrast"),
    "dark_high_contrast": ("dark", "light_high_contrast", "dark_high_contrast"),
}

# Octicon and Primer color for each state of a run, an instance and GitHub's own sync.
STATES = {
    "queued": ("clock", "secondary"),
    "running": ("sync", "accent"),
    "succeeded": ("check-circle-fill", "success"),
    "failed": ("x-circle-fill", "danger"),
    "held": ("stop", "attention"),
    "cancelled": ("skip", "secondary"),
    "ok": ("check-circle-fill", "success"),
    "enabled": ("check-circle-fill", "success"),
    "disabled": ("circle-slash", "secondary"),
    "off": ("circle-slash", "secondary"),
    "failing": ("x-circle-fill", "danger"),
    "overdue": ("alert-fill", "attention"),
    "never_synced": ("dot-fill", "secondary"),
    "unknown": ("question", "secondary"),
    "sending": ("sync", "accent"),
    "delivered": ("check-circle-fill", "success"),
}

# What each container takes, and what holds where it is not given (templates/components/README.md).
COMPONENTS: dict[str, dict[str, Any]] = {
    partial: {name: None if name in ("count", "search") else "" for name in names.split()}
    for partial, names in {
        "blankslate": "title icon actions level",
        "box": "title level count actions id title_id danger css",
        "dialog": "id title",
        "dialog_content": "id title",
        "flash": "kind title actions role id css",
        "heading": "title top level actions id danger",
        "menu": "label icon name align css",
        "row": "title url labels icon actions id",
        "table": "caption id css",
        "toolbar": "label search placeholder search_name action clear_url target submit actions",
    }.items()
}

NOTHING = "—"


@constant_tag(register)
def octicon(name: str, size: int = 16, label: str = "", css: str = "") -> SafeString:
    """The octicon of that name and size as inline SVG; silent to screen readers without a label.

    Raises TemplateSyntaxError if there is none of that name in that size.
    """
    return _octicon(str(name), size, str(label), str(css))


@lru_cache(maxsize=1024)  # a page has dozens, of which most are alike
def _octicon(name: str, size: int, label: str, css: str) -> SafeString:
    icon = get_icon(f"{name}-{size}")
    if icon is None:
        raise template.TemplateSyntaxError(f"There is no octicon {name!r} of size {size}.")
    meaning = (
        format_html('role="img" aria-label="{}"', label)
        if label
        else mark_safe('aria-hidden="true"')
    )
    start = format_html(
        '<svg class="octicon octicon-{}{}" width="{}" height="{}" fill="currentColor" {} ',
        name,
        f" {css}" if css else "",
        size,
        size,
        meaning,
    )
    return mark_safe(start + icon.svg.removeprefix("<svg "))  # noqa: S308 - the package's own SVG


@register.simple_tag(takes_context=True)
def theme_attributes(context: Context) -> SafeString:
    """The attributes of ``<html>`` for ``theme``, else the viewer's theme, else the system's."""
    user = context.get("user")
    theme = context.get("theme") or getattr(user, "theme", "auto")
    mode, light, dark = THEMES[str(theme)]
    return format_html(
        'data-color-mode="{}" data-light-theme="{}" data-dark-theme="{}"', mode, light, dark
    )


@register.simple_tag(name="time")
def time_tag(
    value: datetime | None, style: str = "absolute", empty: str = NOTHING
) -> SafeString | str:
    """``value`` in the viewer's zone with the zone named, as ``<time>``; ``empty`` for None.

    ``style`` "relative" says "3 hours ago" or "in 3 hours" with the exact time as title, as long as
    it is less than 30 days away.
    """
    if value is None:
        return empty
    exact = exact_time(value)
    words = relative_time(value) if style == "relative" else None
    utc = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if words is None:
        return format_html('<time class="time" datetime="{}">{}</time>', utc, exact)
    return format_html('<time class="time" datetime="{}" title="{}">{}</time>', utc, exact, words)


@register.filter
def number(value: float | None) -> str:
    """A number with its thousands grouped as the viewer's language does; an em dash for None."""
    if value is None:
        return NOTHING
    return formats.number_format(value, use_l10n=True, force_grouping=True)


@register.filter
def money(value: Decimal | None, currency: str = "") -> str:
    """An amount to the cent, with its currency by ISO 4217; an em dash for None."""
    if value is None:
        return NOTHING
    amount = formats.number_format(value, decimal_pos=2, use_l10n=True, force_grouping=True)
    return f"{amount} {currency}".strip()


@register.filter
def signed(value: int) -> str:
    """A difference with its sign: ``+3``, ``−1`` (a real minus sign), ``0``."""
    sign = "+" if value > 0 else "−" if value < 0 else ""
    return f"{sign}{number(abs(value))}"


@register.simple_tag
def posts(name: str, *args: Any) -> SafeString:
    """``<form {% posts "name" … %}>``: posted to that address by htmx, and without it just the same."""
    return format_html('method="post" action="{0}" hx-post="{0}"', address(name, *args))


@constant_tag(register)
def state_label(state: str, label: str, *, large: bool = False) -> SafeString:
    """A state by color, icon and word; the icon of a running one turns."""
    return _state_label(str(state), str(label), bool(large))


@lru_cache(maxsize=1024)
def _state_label(state: str, label: str, large: bool) -> SafeString:
    icon, color = STATES[state]
    return format_html(
        '<span class="Label Label--{} state-label{}">{} {}</span>',
        color,
        " Label--large" if large else "",
        _octicon(icon, 16, "", "turning" if state == "running" else ""),
        label,
    )


@register.filter
def unlocalized(value: float) -> str:
    """A number as HTML attributes want it, whatever the viewer's language."""
    return str(value)


@register.filter
def control(field: BoundField) -> SafeString:
    """The bound field's widget in Primer's look; Django itself ties help and error to it."""
    return field.as_widget(attrs={"class": _control_class(field.field.widget)})


def _control_class(widget: Widget) -> str:
    match widget:
        case CheckboxInput():
            return "FormControl-checkbox"
        case CheckboxSelectMultiple():
            return "FormControl-checkbox"
        case RadioSelect():
            return "FormControl-radio"
        case Select():
            return "FormControl-select FormControl-medium"
        case Textarea():
            return "FormControl-textarea"
        case _:
            return "FormControl-input FormControl-medium"


@register.filter
def control_kind(field: BoundField) -> str:
    """Which frame ``components/_field.html`` draws: hidden, checkbox, group, select or text."""
    widget = field.field.widget
    if widget.is_hidden:
        return "hidden"
    match widget:
        case CheckboxInput():
            return "checkbox"
        case RadioSelect() | CheckboxSelectMultiple():
            return "group"
        case Select():
            return "select"
        case _:
            return "text"


@register.tag
def component(parser: Parser, token: Token) -> ComponentNode:
    """``components/_<partial>.html`` around what stands between the tags.

    The partial sees ``content`` and its parameters, and nothing else of the page. Raises
    TemplateSyntaxError for a parameter that it does not take.
    """
    _tag, partial, *bits = token.split_contents()
    partial = partial.strip("\"'")
    given = token_kwargs(bits, parser)
    unset = COMPONENTS[partial]
    if bits or not given.keys() <= unset.keys():
        unknown = ", ".join(bits or sorted(given.keys() - unset.keys()))
        raise template.TemplateSyntaxError(f"The component {partial!r} takes no {unknown}.")
    content = parser.parse(("endcomponent",))
    parser.delete_first_token()
    known = {name: v for name, v in unset.items() if name not in given}
    for name in [name for name, expression in given.items() if is_constant(expression)]:
        known[name] = value_of(given.pop(name), Context())
    around = Engine.get_default().get_template(f"components/_{partial}.html")
    return ComponentNode(PartialParser(around, known).parse(), known, given, content)


class ComponentNode(Node):
    """``around``, compiled for the parameters that are ``known``; the others are of the page."""

    child_nodelists = ("around", "content")

    def __init__(
        self,
        around: NodeList,
        known: dict[str, Any],
        given: dict[str, FilterExpression],
        content: NodeList,
    ) -> None:
        self.around = around
        self.known = known
        self.given = given
        self.content = content

    def render(self, context: Context) -> SafeString:
        params = {name: value_of(expression, context) for name, expression in self.given.items()}
        content = self.content.render(context)
        inner = Context({**self.known, **params, "content": content}, autoescape=context.autoescape)
        inner.template, inner.render_context = context.template, context.render_context
        return self.around.render(inner)


@register.simple_block_tag
def capture(content: str) -> str:
    """``{% capture as actions %}…{% endcapture %}``: markup to be passed on to a component."""
    return content
