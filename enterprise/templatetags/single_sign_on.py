"""The identity providers of the sign-in page."""

from __future__ import annotations

from typing import Any

from allauth.account.utils import get_next_redirect_url
from django import template
from django.conf import settings
from django.utils.http import urlencode

from enterprise.single_sign_on import login_address

register = template.Library()


@register.simple_tag(takes_context=True)
def identity_providers(context: template.Context) -> list[dict[str, Any]]:
    """``name`` and ``address`` of each; signing in there leads on to where the person wanted to go."""
    onward = get_next_redirect_url(context["request"])
    query = f"?{urlencode({'next': onward})}" if onward else ""
    return [
        {"name": provider.name, "address": f"{login_address(provider)}{query}"}
        for provider in settings.LICSYNC_IDENTITY_PROVIDERS.values()
    ]
