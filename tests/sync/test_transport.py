"""An instance of a private authority, behind a proxy, and without TLS: from its settings to its data."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from enterprise import wording
from enterprise.faults import Refused
from enterprise.models import Enterprise, RunState, ServerInstance, SyncRun
from enterprise.services.audit import SYSTEM
from enterprise.services.connect import connect_enable, license_sync_set
from enterprise.services.enterprises import enterprise_add, enterprise_token_set
from enterprise.services.servers import instance_add, instance_edit, instance_token_set
from sandbox.generate import generate_world
from sandbox.ghes import GhesSite
from sandbox.server import Fleet, serve
from tests.sources.test_outbound import HOST, certificates, names
from tests.sync.conftest import sync

__all__ = ["names"]

pytestmark = pytest.mark.django_db

Names = dict[str, list[str]]


class Proxy:
    """An HTTP proxy on loopback that knows every name: it leads to this machine's port of the URL.

    ``asked`` keeps the first line of each connection.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        # Without the shutdown, accept() would keep the port listening.
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with suppress(OSError), near:
            head = b""
            while b"\r\n\r\n" not in head:
                more = near.recv(65536)
                if not more:
                    return
                head += more
            line = head.partition(b"\r\n")[0].decode()
            self.asked.append(line)
            method, target, _ = line.split(" ")
            authority = target if method == "CONNECT" else target.split("/")[2]
            with socket.create_connection(("127.0.0.1", int(authority.partition(":")[2]))) as far:
                if method == "CONNECT":
                    near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    far.sendall(head)
                back = threading.Thread(target=_pass_on, args=(far, near), daemon=True)
                back.start()
                _pass_on(near, far)
                back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while some := source.recv(65536):
            target.sendall(some)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    proxy = Proxy()
    yield proxy
    proxy.close()


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with serve(generate_world(7, cloud=40, instances={HOST: 60})) as fleet:
        yield fleet


@pytest.fixture
def site(fleet: Fleet) -> GhesSite:
    return fleet.instances[HOST]


@pytest.fixture
def enterprise(db: None, fleet: Fleet) -> Enterprise:
    enterprise = enterprise_add(actor=SYSTEM, slug=fleet.world.slug, api_url=fleet.ghec.url)
    enterprise_token_set(enterprise=enterprise, actor=SYSTEM, token=fleet.ghec.token)
    return enterprise


@pytest.fixture
def authority(site: GhesSite, tmp_path: Path) -> str:
    """The certificate of the private authority, after the site has begun to speak TLS with one of it."""
    made = certificates(tmp_path)
    server = site._server
    assert server is not None
    server.socket = made.context.wrap_socket(server.socket, server_side=True)
    return made.authority


def add(enterprise: Enterprise, site: GhesSite, scheme: str, **settings: object) -> ServerInstance:
    """The instance under its name, connected, with its token."""
    instance = instance_add(
        enterprise=enterprise,
        actor=SYSTEM,
        host_name=HOST,
        url=f"{scheme}://{HOST}:{site.port}",
        **settings,  # type: ignore[arg-type]
    )
    give_token(instance, site)
    connect_enable(instance=instance, actor=SYSTEM)
    license_sync_set(instance=instance, enabled=True, actor=SYSTEM)
    instance.refresh_from_db()
    return instance


def give_token(instance: ServerInstance, site: GhesSite) -> None:
    instance_token_set(instance=instance, actor=SYSTEM, username=site.username, token=site.token)


def read_whole(run: SyncRun, site: GhesSite) -> bool:
    """Whether the run read all of it: the report, the facts beside it and the cross-check."""
    left_out = run.log.filter(code__in=["facts_unread", "scim_unread"]).exists()
    users = site.instance.users
    return (run.state, run.counts.get("read")) == (RunState.SUCCEEDED, len(users)) and not left_out


# --- A private authority -------------------------------------------------------------------------


def test_an_instance_of_a_private_authority_fails_until_it_has_the_bundle(
    enterprise: Enterprise, site: GhesSite, names: Names, authority: str
) -> None:
    names[HOST] = ["127.0.0.1"]
    instance = add(enterprise, site, "https")

    run = sync(enterprise, instance)

    assert (run.state, run.error_code, run.attempt) == (RunState.FAILED, "tls_failed", 1)
    assert wording.sentence(run.error_code, run.error_params) == (
        f"The TLS certificate of {HOST} could not be trusted (it is not signed by a known authority)."
        " If it is signed by your own authority, add that authority's certificate to the instance."
    )
    assert site.requests == []

    instance_edit(instance=instance, actor=SYSTEM, ca_bundle=authority)
    give_token(instance, site)  # it went with the change
    instance.refresh_from_db()
    assert read_whole(sync(enterprise, instance), site)


# --- Behind a proxy ------------------------------------------------------------------------------


def test_https_goes_through_a_tunnel_of_the_proxy(
    enterprise: Enterprise, site: GhesSite, names: Names, authority: str, proxy: Proxy
) -> None:
    names[HOST] = []  # only the proxy knows the name
    instance = add(enterprise, site, "https", proxy=proxy.url, ca_bundle=authority)

    assert read_whole(sync(enterprise, instance), site)
    assert {line.rpartition(" ")[0] for line in proxy.asked} == {f"CONNECT {HOST}:{site.port}"}


def test_plain_http_is_asked_of_the_proxy(
    enterprise: Enterprise, site: GhesSite, names: Names, proxy: Proxy
) -> None:
    names[HOST] = []
    instance = add(enterprise, site, "http", proxy=proxy.url, plain_http_confirmed=True)

    assert read_whole(sync(enterprise, instance), site)
    assert proxy.asked
    assert all(line.startswith(f"GET http://{HOST}:{site.port}/") for line in proxy.asked)


# --- Without TLS ---------------------------------------------------------------------------------


def test_plain_http_needs_a_confirmation_and_works_with_it(
    enterprise: Enterprise, site: GhesSite, names: Names, proxy: Proxy
) -> None:
    names[HOST] = ["10.0.0.1"]
    with pytest.raises(Refused) as refused:
        add(enterprise, site, "http", proxy=proxy.url)
    assert (refused.value.code, refused.value.field) == ("plain_http_unconfirmed", "url")

    instance = add(enterprise, site, "http", proxy=proxy.url, plain_http_confirmed=True)
    assert read_whole(sync(enterprise, instance), site)


def test_no_token_goes_over_plain_http_that_nobody_confirmed(
    enterprise: Enterprise, site: GhesSite, names: Names, proxy: Proxy
) -> None:
    """Whatever the form let through: the connection asks once more."""
    names[HOST] = ["10.0.0.1"]
    instance = add(enterprise, site, "http", proxy=proxy.url, plain_http_confirmed=True)
    ServerInstance.objects.filter(pk=instance.pk).update(plain_http_confirmed=False)

    run = sync(enterprise, instance)

    assert (run.state, run.error_code, run.attempt) == (RunState.FAILED, "plain_http_refused", 1)
    assert "confirm plain HTTP" in wording.sentence(run.error_code, run.error_params)
    assert (proxy.asked, site.requests) == ([], [])
