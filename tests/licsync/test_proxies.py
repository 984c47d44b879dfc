import ipaddress

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from licsync.proxies import TrustedProxiesMiddleware, client_address

PROXIES = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("forwarded_for", "client"),
    [
        ("", "10.0.0.1"),
        ("203.0.113.7", "203.0.113.7"),
        ("198.51.100.9, 203.0.113.7", "203.0.113.7"),
        ("198.51.100.9, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        ("203.0.113.7, fd00::1", "203.0.113.7"),
        ("10.0.0.3", "10.0.0.3"),
        ("203.0.113.7, nonsense", "10.0.0.1"),
        ("nonsense, 203.0.113.7", "203.0.113.7"),
    ],
)
def test_the_client_is_the_nearest_address_that_is_no_proxy(forwarded_for, client):
    assert client_address("10.0.0.1", forwarded_for, PROXIES) == client


@pytest.fixture
def seen(settings):
    """The request as it comes out of the middleware."""
    settings.LICSYNC_TRUSTED_PROXIES = PROXIES

    def seen(remote, **headers):
        requests = []
        middleware = TrustedProxiesMiddleware(lambda r: requests.append(r) or HttpResponse())
        middleware(RequestFactory().get("/", headers=headers, REMOTE_ADDR=remote))
        return requests[0]

    return seen


def test_a_trusted_proxy_is_believed(seen):
    request = seen("10.0.0.1", x_forwarded_for="203.0.113.7", x_forwarded_proto="https")
    assert request.META["REMOTE_ADDR"] == "203.0.113.7"
    assert request.is_secure()


def test_a_stranger_is_not_believed(seen):
    request = seen(
        "203.0.113.9",
        x_forwarded_for="127.0.0.1",
        x_forwarded_proto="https",
        x_forwarded_host="evil.example.com",
    )
    assert request.META["REMOTE_ADDR"] == "203.0.113.9"
    assert not request.is_secure()
    assert not [name for name in request.META if "FORWARDED" in name]


def test_of_several_schemes_the_nearest_counts(seen):
    assert not seen("10.0.0.1", x_forwarded_proto="https, http").is_secure()
