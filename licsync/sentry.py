"""Errors to Sentry, if ``LICSYNC_SENTRY_DSN`` is set: where and what kind, never whose data.

Sent are the class of an error, the stack with file names and lines, the version, and the ids of request,
run and task. Not sent: messages of exceptions, local variables, requests (address, query, body, cookies,
headers), users, breadcrumbs, the machine's name. Nothing is measured (no traces, no sessions).
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import structlog

from licsync.env import refused
from licsync.logs import REMOVED

_KEPT = {"event_id", "timestamp", "level", "platform", "release", "exception", "sdk", "type"}
_FRAME = {"filename", "function", "module", "lineno", "in_app"}
_IDS = ("request_id", "run_id", "task", "task_id")


def start(dsn: str, **options: Any) -> None:
    """Report unhandled errors from now on. ``options`` are for tests."""
    try:
        import sentry_sdk  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise refused(
            "LICSYNC_SENTRY_DSN", "needs the extra: pip install licsync[sentry]; or unset it."
        ) from error
    try:
        sentry_sdk.init(
            dsn,
            release=_release(),
            send_default_pii=False,
            include_local_variables=False,
            include_source_context=False,
            max_request_body_size="never",
            max_breadcrumbs=0,
            auto_session_tracking=False,
            traces_sample_rate=None,
            server_name="",
            before_send=strip,  # type: ignore[arg-type]  # an event is a dictionary
            **options,
        )
    except ValueError as error:  # BadDsn
        raise refused("LICSYNC_SENTRY_DSN", "is not a DSN, https://KEY@HOST/PROJECT.") from error


def strip(event: dict[str, Any], _hint: dict[str, Any]) -> dict[str, Any]:
    """What may leave, and nothing that a later version of the SDK adds."""
    kept = {name: value for name, value in event.items() if name in _KEPT}
    for error in kept.get("exception", {}).get("values", []):
        error["value"] = REMOVED
        error.pop("mechanism", None)
        frames = error.get("stacktrace", {}).get("frames", [])
        error["stacktrace"] = {
            "frames": [
                {name: value for name, value in frame.items() if name in _FRAME} for frame in frames
            ]
        }
    bound = structlog.contextvars.get_contextvars()
    kept["tags"] = {name: str(bound[name]) for name in _IDS if name in bound}
    return kept


def _release() -> str:
    try:
        return f"licsync@{version('licsync')}"
    except PackageNotFoundError:  # a checkout
        return "licsync@checkout"
