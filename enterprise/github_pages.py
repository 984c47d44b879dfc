"""Where on GitHub, or on an instance, an owner makes or mends what this console needs."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

CLOUD_SCOPE, SERVER_SCOPE = "read:enterprise", "site_admin"
GITHUB = "https://github.com"


class GitHubPage(NamedTuple):
    """A page of GitHub's, and what one does there."""

    label: str | Promise
    url: str


def new_token(web: str, scope: str) -> GitHubPage:
    """GitHub's form for a classic token, with the one scope that is needed already selected."""
    query = urlencode({"scopes": scope, "description": "licsync"})
    return GitHubPage(_("Make the token on GitHub"), f"{web}/settings/tokens/new?{query}")


def cloud_web(api_url: str) -> str:
    """Where people see what is served at ``api_url``: github.com, or a host of GHE.com."""
    parts = urlsplit(api_url)
    return f"{parts.scheme}://{parts.netloc.removeprefix('api.')}"


def cloud_page(api_url: str, slug: str, code: str) -> GitHubPage | None:
    """Where what the cloud answered with is mended; None where GitHub has no page for it."""
    web = cloud_web(api_url)
    if code in _TOKEN_FAULTS:
        return new_token(web, CLOUD_SCOPE)
    if code in ("sso_required", "test_token_over_scoped"):
        return GitHubPage(_("Your tokens on GitHub"), f"{web}/settings/tokens")
    if code == "ip_allow_list":
        page = f"{web}/enterprises/{slug}/settings/security"
        return GitHubPage(_("IP allow list of the enterprise"), page)
    if code in ("not_found", "forbidden"):
        return GitHubPage(_("People of the enterprise"), f"{web}/enterprises/{slug}/people")
    return None


def server_page(url: str, code: str) -> GitHubPage | None:
    """The same for an instance at ``url``."""
    if code in _TOKEN_FAULTS:
        return new_token(url, SERVER_SCOPE)._replace(label=_("Make the token on the instance"))
    if code == "test_token_over_scoped":
        return GitHubPage(_("Your tokens on the instance"), f"{url}/settings/tokens")
    if code in ("not_found", "forbidden"):
        return GitHubPage(_("Site admins of the instance"), f"{url}/stafftools/site_admins")
    return None


_TOKEN_FAULTS = frozenset(
    {
        "bad_credentials",
        "bad_token",
        "credential_elsewhere",
        "credential_missing",
        "credential_unreadable",
        "missing_scope",
        "owner_info_missing",
        "report_refused",
        "sign_in_page",
    }
)
