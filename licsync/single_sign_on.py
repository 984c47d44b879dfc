"""The identity providers of ``LICSYNC_SSO``, read strictly, and as django-allauth wants them."""

from __future__ import annotations

import json
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from licsync.env import refused

_OIDC = {"issuer": True, "client_id": True, "client_secret": True, "scopes": False}
_SAML = {"entity_id": True, "sso_url": True, "certificate": True}
_COMMON = {"id": True, "name": True, "protocol": True, "groups": False}
_KEYS = {"openid_connect": {**_COMMON, **_OIDC}, "saml": {**_COMMON, **_SAML}}
_SCOPES = ["openid", "profile", "email"]


class IdentityProvider(NamedTuple):
    """``id`` stands in addresses and rules; ``groups`` is the claim or attribute with the groups."""

    id: str
    name: str
    protocol: str
    groups: str
    app: dict[str, Any]


def identity_providers(variable: str, text: str, *, loopback: bool) -> list[IdentityProvider]:
    """The providers of a JSON array, none if ``text`` is empty. Plain HTTP only if ``loopback``.

    Raises ImproperlyConfigured for anything else, without repeating a value.
    """
    if not text:
        return []
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise refused(variable, "must be a JSON array of identity providers.") from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise refused(variable, "must be a JSON array of objects, one an identity provider.")
    found = [_provider(variable, place, entry, loopback) for place, entry in enumerate(entries, 1)]
    if len({provider.id for provider in found}) < len(found):
        raise refused(variable, "has two providers with the same id; give each its own.")
    return found


def _provider(variable: str, place: int, entry: dict[str, Any], loopback: bool) -> IdentityProvider:
    about = f"provider {place}"
    keys = _KEYS.get(str(entry.get("protocol")))
    if keys is None:
        raise refused(variable, f"{about}: protocol must be openid_connect or saml.")
    for key, needed in keys.items():
        value = entry.get(key)
        if key == "scopes" and value is not None:
            if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
                raise refused(variable, f"{about}: scopes must be an array of texts.")
        elif (needed or value is not None) and not (isinstance(value, str) and value.strip()):
            raise refused(variable, f"{about}: {key} must be a text that is not empty.")
    if unknown := sorted(entry.keys() - keys.keys()):
        raise refused(variable, f"{about}: unknown {', '.join(map(repr, unknown))}; remove it.")
    if not entry["id"].replace("-", "").isalnum() or not entry["id"].isascii():
        raise refused(variable, f"{about}: id must be letters, digits and hyphens.")
    address = entry["issuer"] if "issuer" in keys else entry["sso_url"]
    parts = urlsplit(address)
    if parts.scheme != "https" and not (loopback and parts.scheme == "http"):
        raise refused(variable, f"{about}: its address must begin with https://.")
    make = _oidc_app if entry["protocol"] == "openid_connect" else _saml_app
    groups = entry.get("groups", "groups")
    return IdentityProvider(entry["id"], entry["name"], entry["protocol"], groups, make(entry))


def _oidc_app(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "provider_id": entry["id"],
        "name": entry["name"],
        "client_id": entry["client_id"],
        "secret": entry["client_secret"],
        "settings": {
            "server_url": entry["issuer"].rstrip("/"),
            "oauth_pkce_enabled": True,
            "scope": entry.get("scopes", _SCOPES),
        },
    }


def _saml_app(entry: dict[str, Any]) -> dict[str, Any]:
    """Strict: assertions signed, answers to our own requests only, no deprecated algorithm."""
    return {
        "provider_id": entry["entity_id"],
        "client_id": entry["id"],
        "name": entry["name"],
        "settings": {
            "idp": {
                "entity_id": entry["entity_id"],
                "sso_url": entry["sso_url"],
                "x509cert": entry["certificate"],
            },
            "advanced": {
                "strict": True,
                "want_assertion_signed": True,
                "want_name_id": True,
                "reject_deprecated_algorithm": True,
                "reject_idp_initiated_sso": True,
                "allow_single_label_domains": True,
            },
        },
    }


def social_account_providers(providers: list[IdentityProvider]) -> dict[str, Any]:
    """``SOCIALACCOUNT_PROVIDERS``."""
    return {
        protocol: {"APPS": [each.app for each in providers if each.protocol == protocol]}
        for protocol in _KEYS
    }
