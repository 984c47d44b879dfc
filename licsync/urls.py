"""Sign-in, the choice of language, and everything of ``enterprise``.

``/healthz`` and ``/readyz`` are answered by ``licsync.health`` before any view.
"""

from allauth.account import views as sign_in
from allauth.socialaccount.providers.openid_connect import views as openid_connect
from allauth.socialaccount.views import login_cancelled, login_error
from django.urls import include, path

from enterprise.views import identity
from licsync import identity_providers, recovery_codes, saml
from licsync.sessions import session_end

_saml = [
    path("login/", identity_providers.saml_login, name="saml_login"),
    path("metadata/", saml.metadata, name="saml_metadata"),
    path("acs/", saml.acs, name="saml_acs"),
    path("acs/finish/", saml.finish_acs, name="saml_finish_acs"),
    path("sls/", saml.no_logout, name="saml_sls"),
]

_openid_connect = [
    path("login/", identity_providers.openid_connect_login, name="openid_connect_login"),
    path("login/callback/", openid_connect.callback, name="openid_connect_callback"),
]

_recovery_codes = [
    path("", recovery_codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("download/", recovery_codes.download_recovery_codes, name="mfa_download_recovery_codes"),
    path("generate/", recovery_codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
]

handler500 = "enterprise.views.failure.server_error"

urlpatterns = [
    path("accounts/login/", sign_in.login, name="account_login"),
    path("accounts/logout/", sign_in.logout, name="account_logout"),
    path("accounts/reauthenticate/", sign_in.reauthenticate, name="account_reauthenticate"),
    path("accounts/password/change/", sign_in.password_change, name="account_change_password"),
    path("accounts/password/set/", identity.password_set, name="account_set_password"),
    path("accounts/inactive/", sign_in.account_inactive, name="account_inactive"),
    path("accounts/2fa/recovery-codes/", include(_recovery_codes)),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("accounts/sessions/", include("allauth.usersessions.urls")),
    path("accounts/sessions/<int:pk>/end/", session_end, name="session_end"),
    # Not all of allauth.socialaccount.urls: nobody signs up by a form.
    path(
        "accounts/3rdparty/login/cancelled/", login_cancelled, name="socialaccount_login_cancelled"
    ),
    path("accounts/3rdparty/login/error/", login_error, name="socialaccount_login_error"),
    path("accounts/oidc/<provider_id>/", include(_openid_connect)),
    path("accounts/saml/<organization_slug>/", include(_saml)),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("enterprise.urls")),
]
