"""The console's pages and APIs."""

from django.urls import URLPattern, URLResolver, path

from enterprise.views.styleguide import styleguide

urlpatterns: list[URLPattern | URLResolver] = [
    path("styleguide", styleguide, name="styleguide"),
]
