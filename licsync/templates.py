"""Templates are compiled once for each language; what is constant in a language is worked out then.

Pages are mostly words, icons, and components that are given constants. Looked up whenever a page is
drawn, they took a third of its time. A page is drawn in one language from end to end, so its templates
know which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.template import Library, Node, TemplateSyntaxError
from django.template.base import (
    FilterExpression,
    Lexer,
    NodeList,
    Origin,
    Parser,
    Template,
    TextNode,
    Token,
    VariableNode,
    render_value_in_context,
)
from django.template.context import Context
from django.template.defaulttags import IfNode, URLNode, url
from django.template.loaders import cached
from django.templatetags import i18n
from django.urls import NoReverseMatch, get_script_prefix, get_urlconf, reverse
from django.utils.functional import Promise
from django.utils.html import conditional_escape
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


def address(name: str, *args: Any) -> str:
    """The path of a view; looked up once, since a page of boxes has a hundred of them."""
    return _address(get_script_prefix(), get_urlconf() or settings.ROOT_URLCONF, name, args)


@lru_cache(maxsize=8192, typed=True)
def _address(_prefix: str, urlconf: str, name: str, args: tuple[Any, ...]) -> str:
    return reverse(name, urlconf, args)


class AddressNode(URLNode):
    """Django's ``{% url %}``, by ``address``."""

    def render(self, context: Context) -> str:
        if self.kwargs:
            return super().render(context)
        args = [arg.resolve(context) for arg in self.args]
        try:
            path = address(self.view_name.resolve(context), *args)
        except NoReverseMatch:
            if self.asvar is None:
                raise
            path = ""
        if self.asvar is not None:
            context[self.asvar] = path
            return ""
        return conditional_escape(path) if context.autoescape else path


@register.tag("url")
def url_(parser: Parser, token: Token) -> Node:
    node = url(parser, token)
    return AddressNode(node.view_name, node.args, node.kwargs, node.asvar)


def constant_tag(library: Library) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A simple tag that depends on its arguments and the language alone."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        library.simple_tag(function)
        compile_ = library.tags[function.__name__]

        def compiled(parser: Parser, token: Token) -> Node:
            node: Any = compile_(parser, token)
            compiled_to: Node = node
            try:
                compiled_to = settled(node, [*node.args, *node.kwargs.values()], node.target_var)
            except TemplateSyntaxError:
                # What is given nothing may stand in a branch that is left out for that.
                if not isinstance(parser, PartialParser):
                    raise
            return compiled_to

        library.tag(function.__name__, compiled)
        return function

    return decorate


def settled(node: Node, expressions: list[FilterExpression], variable: str | None) -> Node:
    """Its text, if no expression needs the page and none of the page's variables is set; else itself."""
    if variable is None and all(is_constant(expression) for expression in expressions):
        return TextNode(node.render(Context()))
    return node


def is_constant(expression: FilterExpression) -> bool:
    """Whether its value is known before there is a page."""
    if expression.filters:
        return False
    return not expression.is_var or expression.var.lookups is None or expression.token in _BUILTINS


_BUILTINS = ("True", "False", "None")


def value_of(expression: FilterExpression, context: Context) -> Any:
    """Its value, translated if it is a text: a lazy one would be anew wherever it is looked at."""
    value = expression.resolve(context)
    return str(value) if isinstance(value, Promise) else value


class PartialParser(Parser):
    """Compiles a template for one place where it stands, of which ``known`` are some variables.

    Conditions on them are decided, and what they leave out is not there. No variable of the template
    may have the name of one in ``known``.
    """

    def __init__(self, template: Template, known: Mapping[str, Any]) -> None:
        engine = template.engine
        super().__init__(
            Lexer(template.source).tokenize(),
            engine.template_libraries,
            engine.template_builtins,
            template.origin,
        )
        self.known = known
        self._origin = template.origin

    def compile_filter(self, token: str) -> FilterExpression:
        expression = super().compile_filter(token)
        if expression.is_var and expression.var.lookups is not None:
            name, *further = expression.var.lookups
            if name in self.known and not further:
                expression.var, expression.is_var = self.known[name], False
        return expression

    def extend_nodelist(self, nodelist: NodeList, node: Node, token: Token) -> None:
        if isinstance(node, VariableNode) and is_constant(node.filter_expression):
            value = node.filter_expression.resolve(Context())
            node = TextNode(render_value_in_context(value, Context()))
        elif isinstance(node, IfNode):
            decided = _decided(node)
            if not isinstance(decided, Node):
                for each in decided:
                    _append(nodelist, each)
                return
            node = decided
        node.token = token
        node.origin = self._origin
        _append(nodelist, node)


def _append(nodelist: NodeList, node: Node) -> None:
    if isinstance(node, TextNode) and nodelist and isinstance(nodelist[-1], TextNode):
        nodelist[-1] = TextNode(nodelist[-1].s + node.s)
    else:
        nodelist.append(node)


def _decided(node: IfNode) -> IfNode | NodeList:
    """What is left of it: the branch that is taken, or those of which that is not known."""
    left: list[tuple[Any, NodeList]] = []
    for condition, branch in node.conditions_nodelists:
        known = condition is None or _is_known(condition)
        if known and condition is not None and not condition.eval(Context().flatten()):
            continue
        if known and not left:
            return branch
        left.append((None if known else condition, branch))
        if known:
            break
    return IfNode(left) if left else NodeList()


def _is_known(condition: Any) -> bool:
    if isinstance(condition.value, FilterExpression):
        return is_constant(condition.value)
    parts = [part for part in (condition.first, condition.second) if part is not None]
    return all(_is_known(part) for part in parts)
