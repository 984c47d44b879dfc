"""Django's settings, all from the environment (docs/configuration.md).

Without ``CELERY_BROKER_URL`` the mode is embedded: one machine, SQLite and the broker's files in
the data folder, keys made there once. With it, several machines may share the work, and every key
and address has to be given: what is missing or unsafe stops the start and says how to mend it.
"""

from pathlib import Path
from typing import Any

from licsync import addresses, env, keys, logs, sentry, single_sign_on

# What a page needs lies in the wheel, or beside manage.py; data then is where the console was started.
_PACKED = Path(__file__).resolve().parent / "packed"
RESOURCES = _PACKED if _PACKED.is_dir() else Path(__file__).resolve().parent.parent
BASE_DIR = Path.cwd() if _PACKED.is_dir() else RESOURCES

CELERY_BROKER_URL = env.text("CELERY_BROKER_URL")
LICSYNC_EMBEDDED = not CELERY_BROKER_URL
if CELERY_BROKER_URL and not CELERY_BROKER_URL.startswith(("redis://", "rediss://")):
    raise env.refused("CELERY_BROKER_URL", "must be redis://… or rediss://…, or unset (embedded).")

LICSYNC_VAR_DIR = BASE_DIR / env.text("LICSYNC_VAR_DIR", "var")
if LICSYNC_EMBEDDED:
    keys.data_folder(LICSYNC_VAR_DIR)


# --- Keys ---------------------------------------------------------------------------------------

SECRET_KEY = env.text("LICSYNC_SECRET_KEY")
if not SECRET_KEY:
    if not LICSYNC_EMBEDDED:
        env.required("LICSYNC_SECRET_KEY", "50 random characters or more, the same everywhere")
    SECRET_KEY = keys.kept(LICSYNC_VAR_DIR / "secret_key", keys.new_secret_key)
elif len(SECRET_KEY) < 50:
    raise env.refused("LICSYNC_SECRET_KEY", "must be 50 random characters or more.")

LICSYNC_CREDENTIAL_KEYS = env.items("LICSYNC_CREDENTIAL_KEYS")
if not LICSYNC_CREDENTIAL_KEYS and LICSYNC_EMBEDDED:
    LICSYNC_CREDENTIAL_KEYS = [
        keys.kept(LICSYNC_VAR_DIR / "credential_keys", keys.new_credential_key)
    ]
keys.checked_credential_keys("LICSYNC_CREDENTIAL_KEYS", LICSYNC_CREDENTIAL_KEYS)


# --- Addresses ----------------------------------------------------------------------------------

_public = addresses.public_address(
    "LICSYNC_PUBLIC_URL",
    env.text("LICSYNC_PUBLIC_URL", "http://127.0.0.1:8000")
    if LICSYNC_EMBEDDED
    else env.required("LICSYNC_PUBLIC_URL", "the address in the browser, https://HOST"),
)
LICSYNC_PUBLIC_URL = _public.origin
LICSYNC_TRUSTED_PROXIES = env.networks("LICSYNC_TRUSTED_PROXIES")

ALLOWED_HOSTS = [
    *(addresses.LOOPBACK_NAMES if _public.loopback else ()),
    _public.host,
    *env.items("LICSYNC_ALLOWED_HOSTS"),
]
if any("*" in host for host in ALLOWED_HOSTS):
    raise env.refused("LICSYNC_ALLOWED_HOSTS", "must name each host; * would allow forged links.")
CSRF_TRUSTED_ORIGINS = [_public.origin]

DEBUG = env.flag("LICSYNC_DEBUG")
if DEBUG and not _public.loopback:
    raise env.refused("LICSYNC_DEBUG", "is for loopback only: its error pages show secrets.")

SESSION_COOKIE_NAME = "licsync_session"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = _public.secure
CSRF_COOKIE_NAME = "licsync_csrf"
CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_NAME = "licsync_language"
LANGUAGE_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = _public.secure
SECURE_HSTS_SECONDS = 31_536_000 if _public.secure else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # only from licsync.proxies
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    # Other hosts of the domain are not ours to force to TLS, nor the browsers' preload list.
    "security.W005",
    "security.W021",
    # licsync.templates stands in for Django's i18n on purpose.
    "templates.W003",
]


