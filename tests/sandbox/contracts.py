"""The published schemas as JSON Schema."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

CONTRACTS = Path(__file__).parents[2] / "sandbox" / "contracts"


@cache
def _read(name: str) -> Any:
    return json.loads((CONTRACTS / name).read_text())


def _converted(schema: Any) -> Any:
    """OpenAPI 3.0 says ``nullable`` where JSON Schema lists the type null."""
    if isinstance(schema, list):
        return [_converted(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    converted = {name: _converted(value) for name, value in schema.items() if name != "example"}
    if converted.pop("nullable", False) is True:
        return {"anyOf": [converted, {"type": "null"}]}
    return converted


def check(name: str, path: str, answer: Any, *, status: int = 200) -> None:
    """Raise jsonschema.ValidationError unless the answer is what the contract promises."""
    response = _read(name)["paths"][path]["get"]["responses"][str(status)]
    schema = next(iter(response["content"].values()))["schema"]
    jsonschema.validate(answer, _converted(schema))
