"""How ``/api/v1`` describes itself: OpenAPI 3.1, made from the code."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from enterprise.api.v1_access import Token
from enterprise.api.v1_problems import Problem, answer

_PROBLEM = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457). There may be more members.",
    "type": "object",
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What went wrong and what to do, in English"},
        "code": {"type": "string", "description": "The same for a program"},
        "field": {"type": "string", "description": "The field at fault, if one is"},
        "params": {"type": "object", "description": "What the detail speaks of"},
    },
    "required": ["type", "title", "status", "detail", "code"],
}
_FAILED = {
    "description": "A problem: 401 without a live token, 403 without the scope, 404 for what does"
    " not exist or is not for this token, 409 where the state does not allow it, 422 for wrong"
    " parameters or what the rules refuse, 429 above the rate limit.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


class _Described(OpenAPISchema):
    """Beside what ninja says: the scopes of each operation, and what a failure looks like."""

    def operation_details(self, operation: Operation) -> dict[str, Any]:
        details: dict[str, Any] = super().operation_details(operation)
        details["responses"]["default"] = _FAILED
        return details

    def operation_security(self, operation: Operation) -> list[dict[str, Any]] | None:
        """One requirement for each scope: any of them will do."""
        super().operation_security(operation)  # which notes the scheme
        scopes = [
            scope
            for callback in operation.auth_callbacks
            if isinstance(callback, Token)
            for scope in callback.scopes
        ]
        return [{"Token": [scope]} for scope in scopes] or None

    def get_components(self) -> dict[str, Any]:
        components: dict[str, Any] = super().get_components()
        components["schemas"]["Problem"] = _PROBLEM
        components["schemas"] = dict(sorted(components["schemas"].items()))
        return components


def _told_as_problem(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """ninja answers by itself, in HTML, where an address has no operation by this method."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if not isinstance(response, HttpResponseNotAllowed):
            return response
        allowed = response["Allow"]
        detail = f"This address takes {allowed} only."
        refused = Problem(405, "method_not_allowed", detail, headers={"Allow": allowed})
        return answer(request, refused)

    return answered


class DescribedAPI(NinjaAPI):
    """An API whose operations are named as their functions are: a client's method names."""

    @property
    def urls(self) -> tuple[list[URLResolver | URLPattern], str, str]:
        patterns, application, namespace = super().urls
        for each in patterns:
            if isinstance(each, URLPattern):
                each.callback = _told_as_problem(each.callback)
        return patterns, application, namespace

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return str(operation.view_func.__name__)

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        return _Described(
            self, self.get_root_path(path_params or {}) if path_prefix is None else path_prefix
        )
