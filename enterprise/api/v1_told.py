"""``/api/v1``: what is told as a code and a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ninja import Schema

from enterprise.wording import sentence


class Told(Schema):
    """A code for programs, and its sentence in English."""

    code: str
    message: str
    params: dict[str, Any]


def told(code: str, params: Mapping[str, Any]) -> Told:
    """In the active language: the caller makes it English."""
    return Told(code=code, message=sentence(code, params), params=dict(params))
