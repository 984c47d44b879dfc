"""``/metrics`` for Prometheus: of one enterprise, by a token with the scope ``read:metrics``."""

from __future__ import annotations

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from enterprise.api.access import token_in
from enterprise.models import ApiToken
from enterprise.reports.metrics import metrics_text
from enterprise.services.tokens import token_check

SCOPES = {str(ApiToken.Scope.READ_METRICS), str(ApiToken.Scope.ADMIN_ENTERPRISE)}


@csrf_exempt
def metrics(request: HttpRequest) -> HttpResponse:
    """The metrics of the token's enterprise. A database that is gone answers 503: nothing is known."""
    if request.method not in ("GET", "HEAD"):
        return _told("Only GET and HEAD.", 405, Allow="GET, HEAD")
    try:
        token = token_check(token_in(request))
    except DatabaseError:
        return _told("The database does not answer.", 503)
    if token is None:
        challenge = {"WWW-Authenticate": 'Bearer realm="licsync"'}
        return _told("Send a live token as Authorization: Bearer TOKEN.", 401, **challenge)
    if not SCOPES & {*token.scopes}:
        return _told("The token needs the scope read:metrics.", 403)
    return HttpResponse(metrics_text(token.enterprise), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _told(text: str, status: int, **headers: str) -> HttpResponse:
    return HttpResponse(
        f"{text}\n", status=status, content_type="text/plain; charset=utf-8", headers=headers
    )
