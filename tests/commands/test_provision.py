"""``manage.py provision``: idempotent, strict about its file, all or nothing, silent about secrets."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from enterprise.models import (
    ApiToken,
    AuditEvent,
    Credential,
    Enterprise,
    GroupRole,
    Membership,
    Rhythm,
    ServerInstance,
    User,
)
from enterprise.services.credentials import credential_open
from enterprise.services.tokens import token_check

pytestmark = pytest.mark.django_db

FILE = """
[enterprise]
slug = "acme"
name = "Acme"
api_url = "https://api.github.com"
token_env = "ACME_GHEC_TOKEN"
billing_model = "volume"

[[instance]]
host_name = "ghes1.example.com"
username = "licsync"
token_env = "GHES1_TOKEN"
connect = true
license_sync = true

[[member]]
username = "owner1"
email = "owner1@example.com"
role = "owner"
password_env = "OWNER1_PASSWORD"

[[token]]
name = "reports"
scopes = ["read:enterprise"]
token_env = "REPORTS_TOKEN"
"""
SECRETS = {
    "ACME_GHEC_TOKEN": "ghp_cloud",
    "GHES1_TOKEN": "ghp_server",
    "OWNER1_PASSWORD": "a long enough password",
    "REPORTS_TOKEN": "reports-" + "r" * 40,
}

Provision = Callable[..., list[str]]


@pytest.fixture
def provision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Provision:
    """Write the text to a file, set only the given variables, run the command; its lines."""

    def run(text: str = FILE, secrets: dict[str, str] = SECRETS) -> list[str]:
        for name in SECRETS:
            monkeypatch.delenv(name, raising=False)
        for name, value in secrets.items():
            monkeypatch.setenv(name, value)
        path = tmp_path / "acme.toml"
        path.write_text(text, encoding="utf-8")
        out = StringIO()
        call_command("provision", str(path), stdout=out)
        return out.getvalue().splitlines()

    return run


def refused(provision: Provision, text: str, secrets: dict[str, str] = SECRETS) -> list[str]:
    """The lines of the refusal; nothing may have been written."""
    events = AuditEvent.objects.count()
    with pytest.raises(CommandError) as caught:
        provision(text, secrets)
    assert caught.value.returncode == 1
    assert AuditEvent.objects.count() == events
    for secret in SECRETS.values():
        assert secret not in str(caught.value)
    return str(caught.value).splitlines()


def edited(old: str, new: str) -> str:
    assert old in FILE
    return FILE.replace(old, new)


def test_a_file_is_applied_and_tells_each_change(provision: Provision) -> None:
    assert provision() == [
        "enterprise acme: added",
        "enterprise acme: token stored",
        "instance ghes1.example.com: added",
        "instance ghes1.example.com: token stored",
        "instance ghes1.example.com: connect enabled",
        "instance ghes1.example.com: license sync enabled",
        "member owner1: added",
        "member owner1: password set",
        "member owner1: role owner",
        "token reports: added",
    ]
    enterprise = Enterprise.objects.get(slug="acme")
    assert enterprise.name == "Acme"
    assert enterprise.next_sync_at is not None
    instance = enterprise.instances.get()
    assert (instance.url, instance.source) == ("https://ghes1.example.com", "site_admin_report")
    assert instance.license_sync_enabled
    assert instance.next_sync_at is not None
    opened = credential_open(enterprise=enterprise, instance=instance, url=instance.url)
    assert opened == ("licsync", "ghp_server")
    owner = User.objects.get(username="owner1")
    assert owner.check_password(SECRETS["OWNER1_PASSWORD"])
    assert owner.email == "owner1@example.com"
    token = token_check(SECRETS["REPORTS_TOKEN"])
    assert token is not None
    assert token.scopes == ["read:enterprise"]


def test_the_same_file_again_changes_nothing(provision: Provision) -> None:
    provision()
    events = AuditEvent.objects.count()
    assert provision() == ["nothing changed"]
    assert AuditEvent.objects.count() == events


def test_missing_variables_keep_what_is_stored(provision: Provision) -> None:
    provision()
    assert provision(FILE, {}) == ["nothing changed"]
    assert User.objects.get().check_password(SECRETS["OWNER1_PASSWORD"])


def test_no_secret_is_ever_printed_or_kept_in_the_audit_log(provision: Provision) -> None:
    printed = "\n".join(provision())
    kept = str(list(AuditEvent.objects.values()))
    for secret in SECRETS.values():
        assert secret not in printed
        assert secret not in kept
    assert {event.actor_kind for event in AuditEvent.objects.all()} == {"command"}


def test_new_values_replace_the_stored_ones(provision: Provision) -> None:
    provision()
    new = {name: value + "-new" for name, value in SECRETS.items()}
    assert provision(FILE, new) == [
        "enterprise acme: token stored",
        "instance ghes1.example.com: token stored",
        "member owner1: password set",
        "token reports: replaced",
    ]
    assert token_check(SECRETS["REPORTS_TOKEN"]) is None
    assert token_check(new["REPORTS_TOKEN"]) is not None
    assert provision(FILE, new) == ["nothing changed"]


def test_a_group_gets_a_role_once_and_loses_it(provision: Provision) -> None:
    group = '\n[[group]]\ngroup = "staff"\nprovider = "corp"\nrole = "auditor"\n'
    assert "group staff: role auditor" in provision(FILE + group)
    assert "group staff" not in provision(FILE + group)
    assert "group staff: removed" in provision(FILE + group + 'state = "absent"\n')


def test_the_same_group_of_two_providers_is_two_grants(provision: Provision) -> None:
    old = '\n[[group]]\ngroup = "staff"\nprovider = "corp"\nrole = "owner"\n'
    new = old.replace("corp", "okta").replace("owner", "auditor")
    provision(FILE + old + new)
    assert "group staff: removed" in provision(FILE + new + old + 'state = "absent"\n')
    kept = GroupRole.objects.get()
    assert (kept.provider, kept.group, kept.role) == ("okta", "staff", "auditor")


def test_a_group_that_is_to_go_needs_its_provider(provision: Provision) -> None:
    with pytest.raises(CommandError, match="provider"):
        provision(FILE + '\n[[group]]\ngroup = "staff"\nstate = "absent"\n')


def test_a_secret_may_come_from_a_file(provision: Provision, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("ghp_from_file\n")
    secrets = {**SECRETS, "GHES1_TOKEN_FILE": str(tmp_path / "token")}
    del secrets["GHES1_TOKEN"]
    provision(FILE, secrets)
    instance = ServerInstance.objects.get()
    opened = credential_open(enterprise=instance.enterprise, instance=instance, url=instance.url)
    assert opened.token == "ghp_from_file"


def test_what_is_not_in_the_file_is_left_alone(provision: Provision) -> None:
    provision()
    assert provision('[enterprise]\nslug = "acme"\n') == ["nothing changed"]
    assert ServerInstance.objects.get().license_sync_enabled
    assert Membership.objects.count() == 1


def test_settings_that_differ_are_changed_and_named(provision: Provision) -> None:
    provision()
    text = edited(
        'name = "Acme"',
        'name = "Acme Inc."\ntime_zone = "Europe/Berlin"\nguard_share = 30\nschedule_time = "04:00"',
    )
    text = (
        text.replace(
            'username = "licsync"',
            'username = "licsync"\nrhythm = "daily"\nguard_share = 5\nschedule_time = "03:30"',
        )
        .replace('role = "owner"', 'role = "owner"')
        .replace("owner1@example.com", "o1@example.com")
    )
    assert provision(text) == [
        "enterprise acme: name changed",
        "enterprise acme: time_zone changed",
        "enterprise acme: guard_share changed",
        "enterprise acme: schedule_time changed",
        "instance ghes1.example.com: guard_share changed",
        "instance ghes1.example.com: rhythm daily",
        "instance ghes1.example.com: schedule_time changed",
        "member owner1: e-mail address changed",
    ]
    instance = ServerInstance.objects.select_related("enterprise").get()
    assert (instance.guard_share, instance.rhythm) == (5, Rhythm.DAILY)
    assert instance.enterprise.guard_share == 30
    assert instance.schedule_time == dt.time(3, 30)
    assert provision(text) == ["nothing changed"]


def test_the_renewal_and_the_price_are_set_and_taken_away(provision: Provision) -> None:
    provision()
    price = 'renewal_on = "2027-06-30"\nseat_price = "21.5"\ncurrency = "eur"'
    text = edited('name = "Acme"', f'name = "Acme"\n{price}')
    assert provision(text) == [
        "enterprise acme: renewal_on changed",
        "enterprise acme: seat_price changed",
        "enterprise acme: currency changed",
    ]
    assert provision(text) == ["nothing changed"]
    provision(edited('name = "Acme"', 'name = "Acme"\nrenewal_on = ""\nseat_price = ""'))
    enterprise = ServerInstance.objects.select_related("enterprise").get().enterprise
    assert (enterprise.renewal_on, enterprise.seat_price, enterprise.currency) == (
        None,
        None,
        "EUR",
    )


# --- What a file may not say ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            'host_name = "ghes1.example.com"',
            'host_name = "ghes1.example.com"\nhostname = "x"',
            "[[instance]] #1: unknown key 'hostname'; did you mean 'host_name'?",
        ),
        ('slug = "acme"', 'slug = "acme"\ncolor = "red"', "[enterprise]: unknown key 'color'"),
        ("[[member]]", "[[members]]", "unknown key 'members'; did you mean 'member'?"),
        ('role = "owner"\n', "", "[[member]] #1: the key 'role' is missing or empty"),
        (
            'host_name = "ghes1.example.com"\n',
            "",
            "[[instance]] #1: the key 'host_name' is missing or empty",
        ),
        ('slug = "acme"\n', "", "[enterprise]: the key 'slug' is missing or empty"),
        ("connect = true", 'connect = "yes"', "[[instance]] #1: 'connect' must be true or false"),
        (
            "connect = true",
            "guard_share = true",
            "[[instance]] #1: 'guard_share' must be a whole number",
        ),
        ('"licsync"', "7", "[[instance]] #1: 'username' must be text in quotes"),
        (
            '["read:enterprise"]',
            '"read:enterprise"',
            "[[token]] #1: 'scopes' must be a list of texts in quotes",
        ),
        (
            'name = "reports"',
            'name = "reports"\nstate = "gone"',
            '[[token]] #1: \'state\' must be "present" or "absent"',
        ),
        (
            'slug = "acme"',
            'slug = "acme"\nstate = "absent"',
            "[enterprise]: an enterprise is never removed by a file: its history would go with it",
        ),
        (
            "[[token]]",
            "[token]",
            "[[token]]: must be a list of tables, each beginning with [[token]]",
        ),
        (
            "[enterprise]",
            "[[enterprise]]",
            "[enterprise]: the file needs exactly one table [enterprise]",
        ),
        (
            "connect = true",
            'connect = true\nca_bundle = "no-such.pem"',
            "[[instance]] #1: the certificate authority's file no-such.pem cannot be read",
        ),
        (
            'token_env = "GHES1_TOKEN"',
            'token_env = "ghp_server"',
            (
                "[[instance]] #1: 'token_env' must be the name of an environment variable "
                "(capital letters, digits and _), not the secret itself"
            ),
        ),
    ],
)
def test_a_faulty_file_is_refused_with_the_place(
    provision: Provision, old: str, new: str, line: str
) -> None:
    assert refused(provision, edited(old, new)) == [line]


def test_every_fault_of_the_file_is_told_at_once(provision: Provision) -> None:
    text = edited("connect = true", "connect = 1").replace('role = "owner"', 'rolle = "owner"')
    assert refused(provision, text) == [
        "[[instance]] #1: 'connect' must be true or false",
        "[[member]] #1: unknown key 'rolle'; did you mean 'role'?",
        "[[member]] #1: the key 'role' is missing or empty",
    ]


def test_an_entry_may_stand_in_the_file_once(provision: Provision) -> None:
    text = FILE + '[[instance]]\nhost_name = "GHES1.example.com"\n'
    assert refused(provision, text) == [
        "[[instance]] #2: 'GHES1.example.com' is already in the file, at [[instance]] #1"
    ]


def test_what_is_not_toml_is_refused_with_its_line(provision: Provision) -> None:
    (line,) = refused(provision, FILE + "oops\n[token]")
    assert "The file is not TOML" in line
    assert "at line 26" in line


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="The file cannot be read: No such file"):
        call_command("provision", str(tmp_path / "none.toml"))


def test_refusals_of_the_rules_are_told_with_their_place_and_nothing_is_written(
    provision: Provision,
) -> None:
    text = edited('role = "owner"', 'role = "boss"').replace(
        '["read:enterprise"]', '["write:everything"]'
    )
    assert refused(provision, text) == [
        "[[member]] #1: “boss” is no role. Choose owner, billing_manager or auditor.",
        "[[token]] #1: “write:everything” is no scope.",
    ]
    assert not Enterprise.objects.exists()
    assert not User.objects.exists()


def test_a_token_that_was_never_stored_is_asked_for(provision: Provision) -> None:
    told = "is not set, and nothing is stored that could be kept: set it"
    assert refused(provision, FILE, {"ACME_GHEC_TOKEN": "ghp_cloud"}) == [
        f"[[instance]] #1: the environment variable GHES1_TOKEN {told}",
        f"[[token]] #1: the environment variable REPORTS_TOKEN {told}",
    ]
    assert refused(provision, FILE, {}) == [
        f"[enterprise]: the environment variable ACME_GHEC_TOKEN {told}"
    ]


def test_a_password_that_is_not_set_leaves_a_member_without_one(provision: Provision) -> None:
    secrets = {name: value for name, value in SECRETS.items() if name != "OWNER1_PASSWORD"}
    provision(FILE, secrets)
    assert not User.objects.get().has_usable_password()


def test_a_short_api_token_is_refused(provision: Provision) -> None:
    lines = refused(provision, FILE, {**SECRETS, "REPORTS_TOKEN": "short"})
    assert lines == ["[[token]] #1: A token's value needs at least 40 characters."]


def test_loopback_and_unconfirmed_plain_http_are_refused(
    provision: Provision, settings: Settings
) -> None:
    settings.LICSYNC_ALLOW_LOOPBACK = False
    text = edited("connect = true", 'url = "http://127.0.0.1:8080"\nconnect = true')
    assert refused(provision, text) == [
        "[[instance]] #1: 127.0.0.1 is this machine itself, which is not allowed as an address."
    ]
    text = edited("connect = true", 'url = "http://ghes1.example.com"\nconnect = true')
    (line,) = refused(provision, text)
    assert line.startswith("[[instance]] #1: ghes1.example.com is addressed by plain HTTP")
    assert provision(text.replace("connect = true", "connect = true\nplain_http = true"))
    assert ServerInstance.objects.get().plain_http_confirmed


# --- Instances ------------------------------------------------------------------------------------


def test_license_sync_without_connect_is_refused(provision: Provision) -> None:
    (line,) = refused(provision, edited("connect = true", "connect = false"))
    assert line.startswith(
        "[[instance]] #1: License sync of ghes1.example.com cannot be enabled before GitHub Connect."
    )


def test_disabling_connect_erases_the_token_and_stays_so(provision: Provision) -> None:
    provision()
    text = edited("connect = true\nlicense_sync = true", "connect = false")
    assert provision(text) == ["instance ghes1.example.com: connect disabled"]
    instance = ServerInstance.objects.get()
    assert not instance.license_sync_enabled
    assert not Credential.objects.filter(instance=instance).exists()
    assert provision(text) == ["nothing changed"]


def test_license_sync_alone_may_be_disabled(provision: Provision) -> None:
    provision()
    text = edited("license_sync = true", "license_sync = false")
    assert provision(text) == ["instance ghes1.example.com: license sync disabled"]
    assert ServerInstance.objects.get().connect_enabled


def test_another_address_erases_the_token_and_stores_it_anew(provision: Provision) -> None:
    provision()
    text = edited("connect = true", 'url = "https://10.0.0.7"\nconnect = true')
    told = "is not set, and nothing is stored that could be kept: set it"
    assert refused(provision, text, {}) == [
        f"[[instance]] #1: the environment variable GHES1_TOKEN {told}"
    ]
    assert provision(text) == [
        "instance ghes1.example.com: url changed",
        "instance ghes1.example.com: token erased",
        "instance ghes1.example.com: token stored",
    ]


def test_another_username_keeps_the_stored_token(provision: Provision) -> None:
    provision()
    text = edited('username = "licsync"', 'username = "robot"')
    assert provision(text, {}) == ["instance ghes1.example.com: token stored"]
    instance = ServerInstance.objects.get()
    opened = credential_open(enterprise=instance.enterprise, instance=instance, url=instance.url)
    assert opened == ("robot", "ghp_server")


def test_a_certificate_may_be_a_path_beside_the_file_or_text(
    provision: Provision, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text(CERTIFICATE)
    by_path = edited("connect = true", 'ca_bundle = "ca.pem"\nconnect = true')
    provision(by_path)
    stored = ServerInstance.objects.get().ca_bundle
    assert stored == CERTIFICATE.strip()
    by_text = edited("connect = true", f'ca_bundle = """{CERTIFICATE}"""\nconnect = true')
    assert provision(by_text) == ["nothing changed"]


def test_an_absent_instance_is_removed_once(provision: Provision) -> None:
    provision()
    text = (
        '[enterprise]\nslug = "acme"\n'
        '[[instance]]\nhost_name = "ghes1.example.com"\nstate = "absent"\n'
    )
    assert provision(text) == ["instance ghes1.example.com: removed"]
    assert not ServerInstance.objects.exists()
    assert provision(text) == ["nothing changed"]


# --- Members and tokens ---------------------------------------------------------------------------


def test_the_last_owner_cannot_be_made_absent(provision: Provision) -> None:
    provision()
    text = '[enterprise]\nslug = "acme"\n[[member]]\nusername = "owner1"\nstate = "absent"\n'
    (line,) = refused(provision, text)
    assert line.startswith("[[member]] #1: owner1 is the last owner")


def test_owners_may_change_places_in_one_file_whatever_its_order(provision: Provision) -> None:
    provision()
    text = (
        '[enterprise]\nslug = "acme"\n'
        '[[member]]\nusername = "owner1"\nstate = "absent"\n'
        '[[member]]\nusername = "owner2"\nrole = "owner"\n'
    )
    assert provision(text) == [
        "member owner2: added",
        "member owner2: role owner",
        "member owner1: removed",
    ]


def test_scopes_of_a_token_may_change_without_its_value(provision: Provision) -> None:
    provision()
    text = edited('["read:enterprise"]', '["read:metrics", "read:enterprise"]')
    assert provision(text, {}) == ["token reports: scopes changed"]
    assert ApiToken.objects.get().scopes == ["read:enterprise", "read:metrics"]
    assert provision(text) == ["nothing changed"]


def test_an_absent_token_is_revoked_and_its_value_never_comes_back(provision: Provision) -> None:
    provision()
    assert provision(
        '[enterprise]\nslug = "acme"\n[[token]]\nname = "reports"\nstate = "absent"\n'
    ) == ["token reports: revoked"]
    assert token_check(SECRETS["REPORTS_TOKEN"]) is None
    assert refused(provision, FILE) == [
        "[[token]] #1: Another token has this value. Make a new one."
    ]


CERTIFICATE = """-----BEGIN CERTIFICATE-----
MIIBLTCB1KADAgECAgEBMAoGCCqGSM49BAMCMBUxEzARBgNVBAMMCkV4YW1wbGUg
Q0EwIBcNMjQwMTAxMDAwMDAwWhgPMjEyNDAxMDEwMDAwMDBaMBUxEzARBgNVBAMM
CkV4YW1wbGUgQ0EwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARPH0RrLyOU23PG
7M20FhMIM84+7asXaxBg3yoDmsgsqokhtxnP48UuNH2B+M7WtXCThr4kZ0ajWa5e
Nmpqn1icoxMwETAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCICzQ
UCNe9aXpqez6crK2Mcf5GR8WaRper0BnTy3cy2jgAiEA8P1GqjIFLsCZblJi1sFN
TYvvp1cVORRfxgd+6BQkEn8=
-----END CERTIFICATE-----
"""
