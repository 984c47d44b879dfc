"""A browser in which somebody signs in at an identity provider, and what becomes of them here."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import requests
from django.test import Client

from enterprise.models import Membership
from licsync.single_sign_on import identity_providers, social_account_providers

SAML_LOGIN = "/accounts/saml/legacy/login/"


def configure(settings: Any, *entries: dict[str, Any]) -> None:
    found = identity_providers("LICSYNC_SSO", json.dumps(entries), loopback=True)
    settings.LICSYNC_IDENTITY_PROVIDERS = {each.app["provider_id"]: each for each in found}
    settings.SOCIALACCOUNT_PROVIDERS = social_account_providers(found)


def led_to(response: Any) -> str:
    """Where a browser goes on, be it by a redirect or from a page."""
    return str(response.get("Location") or response["Refresh"].partition("url=")[2])


class Corp:
    """An OpenID provider, and a browser in which somebody signs in there."""

    def __init__(self, base: str) -> None:
        self.base = base

    def tell(self, sub: str, **claims: Any) -> None:
        requests.put(f"{self.base}/users/{sub}", json=claims, timeout=10).raise_for_status()

    def sign_in(self, client: Client, sub: str, path: str = "/accounts/oidc/corp/login/") -> Any:
        """Follow the redirects as a browser does; the console's last answer."""
        asked = led_to(client.get(path))
        assert asked.startswith(self.base)
        return self.answer(client, asked, sub)

    def answer(self, client: Client, asked: str, sub: str) -> Any:
        """Sign in at the provider, and carry its answer back."""
        told = requests.post(asked, data={"sub": sub}, timeout=10, allow_redirects=False)
        back = told.headers["Location"].removeprefix("http://testserver")
        assert back.startswith("/accounts/oidc/corp/login/callback/")
        return client.get(back)


def roles(username: str) -> list[str]:
    found = Membership.objects.filter(user__username=username)
    return list(found.values_list("role", flat=True))


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def post_answer(client: Client, answer: str) -> Any:
    acs = client.post("/accounts/saml/legacy/acs/", {"SAMLResponse": answer})
    return client.get(acs["Location"]) if acs.status_code == 302 else acs


def asked_of(client: Client, path: str = SAML_LOGIN) -> str:
    """Where the provider is asked."""
    return led_to(client.get(path))


def saml_sign_in(client: Client, path: str = SAML_LOGIN) -> Any:
    page = requests.get(asked_of(client, path), timeout=10).text
    answer = re.search(r'name="SAMLResponse" value="([^"]+)"', page)
    assert answer is not None
    return post_answer(client, html.unescape(answer[1]))