# --- Applications -------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.socialaccount.providers.saml",
    "django_htmx",
    "licsync",
    "enterprise",
]
MIDDLEWARE = [
    "licsync.health.HealthMiddleware",
    "licsync.proxies.TrustedProxiesMiddleware",
    "licsync.middleware.RequestLogMiddleware",
    "licsync.middleware.SecurityHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "licsync.middleware.CompressPagesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "licsync.middleware.PreferencesMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "licsync.middleware.HtmxRedirectMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "licsync.urls"
WSGI_APPLICATION = "licsync.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [RESOURCES / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "licsync.templates.Loader",
                    [
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "libraries": {"i18n": "licsync.templates"},
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.template.context_processors.tz",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "licsync.middleware.csp_nonce",
            ],
        },
    }
]


# --- Data ---------------------------------------------------------------------------------------

_database_url = env.text("DATABASE_URL")
if not _database_url and not LICSYNC_EMBEDDED:
    env.required("DATABASE_URL", "postgres://USER:PASSWORD@HOST:PORT/NAME")
DATABASES = {
    "default": addresses.database("DATABASE_URL", _database_url, base=BASE_DIR)
    if _database_url
    else addresses.sqlite(LICSYNC_VAR_DIR / "licsync.sqlite3")
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Seconds for each answer of a Redis that is there but says nothing: waited for, it takes all threads.
_REDIS_PATIENCE: dict[str, object] = {"socket_connect_timeout": 5, "socket_timeout": 5}

_cache_url = env.text("LICSYNC_CACHE_URL")
if _cache_url and not _cache_url.startswith(("redis://", "rediss://")):
    raise env.refused("LICSYNC_CACHE_URL", "must be redis://… or rediss://…, or unset (database).")
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": _cache_url,
        "KEY_PREFIX": "licsync",
        "OPTIONS": _REDIS_PATIENCE,
    }
    if _cache_url
    else {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "licsync_cache",  # made by licsync's first migration
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    }
}

