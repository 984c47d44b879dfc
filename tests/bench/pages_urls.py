"""licsync's addresses, and views of a fixed body: the least that an answer of that size can take."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from enterprise.api.access import token_in
from enterprise.services.tokens import token_check


@login_required
def fixed(_request: HttpRequest, size: int) -> HttpResponse:
    return HttpResponse(b"x" * size)


def fixed_by_token(request: HttpRequest, size: int) -> HttpResponse:
    token_check(token_in(request))
    return HttpResponse(b"x" * size, content_type="application/json; charset=utf-8")


urlpatterns = [
    path("fixed/<int:size>", fixed),
    path("fixed-by-token/<int:size>", fixed_by_token),
    path("", include("licsync.urls")),
]
