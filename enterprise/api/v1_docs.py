"""The description of ``/api/v1`` as a plain page: no script, and nothing from elsewhere."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase


class Field(NamedTuple):
    """A parameter, or a member of a schema. ``schema`` is the name of the schema it holds, or ""."""

    name: str
    place: str  # path, query, header; "" of a member
    type: str
    schema: str
    required: bool
    description: SafeString


class Described(NamedTuple):
    """An operation. ``body`` and ``answers`` are names of schemas or media types, ``""`` for none."""

    id: str
    method: str
    path: str
    summary: str
    description: SafeString
    scopes: list[str]
    parameters: list[Field]
    body: str
    answers: list[tuple[str, str]]


class DescribedSchema(NamedTuple):
    name: str
    description: SafeString
    values: list[str]
    fields: list[Field]


class PlainPage(DocsBase):
    """Every operation, and every schema that they take or give."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **_parameters: Any) -> HttpResponse:
        schema = api.get_openapi_schema()
        operations: dict[str, list[Described]] = {}
        for path, methods in schema["paths"].items():
            for method, details in methods.items():
                tag = operations.setdefault(details["tags"][0], [])
                tag.append(_operation(path, method, details))
        schemas = [_schema(*each) for each in schema["components"]["schemas"].items()]
        context = {
            "description": _marked(schema["info"]["description"]),
            "operations": operations,
            "schemas": schemas,
        }
        return render(request, "api/docs.html", context)


def _operation(path: str, method: str, details: dict[str, Any]) -> Described:
    return Described(
        id=details["operationId"],
        method=method.upper(),
        path=path,
        summary=details["summary"],
        description=_marked(details.get("description", "")),
        scopes=[scope for each in details.get("security", ()) for scope in each["Token"]],
        parameters=[
            _field(each["name"], each["schema"], place=each["in"], required=each["required"])
            for each in details["parameters"]
        ],
        body=_content(details.get("requestBody", {})),
        answers=[
            (str(status), _content(answer)) for status, answer in details["responses"].items()
        ],
    )


def _schema(name: str, schema: dict[str, Any]) -> DescribedSchema:
    required = schema.get("required", ())
    return DescribedSchema(
        name,
        _marked(schema.get("description", "")),
        schema.get("enum", []),
        [
            _field(member, details, place="", required=member in required)
            for member, details in schema.get("properties", {}).items()
        ],
    )


def _field(name: str, schema: dict[str, Any], *, place: str, required: bool) -> Field:
    return Field(
        name, place, _type(schema), _ref(schema), required, _marked(schema.get("description", ""))
    )


def _type(schema: dict[str, Any]) -> str:
    """In short: ``integer or null``, ``array of PersonOut``."""
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(repr(value) for value in schema["enum"])
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    kind = str(schema.get("type", "any"))
    return f"{kind} of {_type(schema['items'])}" if "items" in schema else kind


def _ref(schema: dict[str, Any]) -> str:
    """The name of the schema that a member holds, be it in a list or beside null."""
    inner = [schema, schema.get("items", {}), *schema.get("anyOf", ())]
    return next((str(each["$ref"]).rpartition("/")[2] for each in inner if "$ref" in each), "")


def _content(message: dict[str, Any]) -> str:
    for media_type, content in message.get("content", {}).items():
        return _ref(content["schema"]) or str(media_type)
    return ""


def _marked(text: str) -> SafeString:
    """Text with what stands between backticks as code."""
    parts = enumerate(text.split("`"))
    return format_html_join(
        "", "{}{}{}", ((_TAGS[n % 2][0], part, _TAGS[n % 2][1]) for n, part in parts)
    )


_TAGS = (("", ""), (SafeString("<code>"), SafeString("</code>")))
