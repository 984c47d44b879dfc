"""Which addresses an owner may enter."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from enterprise.faults import Refused
from enterprise.services.addresses import address_checked, host_name_checked
from tests.services.conftest import refusal


@pytest.fixture
def no_loopback(settings: Settings) -> None:
    settings.LICSYNC_ALLOW_LOOPBACK = False


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" https://GHES.Example.com/ ", "https://ghes.example.com"),
        ("HTTPS://ghes.example.com.:8443", "https://ghes.example.com:8443"),
        ("http://ghes", "http://ghes"),
        ("https://10.0.0.7", "https://10.0.0.7"),
        ("https://192.168.1.1", "https://192.168.1.1"),
        ("https://[fd00::7]:8443", "https://[fd00::7]:8443"),
        ("https://api.acme.ghe.com", "https://api.acme.ghe.com"),
    ],
)
def test_addresses_of_servers_are_taken_and_made_regular(text: str, address: str) -> None:
    assert address_checked(text, field="url") == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ghes.example.com",
        "ftp://ghes.example.com",
        "https://",
        "https://ghes.example.com/path",
        "https://ghes.example.com?query",
        "https://ghes.example.com#part",
        "https://user:password@ghes.example.com",
        "https://ghes.example.com:port",
        "https://ghes.example.com:99999",
        "https://ghes.example.com:0",
        "https://ghes example.com",
        "https://-ghes.example.com",
        "https://münchen.example.com",
        "https://[fd00::7",
        "https://" + "a" * 64 + ".example.com",
    ],
)
def test_anything_else_is_refused_at_its_own_field(text: str) -> None:
    assert refusal(address_checked, text, field="api_url") == ("bad_address", "api_url")


def test_a_password_in_an_address_is_not_shown_again() -> None:
    with pytest.raises(Refused) as caught:
        address_checked("https://user:secret@ghes.example.com", field="url")
    assert caught.value.params == {"value": "ghes.example.com"}


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.8.8", "localhost", "ghes.localhost", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_loopback_is_refused_unless_allowed(no_loopback: None, host: str) -> None:
    assert refusal(address_checked, f"https://{host}", field="url") == ("loopback_address", "url")


def test_loopback_is_taken_where_it_is_allowed_and_needs_no_tls(settings: Settings) -> None:
    settings.LICSYNC_ALLOW_LOOPBACK = True
    address = "http://127.0.0.1:8080"
    assert address_checked(address, field="url", plain_http_confirmed=False) == address


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "[fe80::1]", "0.0.0.0", "[::]", "224.0.0.1", "[::ffff:169.254.0.1]"]
)
def test_link_local_and_special_addresses_are_always_refused(host: str) -> None:
    assert refusal(address_checked, f"https://{host}", field="proxy") == (
        "link_local_address",
        "proxy",
    )


def test_plain_http_needs_a_word_of_the_owner() -> None:
    address = "http://ghes.example.com"
    assert refusal(address_checked, address, field="url", plain_http_confirmed=False) == (
        "plain_http_unconfirmed",
        "url",
    )
    assert address_checked(address, field="url", plain_http_confirmed=True) == address


def test_host_names_are_lower_case_without_a_final_dot() -> None:
    assert host_name_checked(" GHES1.Example.COM. ") == "ghes1.example.com"


@pytest.mark.parametrize("text", ["", "a b", "a..b", "-a", "https://a", "a:1", "a/b", "x" * 254])
def test_what_is_no_host_name_is_refused(text: str) -> None:
    assert refusal(host_name_checked, text) == ("bad_host_name", "host_name")
