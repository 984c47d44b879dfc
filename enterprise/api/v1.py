"""This console's own API, ``/api/v1``; its description is at ``/api/v1/openapi.json``."""

from __future__ import annotations

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.log import log_response
from django.views.decorators.csrf import csrf_exempt
from ninja.errors import AuthenticationError, HttpError, ValidationError

from enterprise.api import (
    v1_alerts,
    v1_allocation,
    v1_audit,
    v1_cost_centers,
    v1_deliveries,
    v1_difference,
    v1_digest,
    v1_duplicates,
    v1_exports,
    v1_failures,
    v1_forecast,
    v1_groups,
    v1_history,
    v1_instances,
    v1_lists,
    v1_people,
    v1_persons,
    v1_plans,
    v1_reclaim,
    v1_settings,
    v1_sync,
    v1_totals,
    v1_usage,
    v1_webhooks,
)
from enterprise.api.v1_access import unauthorized
from enterprise.api.v1_docs import PlainPage
from enterprise.api.v1_openapi import DescribedAPI
from enterprise.api.v1_problems import Problem, answer, not_found, problem_of
from enterprise.faults import Refused
from enterprise.selectors.walks import ReplacedError
from enterprise.services.full_disk import disk_is_full

api = DescribedAPI(
    title="licsync",
    version="1",
    urls_namespace="api-v1",
    docs=PlainPage(),
    description="Errors are problem details (RFC 9457).",
)
for part in (
    v1_totals,
    v1_persons,
    v1_exports,  # before the lists: ``lists/NAME.csv`` is no list
    v1_lists,
    v1_difference,
    v1_duplicates,
    v1_reclaim,
    v1_plans,
    v1_history,
    v1_forecast,
    v1_allocation,
    v1_cost_centers,
    v1_instances,
    v1_sync,  # and v1_runs
    v1_usage,
    v1_settings,
    v1_people,
    v1_groups,
    v1_alerts,
    v1_digest,
    v1_failures,
    v1_webhooks,
    v1_deliveries,
    v1_audit,
):
    api.add_router("", part.router)

api.exception_handler(Problem)(answer)


@api.exception_handler(Refused)
def _refused(request: HttpRequest, error: Refused) -> HttpResponse:
    return answer(request, problem_of(error))


@api.exception_handler(ReplacedError)
def _replaced(request: HttpRequest, _error: ReplacedError) -> HttpResponse:
    """What a walk goes on from is gone: a newer count replaced the list."""
    detail = "The list was made anew meanwhile. Begin again at its first page."
    return answer(request, Problem(409, "list_moved", detail))


@api.exception_handler(AuthenticationError)
def _unauthenticated(request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
    return answer(request, unauthorized())


@api.exception_handler(Http404)
def _missing(request: HttpRequest, _error: Http404) -> HttpResponse:
    return answer(request, not_found())


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Which parameters are wrong, and not what they were."""
    faults = [
        {"name": str(each["loc"][-1]), "in": str(each["loc"][0]), "detail": each["msg"]}
        for each in error.errors
    ]
    detail = "; ".join(f"{each['name']}: {each['detail']}" for each in faults)
    return answer(request, Problem(422, "invalid_parameters", detail, errors=faults))


@api.exception_handler(HttpError)
@api.exception_handler(BadRequest)
@api.exception_handler(SuspiciousOperation)
def _malformed(
    request: HttpRequest, _error: HttpError | BadRequest | SuspiciousOperation
) -> HttpResponse:
    return answer(request, Problem(400, "bad_request", "The request is malformed."))


@api.exception_handler(Exception)
def _crashed(request: HttpRequest, error: Exception) -> HttpResponse:
    """Told and logged as Django does for a page, but answered as a problem."""
    got_request_exception.send(sender=None, request=request)
    if disk_is_full(error):
        detail = (
            "The console has no disk space left; nothing was changed. Make room, then try again."
        )
        problem = Problem(507, "disk_full", detail)
    else:
        detail = "The console failed. Look at its log for this request."
        problem = Problem(500, "internal_error", detail)
    response = answer(request, problem)
    log_response(
        "%s: %s",
        response.reason_phrase,
        request.path,
        response=response,
        request=request,
        exception=error,
    )
    return response


@csrf_exempt
def unknown(request: HttpRequest) -> HttpResponse:
    """Everything else below ``/api/v1`` too is answered as a problem."""
    return answer(request, not_found())
