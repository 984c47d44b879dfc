"""Logs: one JSON object a line in production, readable lines in embedded mode.

Whatever is logged passes ``redact`` last, so that no e-mail address, token or body gets through,
from our own lines, from a library's, or from an exception's text.
"""

from __future__ import annotations

import re
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_SECRET_NAMES = re.compile(
    r"authorization|cookie|password|passwd|secret|token|credential|api_?key|e?mail|body|payload",
    re.IGNORECASE,
)
_SECRET_TEXTS = re.compile(
    r"[^\s@<>\"'(),;:=]+@[^\s@<>\"'(),;:=]+\.[^\s@<>\"'(),;:=]+"  # an e-mail address
    r"|\b(?:gh[a-z]|github_pat|lsc)_[A-Za-z0-9_-]{8,}"  # GitHub's tokens and ours
    r"|\b(?:Bearer|Basic|token)\s+[A-Za-z0-9+/=._~-]{16,}"
    r"|(?<=/sign-in/)[^\s/\"']{20,}"  # a link that signs in; the ids of providers are shorter
    r"|(?<=://)[^\s/@]+@",  # user and password of an address
    re.IGNORECASE,
)
REMOVED = "[removed]"


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take secrets and e-mail addresses out of every value, and whole values by their name."""
    return {key: _clean(key, value) for key, value in event.items()}


def _clean(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if _SECRET_NAMES.search(name):
        return REMOVED
    if isinstance(value, dict):
        return {str(key): _clean(str(key), part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", part) for part in value]
    return _SECRET_TEXTS.sub(REMOVED, str(value))


_shared: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configuration(*, readable: bool) -> dict[str, Any]:
    """Django's LOGGING; also sets structlog up, so that both end in the same lines."""
    structlog.configure(
        processors=[*_shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
        if readable
        else structlog.processors.JSONRenderer(sort_keys=True)
    )
    level = "WARNING" if readable else "INFO"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _shared,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    redact,
                    renderer,
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            # Django's own handlers mail and print beside ours; its request lines are ours too.
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.request": {"level": "ERROR"},
            "licsync.requests": {"level": level},
            "gunicorn.error": {"handlers": [], "level": level, "propagate": True},
            # A line for each task received and done says less than the run's own lines.
            "celery": {"level": "WARNING"},
            "kombu": {"level": "WARNING"},
        },
    }
