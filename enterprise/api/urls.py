"""Routes below ``/api/v3``."""

from django.urls import path, re_path

from enterprise.api import v3

urlpatterns = [
    path("", v3.root, name="api_v3"),
    path("meta", v3.meta, name="api_v3_meta"),
    path("rate_limit", v3.rate_limit, name="api_v3_rate_limit"),
    path(
        "enterprises/<str:enterprise>/consumed-licenses",
        v3.consumed_licenses,
        name="api_v3_consumed_licenses",
    ),
    path(
        "enterprises/<str:enterprise>/license-sync-status",
        v3.license_sync_status,
        name="api_v3_license_sync_status",
    ),
    # Everything else too answers in JSON.
    re_path("", v3.unknown),
]
