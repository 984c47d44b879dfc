"""Sign-in, the choice of language, and everything of ``enterprise``.

``/healthz`` and ``/readyz`` are answered by ``licsync.health`` before any view.
"""

from allauth.account import views as sign_in
from django.urls import include, path

urlpatterns = [
    path("accounts/login/", sign_in.login, name="account_login"),
    path("accounts/logout/", sign_in.logout, name="account_logout"),
    path("accounts/reauthenticate/", sign_in.reauthenticate, name="account_reauthenticate"),
    path("accounts/password/change/", sign_in.password_change, name="account_change_password"),
    path("accounts/password/set/", sign_in.password_set, name="account_set_password"),
    path("accounts/inactive/", sign_in.account_inactive, name="account_inactive"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("enterprise.urls")),
]
