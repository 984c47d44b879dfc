"""``LICSYNC_SSO`` is read strictly, and what is wrong is told without what it was."""

import json

import pytest
from django.core.exceptions import ImproperlyConfigured

from licsync.single_sign_on import identity_providers

OIDC = {
    "id": "corp",
    "name": "Corp",
    "protocol": "openid_connect",
    "issuer": "https://login.corp.example",
    "client_id": "licsync",
    "client_secret": "hush-hush",
}
SAML = {
    "id": "legacy",
    "name": "Legacy",
    "protocol": "saml",
    "entity_id": "urn:legacy",
    "sso_url": "https://legacy.corp.example/sso",
    "certificate": "hush-hush",
}


def read(*entries, loopback=False):
    return identity_providers("LICSYNC_SSO", json.dumps(entries), loopback=loopback)


def test_nothing_is_no_provider():
    assert identity_providers("LICSYNC_SSO", "", loopback=False) == []


def test_both_protocols_are_read():
    corp, legacy = read({**OIDC, "groups": "roles"}, SAML)
    assert (corp.id, corp.groups, legacy.id, legacy.groups) == ("corp", "roles", "legacy", "groups")
    assert corp.app["settings"]["oauth_pkce_enabled"] is True
    assert legacy.app["settings"]["advanced"]["want_assertion_signed"] is True


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({**OIDC, "protocol": "kerberos"}, "protocol must be"),
        ({**OIDC, "client_secret": ""}, "client_secret must be a text"),
        ({key: OIDC[key] for key in OIDC if key != "issuer"}, "issuer must be a text"),
        ({**OIDC, "sso_url": "https://x.example"}, "unknown 'sso_url'"),
        ({**OIDC, "issuer": "http://login.corp.example"}, "must begin with https"),
        ({**SAML, "sso_url": "ftp://x.example"}, "must begin with https"),
        ({**OIDC, "id": "a/b"}, "id must be letters"),
        ({**OIDC, "scopes": "openid"}, "scopes must be an array"),
        ({**OIDC, "groups": 1}, "groups must be a text"),
    ],
)
def test_what_is_wrong_is_told_and_never_repeated(entry, told):
    with pytest.raises(ImproperlyConfigured, match=f"LICSYNC_SSO: provider 1: .*{told}") as refused:
        read(entry)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("text", ["{", "{}", "[1]", '"x"'])
def test_what_is_no_array_of_objects_is_refused(text):
    with pytest.raises(ImproperlyConfigured, match="LICSYNC_SSO"):
        identity_providers("LICSYNC_SSO", text, loopback=False)


def test_two_providers_have_two_ids():
    with pytest.raises(ImproperlyConfigured, match="same id"):
        read(OIDC, {**SAML, "id": "corp"})


def test_plain_http_is_for_loopback():
    assert read({**OIDC, "issuer": "http://127.0.0.1:9000"}, loopback=True)
