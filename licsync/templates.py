"""Templates are compiled once for each language; what is constant in a language is worked out then.

Pages are mostly words and icons. Looked up whenever a page is drawn, they took a fifth of its time.
A page is drawn in one language from end to end, so its templates know which.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.template import Library, Node
from django.template.base import FilterExpression, Origin, Parser, TextNode, Token
from django.template.context import Context
from django.template.loaders import cached
from django.templatetags import i18n
from django.utils.translation import get_language

register = Library()
register.tags.update(i18n.register.tags)
register.filters.update(i18n.register.filters)


class Loader(cached.Loader):
    """Keeps compiled templates by name and language."""

    def cache_key(self, template_name: str, skip: list[Origin] | None = None) -> str:
        return f"{get_language()}:{super().cache_key(template_name, skip)}"


@register.tag("translate")
def translate(parser: Parser, token: Token) -> Node:
    """Django's, with a constant text translated at once. Templates get it by ``{% load i18n %}``."""
    node = i18n.do_translate(parser, token)
    expressions = [node.filter_expression]
    if node.message_context is not None:
        expressions.append(node.message_context)
    return settled(node, expressions, node.asvar)


def constant_tag(library: Library) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A simple tag that depends on its arguments and the language alone."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        library.simple_tag(function)
        compile_ = library.tags[function.__name__]

        def compiled(parser: Parser, token: Token) -> Node:
            node: Any = compile_(parser, token)
            return settled(node, [*node.args, *node.kwargs.values()], node.target_var)

        library.tag(function.__name__, compiled)
        return function

    return decorate


def settled(node: Node, expressions: list[FilterExpression], variable: str | None) -> Node:
    """Its text, if no expression needs the page and none of the page's variables is set; else itself."""
    if variable is None and all(_is_constant(expression) for expression in expressions):
        return TextNode(node.render(Context()))
    return node


def _is_constant(expression: FilterExpression) -> bool:
    if expression.filters:
        return False
    return not expression.is_var or expression.var.lookups is None
