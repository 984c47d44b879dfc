"""The settings as a whole, read anew from an environment of each test's own."""

import base64
import os
import runpy
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from licsync import keys

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()


@pytest.fixture
def read(monkeypatch):
    """Read the settings from the given variables alone; returns them by name."""
    for name in list(os.environ):
        if name.startswith("LICSYNC_") or name in {"DATABASE_URL", "CELERY_BROKER_URL"}:
            monkeypatch.delenv(name)

    def read(**environment):
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, str(value))
            return runpy.run_path(str(settings.BASE_DIR / "licsync" / "settings.py"))

    return read


@pytest.fixture
def several():
    """What a start on several machines needs at least."""
    return {
        "CELERY_BROKER_URL": "redis://127.0.0.1:6379/0",
        "DATABASE_URL": "postgres://me@127.0.0.1/licsync",
        "LICSYNC_SECRET_KEY": "s" * 50,
        "LICSYNC_CREDENTIAL_KEYS": KEY,
        "LICSYNC_PUBLIC_URL": "https://licsync.example.com",
    }


def test_embedded_mode_needs_no_variable_but_a_folder(read, tmp_path):
    found = read(LICSYNC_VAR_DIR=tmp_path / "var")
    assert found["LICSYNC_EMBEDDED"] is True
    assert found["CELERY_BROKER_TRANSPORT"] == "licsync.broker.Transport"
    assert found["DATABASES"]["default"]["NAME"] == str(tmp_path / "var" / "licsync.sqlite3")
    assert "localhost" in found["ALLOWED_HOSTS"]
    assert found["SECURE_SSL_REDIRECT"] is False


def test_keys_are_made_once_and_closed_to_others(read, tmp_path):
    var = tmp_path / "var"
    first, second = read(LICSYNC_VAR_DIR=var), read(LICSYNC_VAR_DIR=var)
    assert first["SECRET_KEY"] == second["SECRET_KEY"]
    assert first["LICSYNC_CREDENTIAL_KEYS"] == second["LICSYNC_CREDENTIAL_KEYS"]
    assert stat.S_IMODE(var.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in var.iterdir()} == {
        "credential_keys": 0o600,
        "secret_key": 0o600,
    }


def test_no_redis_is_waited_for_without_end(read, several):
    found = read(**several, LICSYNC_CACHE_URL="redis://127.0.0.1:6379/1")
    for options in (
        found["CELERY_BROKER_TRANSPORT_OPTIONS"],
        found["CACHES"]["default"]["OPTIONS"],
    ):
        assert options == {"socket_connect_timeout": 5, "socket_timeout": 5}


def test_those_that_start_at_once_agree_on_a_key(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(lambda _: keys.kept(tmp_path / "key", keys.new_secret_key), range(64)))
    assert len(found) == 1


@pytest.mark.parametrize(
    "name", ["DATABASE_URL", "LICSYNC_SECRET_KEY", "LICSYNC_CREDENTIAL_KEYS", "LICSYNC_PUBLIC_URL"]
)
def test_several_machines_do_not_start_without(read, several, name):
    del several[name]
    with pytest.raises(ImproperlyConfigured, match=f"{name}: must be set"):
        read(**several)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LICSYNC_SECRET_KEY", "too-short-a-key"),
        ("LICSYNC_CREDENTIAL_KEYS", f"{KEY},no-fernet-key"),
        ("LICSYNC_PUBLIC_URL", "http://licsync.example.com"),
        ("LICSYNC_ALLOWED_HOSTS", "*.example.com"),
        ("LICSYNC_DEBUG", "1"),
        ("CELERY_BROKER_URL", "amqp://somewhere"),
        ("LICSYNC_CACHE_URL", "memcached://somewhere"),
        ("LICSYNC_TRUSTED_PROXIES", "proxy.example.com"),
        ("LICSYNC_TIME_ZONE", "Mars/Olympus"),
    ],
)
def test_an_unsafe_value_stops_the_start_and_is_not_repeated(read, several, name, value):
    with pytest.raises(ImproperlyConfigured, match=f"^{name}: ") as refusal:
        read(**{**several, name: value})
    assert value not in str(refusal.value).removeprefix(name).split()


def test_a_public_address_decides_hosts_origins_and_tls(read, several):
    found = read(**several)
    assert found["ALLOWED_HOSTS"] == ["licsync.example.com"]
    assert found["CSRF_TRUSTED_ORIGINS"] == ["https://licsync.example.com"]
    assert found["SECURE_SSL_REDIRECT"] is True
    assert found["SECURE_HSTS_SECONDS"] == 31_536_000
    assert found["SESSION_COOKIE_SECURE"] is True
    assert found["CSRF_COOKIE_SECURE"] is True


def test_credential_keys_may_come_from_a_file(read, several, tmp_path):
    file = tmp_path / "keys"
    file.write_text(f"{KEY},\n{KEY}\n", encoding="utf-8")
    del several["LICSYNC_CREDENTIAL_KEYS"]
    found = read(**several, LICSYNC_CREDENTIAL_KEYS_FILE=file)
    assert found["LICSYNC_CREDENTIAL_KEYS"] == [KEY, KEY]


def test_the_tick_expires_before_the_next_one(read, tmp_path):
    found = read(LICSYNC_VAR_DIR=tmp_path / "var", LICSYNC_TICK_SECONDS="0.5")
    tick = found["CELERY_BEAT_SCHEDULE"]["tick"]
    assert tick["task"] == "enterprise.tasks.tick"
    assert 0 < tick["options"]["expires"] < tick["schedule"] == 0.5