STATIC_URL = "static/"
STATIC_ROOT = RESOURCES / "staticfiles"
STATICFILES_DIRS = [] if _PACKED.is_dir() else [RESOURCES / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

for _name, _value in addresses.email(
    "LICSYNC_EMAIL_URL", env.text("LICSYNC_EMAIL_URL", "console:")
).items():
    globals()[_name] = _value
DEFAULT_FROM_EMAIL = SERVER_EMAIL = addresses.sender(
    "LICSYNC_EMAIL_FROM", env.text("LICSYNC_EMAIL_FROM", f"licsync@{_public.host}")
)


# --- Sign-in ------------------------------------------------------------------------------------

AUTH_USER_MODEL = "enterprise.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "enterprise.single_sign_on.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "enterprise.single_sign_on.SocialAdapter"
USERSESSIONS_ADAPTER = "enterprise.own_sign_in.Sessions"
SOCIALACCOUNT_LOGIN_ON_GET = (
    True  # a link: a form that leads elsewhere is against form-action 'self'
)
_providers = single_sign_on.identity_providers(
    "LICSYNC_SSO", env.text("LICSYNC_SSO"), loopback=_public.loopback
)
# By what a social account names its provider with: the id, or the entity id of SAML.
LICSYNC_IDENTITY_PROVIDERS = {provider.app["provider_id"]: provider for provider in _providers}
SOCIALACCOUNT_PROVIDERS = single_sign_on.social_account_providers(_providers)
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = LOGIN_URL
ACCOUNT_SESSION_REMEMBER = False
SESSION_COOKIE_AGE = 60 * 60 * 24 * 7
SUDO_SECONDS = ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
MFA_ADAPTER = "licsync.sign_in.SecondFactors"
MFA_FORMS = {
    "add_webauthn": "licsync.sign_in_forms.AddSecurityKeyForm",
    "edit_webauthn": "licsync.sign_in_forms.EditSecurityKeyForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "licsync"
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # addresses here come from owners, and prove nothing
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not _public.secure  # loopback, for trying


# --- Languages and time -------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [RESOURCES / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.time_zone("LICSYNC_TIME_ZONE", "UTC")


# --- The engine ---------------------------------------------------------------------------------

LICSYNC_TICK_SECONDS = env.seconds("LICSYNC_TICK_SECONDS", 60, least=0.5, most=3600)
LICSYNC_LEASE_SECONDS = env.seconds("LICSYNC_LEASE_SECONDS", 45, least=1, most=3600)
LICSYNC_HTTP_TIMEOUT_SECONDS = env.seconds("LICSYNC_HTTP_TIMEOUT_SECONDS", 30, least=0.1, most=600)
LICSYNC_PAGES_AT_ONCE = env.number("LICSYNC_PAGES_AT_ONCE", 4, least=1, most=8)
LICSYNC_SPARED_PROCESSORS = env.number("LICSYNC_SPARED_PROCESSORS", 1, least=0, most=64)
LICSYNC_RUN_BUDGET_SECONDS = env.seconds("LICSYNC_RUN_BUDGET_SECONDS", 14_400, least=1, most=86_400)
LICSYNC_RETRY_BASE_SECONDS = env.seconds("LICSYNC_RETRY_BASE_SECONDS", 5, least=0, most=600)
LICSYNC_MAX_TRIES = env.number("LICSYNC_MAX_TRIES", 5, least=1, most=20)
LICSYNC_RUN_RETENTION_DAYS = env.number("LICSYNC_RUN_RETENTION_DAYS", 400, least=1, most=36_500)
LICSYNC_AUDIT_RETENTION_DAYS = env.number(
    "LICSYNC_AUDIT_RETENTION_DAYS", 1095, least=0, most=36_500
)
LICSYNC_SNAPSHOT_RETENTION_DAYS = env.number(
    "LICSYNC_SNAPSHOT_RETENTION_DAYS", 1830, least=0, most=36_500
)
LICSYNC_PERSON_RETENTION_DAYS = env.number(
    "LICSYNC_PERSON_RETENTION_DAYS", 400, least=0, most=36_500
)

LICSYNC_BACKUP_PASSPHRASE = env.text("LICSYNC_BACKUP_PASSPHRASE")
if LICSYNC_BACKUP_PASSPHRASE and len(LICSYNC_BACKUP_PASSPHRASE) < 20:
    raise env.refused("LICSYNC_BACKUP_PASSPHRASE", "must be 20 random characters or more.")

LICSYNC_DELIVERY_RETENTION_DAYS = env.number(
    "LICSYNC_DELIVERY_RETENTION_DAYS", 30, least=1, most=3650
)
LICSYNC_ALERT_RETENTION_DAYS = env.number("LICSYNC_ALERT_RETENTION_DAYS", 400, least=0, most=36_500)
LICSYNC_WEBHOOK_NETWORKS = env.networks("LICSYNC_WEBHOOK_NETWORKS")
LICSYNC_ALLOW_LOOPBACK = env.flag("LICSYNC_ALLOW_LOOPBACK")

LICSYNC_BROKER_DIR = LICSYNC_VAR_DIR / "broker"
if LICSYNC_EMBEDDED:
    CELERY_BROKER_URL = "filesystem://localhost"
    CELERY_BROKER_TRANSPORT = "licsync.broker.Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(LICSYNC_BROKER_DIR / "messages"),
        "data_folder_out": str(LICSYNC_BROKER_DIR / "messages"),
        "control_folder": str(LICSYNC_BROKER_DIR / "control"),
        "polling_interval": 0.1,  # seconds; the default of 1 starts only one or two tasks a second
    }
    CELERY_WORKER_CONCURRENCY = 2  # runs at once
else:
    # Workers are not cut off: they read what is there, and Redis ends their waiting each second.
    CELERY_BROKER_TRANSPORT_OPTIONS = _REDIS_PATIENCE
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "licsync"
# What takes a moment has a queue and a worker of its own, so that long runs never hold it up. A
# worker that is not told which queues to serve serves both.
CELERY_TASK_QUEUES = {
    name: {"exchange": name, "routing_key": name} for name in ("licsync", "licsync.quick")
}
CELERY_TASK_ROUTES = {
    f"enterprise.tasks.{name}": {"queue": "licsync.quick"} for name in ("tick", "delivery_send")
}
CELERY_TASK_TIME_LIMIT = LICSYNC_RUN_BUDGET_SECONDS + 600  # the run ends itself long before
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"  # keeps no file: what is due stands in the database
CELERY_BEAT_SCHEDULE = {
    # Start what is due or was lost. A tick that nobody took before the next one is dropped.
    "tick": {
        "task": "enterprise.tasks.tick",
        "schedule": LICSYNC_TICK_SECONDS,
        "options": {"expires": LICSYNC_TICK_SECONDS * 0.9},
    },
}

# The command by which `manage.py up` gets a link to sign in with, where nobody could sign in yet.
LICSYNC_FIRST_SIGN_IN = ("owner_link", "--if-first")

LOGGING = logs.configuration(readable=LICSYNC_EMBEDDED)

_sentry_dsn = env.text("LICSYNC_SENTRY_DSN")
if _sentry_dsn:
    sentry.start(_sentry_dsn)
