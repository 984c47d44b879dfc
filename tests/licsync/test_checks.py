import pytest
from django.core.checks import run_checks

from licsync import checks, keys


def ids(**options):
    return [message.id for message in run_checks(**options) if "licsync" in str(message.id)]


@pytest.fixture(autouse=True)
def _quiet(settings):
    settings.LICSYNC_LEASE_SECONDS, settings.LICSYNC_HTTP_TIMEOUT_SECONDS = 45, 30


def test_the_settings_of_the_tests_are_in_order():
    assert ids() == []


@pytest.mark.parametrize("name", ["secret_key", "credential_keys"])
def test_e001_a_key_that_others_may_read(settings, tmp_path, name):
    settings.LICSYNC_VAR_DIR = tmp_path
    (tmp_path / name).write_text("key", encoding="ascii")
    (tmp_path / name).chmod(0o600)
    assert ids() == []
    (tmp_path / name).chmod(0o640)
    assert ids() == ["licsync.E001"]


def test_e001_a_data_folder_that_was_there_and_is_open(settings, tmp_path):
    settings.LICSYNC_VAR_DIR = tmp_path
    tmp_path.chmod(0o755)
    assert ids() == ["licsync.E001"]
    tmp_path.chmod(0o700)
    assert ids() == []


def test_a_folder_that_was_made_for_a_new_console_is_closed(tmp_path):
    tmp_path.chmod(0o755)
    keys.data_folder(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_was_opened_since_is_left_to_be_told_of(tmp_path):
    (tmp_path / "secret_key").write_text("key", encoding="ascii")
    tmp_path.chmod(0o755)
    keys.data_folder(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_w001_tls_without_a_proxy(settings):
    settings.SECURE_SSL_REDIRECT = True
    settings.LICSYNC_TRUSTED_PROXIES = []
    assert ids() == ["licsync.W001"]
    settings.LICSYNC_TRUSTED_PROXIES = ["10.0.0.0/8"]
    assert ids() == []


def test_w002_a_misspelled_variable(monkeypatch):
    monkeypatch.setenv("LICSYNC_ALOW_LOOPBACK", "1")
    (message,) = checks.no_variable_is_misspelled()
    assert message.id == "licsync.W002"
    assert "LICSYNC_ALOW_LOOPBACK" in message.msg


def test_w003_a_lease_shorter_than_one_answer_may_take(settings):
    settings.LICSYNC_LEASE_SECONDS = settings.LICSYNC_HTTP_TIMEOUT_SECONDS = 30
    assert ids() == ["licsync.W003"]


def test_w004_a_sqlite_file_for_several_machines(settings, monkeypatch):
    settings.LICSYNC_EMBEDDED = False
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    assert ids() == ["licsync.W004"]


def test_w005_loopback_allowed_in_a_deployment(settings):
    settings.LICSYNC_ALLOW_LOOPBACK = True
    assert "licsync.W005" not in ids()
    assert "licsync.W005" in ids(include_deployment_checks=True)


def test_w006_static_files_not_built(settings, tmp_path):
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {
            "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage",
        },
    }
    settings.STATIC_ROOT = tmp_path
    assert ids() == ["licsync.W006"]
    (tmp_path / "staticfiles.json").touch()
    assert ids() == []
