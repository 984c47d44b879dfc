"""What a failed request means: an HTTP reply that is no answer, or a connection that broke.

Pure functions to a ``Fault``. Parameters hold host names, scopes
and numbers, never what a body says.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests
import urllib3.exceptions

from enterprise.faults import Fault

# OpenSSL's X509_V_ERR_* numbers.
_EXPIRED = (9, 10)
_WRONG_HOST = (62, 64)

_LONGEST_WAIT = 24 * 3600.0
_SIGN_IN_PATHS = ("/login", "/session", "/sso", "/saml", "/users/sign_in", "/auth", "/setup")
_TOKEN = re.compile(r"[A-Za-z0-9_.:+/*-]{1,60}")


def fault_of(
    status: int, headers: Mapping[str, str], message: str, *, needs: str, now: float
) -> Fault:
    """Tell what a reply with any other status than the wanted one means.

    ``headers`` is case-insensitive, ``message`` the error body's text, ``needs`` the scopes (comma-
    separated) of which one is needed where the reply does not say, ``now`` is Unix time.
    """
    if 300 <= status < 400:
        return _redirect(headers)
    if status == 401:
        return Fault("bad_credentials")
    if status == 407:
        return Fault("proxy_refused")
    if status == 408:
        return Fault("timed_out", retry=True)
    if status == 429:
        return Fault("rate_limited", retry=True, after=wait_asked(headers, now))
    if status >= 500:
        return Fault("server_error", retry=True, after=wait_asked(headers, now), status=status)
    if status in (403, 404):
        return _denied_or_limited(status, headers, message, needs, now)
    return Fault("unexpected_status", status=status)


def _redirect(headers: Mapping[str, str]) -> Fault:
    try:
        target = urlsplit(headers.get("location", ""))
        host = target.hostname or ""
    except ValueError:
        return Fault("redirected", host="")
    if target.path.startswith(_SIGN_IN_PATHS) or "return_to=" in target.query:
        return Fault("sign_in_page")
    return Fault("redirected", host=host[:253])


def _denied_or_limited(
    status: int, headers: Mapping[str, str], message: str, needs: str, now: float
) -> Fault:
    low = message.lower()
    if status == 403 and (
        "retry-after" in headers
        or headers.get("x-ratelimit-remaining", "").strip() == "0"
        or "rate limit" in low
        or "abuse detection" in low
    ):
        return Fault("rate_limited", retry=True, after=wait_asked(headers, now))
    return denied(headers, message, needs=needs, otherwise="not_found" if status == 404 else "")


def denied(
    headers: Mapping[str, str], message: str, *, needs: str = "", otherwise: str = ""
) -> Fault:
    """Tell why GitHub denies what was asked; ``otherwise`` is the code where it does not say."""
    low = message.lower()
    sso = headers.get("x-github-sso", "")
    if sso or "saml enforcement" in low:
        return Fault("sso_required", host=_sso_host(sso))
    if "ip allow list" in low:
        return Fault("ip_allow_list")
    has = scopes_of(headers)
    if has is not None:
        needed = split_scopes(headers.get("x-accepted-oauth-scopes", "")) or split_scopes(needs)
        if needed and not set(needed) & set(has):
            return Fault("missing_scope", needed=", ".join(needed), has=", ".join(has))
    return Fault(otherwise or "forbidden")


def _sso_host(header: str) -> str:
    found = re.search(r"url=([^;,\s]+)", header)
    if not found:
        return ""
    try:
        return (urlsplit(found[1]).hostname or "")[:253]
    except ValueError:
        return ""


def scopes_of(headers: Mapping[str, str]) -> tuple[str, ...] | None:
    """Give the scopes of the token, or None where GitHub does not tell (not a classic token)."""
    text = headers.get("x-oauth-scopes")
    return None if text is None else split_scopes(text)


def split_scopes(text: str) -> tuple[str, ...]:
    """Give the scopes of a comma-separated list."""
    return tuple(scope for part in text.split(",") if _TOKEN.fullmatch(scope := part.strip()))


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


def media_type(headers: Mapping[str, str]) -> str:
    """Give the media type of a reply, lower case and without parameters, ``""`` if it is odd."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind if _TOKEN.fullmatch(kind) else ""


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
