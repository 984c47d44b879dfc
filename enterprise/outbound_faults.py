"""What a connection that broke means, and how long a reply asks to wait.

Shared by what reads from GitHub and what sends to receivers of notifications.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

import requests
import urllib3.exceptions

from enterprise.faults import Fault

# OpenSSL's X509_V_ERR_* numbers.
_EXPIRED = (9, 10)
_WRONG_HOST = (62, 64)

_LONGEST_WAIT = 24 * 3600.0


def wait_asked(headers: Mapping[str, str], now: float) -> float | None:
    """Give the seconds that a reply asks to wait: ``Retry-After``, else the rate limit's reset.

    The reset is compared with the server's own clock where it sends a ``Date``.
    """
    asked = headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit():
        return min(float(asked[:9]), _LONGEST_WAIT)
    here = _unix_time(headers.get("date", "")) or now
    moment = _unix_time(asked)
    reset = headers.get("x-ratelimit-reset", "").strip()
    spent = headers.get("x-ratelimit-remaining", "0").strip() == "0"
    if moment is None and spent and reset.isascii() and reset.isdigit():
        moment = float(reset[:12])
    if moment is None:
        return None
    return min(max(moment - here, 0.0), _LONGEST_WAIT)


def _unix_time(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    # RFC 9110: an HTTP date is in GMT whatever it says.
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def fault_of_error(error: Exception, host: str) -> Fault:
    """Tell what an error of the connection means, by its kind and causes, never by its text."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = "untrusted"
            if cause.verify_code in _EXPIRED:
                reason = "expired"
            elif cause.verify_code in _WRONG_HOST:
                reason = "wrong_host"
            return Fault("tls_failed", host=host, reason=reason)
    if any(isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError) for cause in causes):
        return Fault("connection_failed", retry=True, host=host)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return Fault("tls_failed", host=host, reason="handshake")
    timeouts = (TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError)
    refused = urllib3.exceptions.NewConnectionError  # which urllib3 calls a kind of time-out
    if any(isinstance(cause, timeouts) and not isinstance(cause, refused) for cause in causes):
        return Fault("timed_out", retry=True, host=host)
    if isinstance(error, requests.exceptions.ProxyError):
        if any("407" in str(cause) for cause in causes):
            return Fault("proxy_refused")
        return Fault("proxy_failed", retry=True)
    return Fault("connection_failed", retry=True, host=host)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was made of; urllib3 and requests keep that in three places."""
    seen: set[int] = set()
    queue: list[object] = [error]
    while queue:
        current = queue.pop()
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        queue += [current.__cause__, current.__context__, getattr(current, "reason", None)]
        queue += current.args
