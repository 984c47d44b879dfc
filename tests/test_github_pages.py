"""Where on GitHub an owner is sent to make or mend something."""

from __future__ import annotations

import pytest

from enterprise.github_pages import cloud_page, cloud_web, server_page


@pytest.mark.parametrize(
    ("api_url", "web"),
    [
        ("https://api.github.com", "https://github.com"),
        ("https://api.octo.ghe.com", "https://octo.ghe.com"),
        ("http://127.0.0.1:4000", "http://127.0.0.1:4000"),
    ],
)
def test_people_see_github_beside_where_its_api_is(api_url: str, web: str) -> None:
    assert cloud_web(api_url) == web


@pytest.mark.parametrize("code", ["bad_credentials", "missing_scope", "credential_missing"])
def test_a_token_is_made_on_a_form_with_its_only_scope_selected(code: str) -> None:
    cloud = cloud_page("https://api.github.com", "acme", code)
    server = server_page("https://ghes.example.com", code)
    assert cloud is not None
    assert server is not None
    start = "settings/tokens/new?scopes="
    assert cloud.url == f"https://github.com/{start}read%3Aenterprise&description=licsync"
    assert server.url == f"https://ghes.example.com/{start}site_admin&description=licsync"


def test_an_ip_allow_list_is_one_of_the_enterprise() -> None:
    page = cloud_page("https://api.octo.ghe.com", "acme", "ip_allow_list")
    assert page is not None
    assert page.url == "https://octo.ghe.com/enterprises/acme/settings/security"


@pytest.mark.parametrize("code", ["timed_out", "tls_failed", "test_answers"])
def test_what_is_not_mended_on_github_leads_nowhere(code: str) -> None:
    assert cloud_page("https://api.github.com", "acme", code) is None
    assert server_page("https://ghes.example.com", code) is None
