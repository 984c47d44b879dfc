"""Sign-in, the choice of language, and everything of ``enterprise``.

``/healthz`` and ``/readyz`` are answered by ``licsync.health`` before any view.
"""

from allauth.account import views as sign_in
from django.urls import include, path

urlpatterns = [
    path("accounts/login/", sign_in.login, name="account_login"),
    path("accounts/logout/", sign_in.logout, name="account_logout"),
    path("accounts/inactive/", sign_in.account_inactive, name="account_inactive"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("enterprise.urls")),
]
