"""A client of ``/api/v1`` that holds every answer against the description, and what it reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from enterprise.api.v1 import api
from enterprise.models import Enterprise, ServerInstance, Snapshot
from tests.api.conftest import Api, make_token
from tests.factories import CloudStateFactory, ServerInstanceFactory, ago
from tests.reports.ledger import member
from tests.views.counted import account, count

HOST = "ghes1.example.com"
BODIES: dict[str, Any] = {
    "start_runs": {"target": "all"},
    "add_instance": {"host_name": "ghes2.example.com"},
    "set_instance_token": {"username": "monalisa", "token": "ghp_1"},
    "set_cloud_token": {"token": "ghp_1"},
    "set_member": {"role": "auditor"},
    "make_token": {"name": "job", "scopes": ["read:enterprise"]},
    "dismiss_duplicate": {"reason": "twins"},
    "put_target": {"seats": 4},
    "forget_cost_center": {"identifier": "octocat"},
    "exempt_person": {"reason": "on leave", "until": "2099-01-01"},
    "make_plan": {"seats": 1},
    "add_webhook": {"name": "Pager", "url": "https://127.0.0.1:9/"},
    "add_alert": {"kind": "sync"},
    "send_digest": {"people": ["mona"]},
    "set_group": {"provider": "corp", "group": "staff", "role": "auditor"},
}
"""By operationId: a body that fits, where an empty object does not."""


@cache
def description() -> dict[str, Any]:
    """The OpenAPI description as it is served."""
    served: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema()))
    return served


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in description()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def operation_at(method: str, path: str) -> dict[str, Any]:
    """The operation that answers a path: of several that fit, the one with the longest plain text."""
    fitting = []
    for each_method, template, operation in operations():
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))
        if each_method == method and re.fullmatch(pattern, path):
            fitting.append((len(re.sub(r"\{\w+\}", "", template)), template, operation))
    assert fitting, f"{method} {path} is not described"
    return max(fitting, key=lambda each: each[:2])[2]


def hold_against_the_description(method: str, path: str, response: Any) -> None:
    """Fail unless the status is described, and the body is as its schema says."""
    answers = operation_at(method, path)["responses"]
    status = str(response.status_code)
    answer = answers.get(status) or answers["default"]
    assert status in answers or response.status_code >= 400, f"{status} is not described"
    content = answer.get("content", {})
    media_type = response.headers.get("Content-Type", "").partition(";")[0]
    if not content:
        assert not getattr(response, "content", b"")
        return
    assert media_type in content
    if media_type.endswith("json"):
        schema = {**content[media_type]["schema"], "components": description()["components"]}
        checker = FormatChecker()
        Draft202012Validator(schema, format_checker=checker).validate(json.loads(response.content))


class V1(Api):
    """Speaks by ``Authorization`` alone, below the enterprise's own address."""

    def __init__(self, token: str = "", slug: str = "acme") -> None:
        super().__init__(token)
        self.start = f"/api/v1/enterprises/{slug}"

    def request(self, **request: Any) -> Any:
        response = super().request(**request)
        hold_against_the_description(request["REQUEST_METHOD"], request["PATH_INFO"], response)
        return response

    def read(self, path: str, **query: Any) -> Any:
        """The JSON of a GET that succeeds."""
        response = self.get(self.start + path, query)
        assert response.status_code == 200, response.content
        return response.json()

    def send(self, method: str, path: str, body: Any = None) -> Any:
        return self.generic(
            method,
            self.start + path,
            b"" if body is None else json.dumps(body),
            content_type="application/json",
        )


def problem(response: Any) -> tuple[int, str]:
    """(status, code) of an answer that is a problem."""
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == response.status_code
    return response.status_code, body["code"]


@pytest.fixture
def reader(enterprise: Enterprise) -> V1:
    return V1(make_token(enterprise, "read:enterprise", name="reader"))


@pytest.fixture
def admin(enterprise: Enterprise) -> V1:
    return V1(make_token(enterprise, "admin:enterprise", name="admin"))


@pytest.fixture
def instance(enterprise: Enterprise) -> ServerInstance:
    """One that was read, with GitHub Connect and license sync on."""
    return ServerInstanceFactory(
        enterprise=enterprise,
        host_name=HOST,
        syncing=True,
        with_token=True,
        applied_as_of=ago(hours=1),
        last_success_at=ago(hours=1),
    )


@pytest.fixture
def counted(enterprise: Enterprise, instance: ServerInstance) -> Snapshot:
    """Mona, joined with an account by her e-mail; Hubot; and a person on the server only."""
    CloudStateFactory(enterprise=enterprise)
    account(instance, 1, "Mona@example.com")
    account(instance, 2, "lone@example.com")
    return count(enterprise, [member("mona"), member("hubot")], states=4)
