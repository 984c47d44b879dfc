"""What surrounds every page: a request's log line, security headers, the reader's language."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import resolve_url
from django.utils import timezone, translation

FOUND, NO_CONTENT = 302, 204
GetResponse = Callable[[HttpRequest], HttpResponseBase]

log = structlog.stdlib.get_logger("licsync.requests")

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self' 'nonce-{nonce}'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
_CSP = "; ".join(f"{directive} {sources}" for directive, sources in _POLICY.items())
_PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in ("camera", "geolocation", "microphone", "payment", "usb", "browsing-topics")
)


class RequestLogMiddleware:
    """Give each request an id, on every line logged meanwhile and in ``X-Request-ID``; log its end.

    The path is logged without its query, which may hold what somebody searched for.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        request_id = uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        request.request_id = request_id  # type: ignore[attr-defined]  # ours, told by an error's page
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        log.info(
            "request",
            method=request.method,
            path=request.path,
            status=response.status_code,
            milliseconds=round((time.perf_counter() - started) * 1000),
        )
        return response


class SecurityHeadersMiddleware:
    """A strict content security policy, and no copies of pages in caches.

    Our own scripts need ``nonce="{{ csp_nonce }}"`` only where they stand inside the page. A view
    that sets ``Cache-Control`` itself keeps it.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        nonce = secrets.token_urlsafe(16)
        request.csp_nonce = nonce  # type: ignore[attr-defined]  # ours, read by csp_nonce below
        response = self.get_response(request)
        response["Content-Security-Policy"] = _CSP.format(nonce=nonce)
        response["Permissions-Policy"] = _PERMISSIONS
        response.headers.setdefault("X-Frame-Options", settings.X_FRAME_OPTIONS)  # of files too
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def csp_nonce(request: HttpRequest) -> dict[str, str]:
    """Template variable ``csp_nonce``, which django-htmx's tags read too."""
    return {"csp_nonce": getattr(request, "csp_nonce", "")}


class CompressPagesMiddleware(GZipMiddleware):
    """Compress pages only: downloads stream as they are, and the API's ETags stay strong.

    Django adds a random number of bytes to each and masks the CSRF token anew, so that lengths tell
    nothing of what is inside (BREACH).
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if response.streaming or not response.headers.get("Content-Type", "").startswith(
            "text/html"
        ):
            return response
        return super().process_response(request, response)


class HtmxRedirectMiddleware:
    """Lead the whole page where htmx is redirected: it would follow, and swap the page into a part.

    Whoever is signed out meanwhile reloads the page they look at, which signs them in again.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.headers.get("HX-Request") == "true" and response.status_code == FOUND:
            where = response.headers["Location"]
            del response["Location"]
            response.status_code = NO_CONTENT
            if where.startswith(resolve_url(settings.LOGIN_URL)):
                response["HX-Refresh"] = "true"
            else:
                response["HX-Redirect"] = where
        return response


class PreferencesMiddleware:
    """Show pages in the signed-in person's language and time zone.

    Without a choice of theirs, the browser's language and ``LICSYNC_TIME_ZONE`` hold.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        language = getattr(request.user, "language", "")
        if language in dict(settings.LANGUAGES):
            translation.activate(language)
            request.LANGUAGE_CODE = translation.get_language() or settings.LANGUAGE_CODE
        zone = self._zone(getattr(request.user, "time_zone", ""))
        with timezone.override(zone):
            return self.get_response(request)

    @staticmethod
    def _zone(name: str) -> ZoneInfo | None:
        """The zone, or None for the default: a zone that tzdata dropped must lock nobody out."""
        try:
            return ZoneInfo(name) if name else None
        except (ZoneInfoNotFoundError, ValueError):
            return None
