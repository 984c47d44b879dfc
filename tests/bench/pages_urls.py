"""licsync's addresses, and a view of a fixed body: the least that a page of that size can take."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import include, path


@login_required
def fixed(_request: HttpRequest, size: int) -> HttpResponse:
    return HttpResponse(b"x" * size)


urlpatterns = [path("fixed/<int:size>", fixed), path("", include("licsync.urls"))]
