"""GitHub's licensing endpoints, so that its SDKs work with only their base address changed."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

import orjson
from django.core.cache import cache
from django.core.exceptions import SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.log import log_response
from django.views.decorators.csrf import csrf_exempt

from enterprise.api.access import authenticate, require
from enterprise.api.answers import (
    DEFAULT_VERSION,
    Answer,
    ApiError,
    answered,
    check_accept,
    check_version,
    not_found,
    refused,
    stamp,
)
from enterprise.api.limits import Rate, counter
from enterprise.api.paging import Asked, asked_page, link_header, positive
from enterprise.models import ApiToken
from enterprise.reports.rest import LISTINGS, Listing, moment, sync_status_body
from enterprise.selectors.github_list import ListMoved
from enterprise.services.audit import audit_read
from enterprise.services.tokens import token_actor

P = ParamSpec("P")

READ = (str(ApiToken.Scope.ADMIN_ENTERPRISE), str(ApiToken.Scope.READ_ENTERPRISE))
LICENSING_DOCS = "https://docs.github.com/enterprise-cloud@latest/rest/enterprise-admin/licensing"
RATE_DOCS = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"
WALK_SECONDS = 15 * 60  # how long page 1 says what the further pages without snapshot= are of

View = Callable[Concatenate[HttpRequest, ApiToken, P], Answer]


def endpoint(*scopes: str, free: bool = False) -> Callable[[View[P]], Callable[..., HttpResponse]]:
    """A view that answers as GitHub's API does, in JSON whatever happens.

    It is called with (request, token, …) by a live token; a view of an ``enterprise`` only for the
    token's own and with one of ``scopes``. Unless ``free``, it counts against the rate limit, and so
    does an error, but not a 304. Words are English, whatever the client's language.
    """

    def decorate(view: View[P]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def answer(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            token = None
            version = DEFAULT_VERSION
            try:
                _check_method(request)
                version = check_version(request)
                check_accept(request)
                token = authenticate(request)
                if not free:
                    _check_rate(token)
                if "enterprise" in kwargs:
                    enterprise = str(kwargs["enterprise"])
                    require(token, enterprise=enterprise, scopes=scopes, docs=LICENSING_DOCS)
                response = answered(request, view(request, token, *args, **kwargs))
            except ApiError as error:
                response = refused(request, error)
            except SuspiciousOperation:
                response = refused(request, ApiError(400, "Bad Request"))
            except Exception as error:
                response = _crashed(request, error)
            stamp(response, version=version)
            if token is not None:
                spend = 0 if free or response.status_code == 304 else 1
                _stamp_rate(response, counter.rate(token.pk, spend=spend))
                response["X-OAuth-Scopes"] = ", ".join(token.scopes)
                response["X-Accepted-OAuth-Scopes"] = ", ".join(scopes)
            return response

        @csrf_exempt
        def wrapped(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            with translation.override("en"):
                return answer(request, *args, **kwargs)

        return wraps(view)(wrapped)

    return decorate


@endpoint(*READ)
def consumed_licenses(request: HttpRequest, token: ApiToken, enterprise: str) -> Answer:
    """``GET /enterprises/{enterprise}/consumed-licenses``: our persons, or GHEC's own list.

    A walk sees one snapshot, whether the client follows ``Link`` or counts pages.
    """
    asked = asked_page(request)
    basis = request.GET.get("basis", "console")
    if basis not in LISTINGS:
        raise ApiError(
            422,
            "Validation Failed",
            errors=[{"resource": "ConsumedLicenses", "field": "basis", "code": "invalid"}],
            docs=LICENSING_DOCS,
        )
    try:
        listing = _listing(request, token, asked, basis)
        body = listing.body(page=asked.page, per_page=asked.per_page)
    except ListMoved as error:
        raise ApiError(
            409,
            "GitHub's list was read anew. Start again at page 1.",
            docs=LICENSING_DOCS,
        ) from error
    headers = {
        "X-Licsync-Snapshot": str(listing.version),
        "X-Licsync-As-Of": moment(listing.as_of),
    }
    if listing.github_total is not None:
        headers["X-Licsync-GitHub-Total"] = str(listing.github_total)
    link = link_header(request, asked, rows=listing.rows, snapshot=listing.version)
    if link:
        headers["Link"] = link

    def note() -> None:
        """One event a walk."""
        audit_read(
            enterprise=token.enterprise,
            actor=token_actor(token, request.META.get("REMOTE_ADDR")),
            target="consumed-licenses",
            after={"basis": basis, "snapshot": listing.version, "rows": listing.rows},
        )

    return Answer(body, headers, note)


@endpoint(*READ)
def license_sync_status(_request: HttpRequest, token: ApiToken, enterprise: str) -> Answer:
    """``GET /enterprises/{enterprise}/license-sync-status``: this console's own syncs."""
    return Answer(sync_status_body(token.enterprise))


