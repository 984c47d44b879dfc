"""What a reply of GitHub means that is no answer.

Pure functions to a ``Fault``. Parameters hold host names, scopes and numbers, never what a body says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from enterprise.faults import Fault
from enterprise.outbound_faults import wait_asked

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


def media_type(headers: Mapping[str, str]) -> str:
    """Give the media type of a reply, lower case and without parameters, ``""`` if it is odd."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind if _TOKEN.fullmatch(kind) else ""