@endpoint(free=True)
def rate_limit(_request: HttpRequest, token: ApiToken) -> Answer:
    rate = counter.rate(token.pk)
    shown = {
        "limit": rate.limit,
        "used": rate.used,
        "remaining": rate.remaining,
        "reset": rate.reset,
    }
    resources = {"core": shown, "search": shown}  # GitHub's schema requires both
    return Answer(orjson.dumps({"resources": resources, "rate": shown}))


@endpoint()
def meta(_request: HttpRequest, _token: ApiToken) -> Answer:
    """No ``installed_version``: this is no GitHub Enterprise Server and must not be taken for one."""
    return Answer(orjson.dumps({"verifiable_password_authentication": False}))


@endpoint()
def root(request: HttpRequest, _token: ApiToken) -> Answer:
    base = request.build_absolute_uri("/api/v3")
    enterprise = f"{base}/enterprises/{{enterprise}}"
    return Answer(
        orjson.dumps(
            {
                "consumed_licenses_url": f"{enterprise}/consumed-licenses{{?page,per_page}}",
                "license_sync_status_url": f"{enterprise}/license-sync-status",
                "meta_url": f"{base}/meta",
                "rate_limit_url": f"{base}/rate_limit",
            }
        )
    )


@endpoint()
def unknown(_request: HttpRequest, _token: ApiToken) -> Answer:
    raise not_found()


def _listing(request: HttpRequest, token: ApiToken, asked: Asked, basis: str) -> Listing:
    """The list to read: the one named, else that of this token's walk, else the newest."""
    walk = f"api-walk:{token.pk}:{basis}:{asked.per_page}"
    named = "snapshot" in request.GET
    version = positive(request.GET.get("snapshot"))
    if not named and asked.page > 1:
        version = cache.get(walk)
    if named and version is None:
        raise not_found(LICENSING_DOCS)
    listing = LISTINGS[basis].find(token.enterprise, version)
    if listing is None and version is not None:
        raise not_found(LICENSING_DOCS)
    if listing is None:
        # A count of 0 would be a lie, and a 5xx would make SDKs try again and again.
        raise ApiError(
            409,
            "Nothing has been counted yet. The report can be read after the first sync.",
            docs=LICENSING_DOCS,
        )
    if asked.page == 1:
        cache.set(walk, listing.version, WALK_SECONDS)
    return listing


def _check_method(request: HttpRequest) -> None:
    if request.method not in ("GET", "HEAD"):
        raise ApiError(405, "Method Not Allowed", headers={"Allow": "GET, HEAD"})


def _check_rate(token: ApiToken) -> None:
    if not counter.rate(token.pk).remaining:
        raise ApiError(403, f"API rate limit exceeded for the token {token.name}.", docs=RATE_DOCS)


def _stamp_rate(response: HttpResponse, rate: Rate) -> None:
    response["X-RateLimit-Limit"] = str(rate.limit)
    response["X-RateLimit-Remaining"] = str(rate.remaining)
    response["X-RateLimit-Used"] = str(rate.used)
    response["X-RateLimit-Reset"] = str(rate.reset)
    response["X-RateLimit-Resource"] = "core"


def _crashed(request: HttpRequest, error: Exception) -> HttpResponse:
    """Told and logged as Django does for a page, but answered in JSON."""
    got_request_exception.send(sender=None, request=request)
    response = refused(request, ApiError(500, "Server Error"))
    log_response(
        "%s: %s",
        "Internal Server Error",
        request.path,
        response=response,
        request=request,
        exception=error,
    )
    return response
