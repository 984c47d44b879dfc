from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from enterprise import outbound
from enterprise.faults import Fault
from enterprise.sources.http import Client
from tests.sources.peer import TOKEN, Peer, json_reply, reply

MakePeer = Callable[..., Peer]
Caught = Callable[[Callable[[], object]], Fault]
HOST = "ghes.example.com"
PATH = "/secret-path"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names resolve to; literal addresses resolve to themselves."""
    table: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *args: Any, **options: Any) -> list[Any]:
        found = [entry for name in table.get(host, [host]) for entry in real(name, port, type=1)]
        if host in table and not found:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return found

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return table


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.1.1",
        "fe80::1",
        "224.0.0.1",
        "ff02::1",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "240.0.0.1",
        "255.255.255.255",
        "100.100.100.200",
        "168.63.129.16",
        "fd00:ec2::254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "127.0.0.1",
        "127.9.9.9",
        "::1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
    ],
)
def test_special_addresses_are_refused(
    names: dict[str, list[str]], caught: Caught, address: str
) -> None:
    names[HOST] = [address]
    fault = caught(lambda: outbound.Guard().addresses(HOST, 443))
    assert (fault.code, fault.params, fault.retry) == ("address_refused", {"host": HOST}, False)


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "172.16.3.4", "192.168.1.1", "100.64.0.1", "140.82.112.5", "fd12::1"]
)
def test_private_and_public_addresses_are_allowed(
    names: dict[str, list[str]], address: str
) -> None:
    names[HOST] = [address]
    assert outbound.Guard().addresses(HOST, 443) == [address]


def test_one_refused_address_of_several_is_enough(
    names: dict[str, list[str]], caught: Caught
) -> None:
    names[HOST] = ["10.0.0.1", "169.254.169.254"]
    assert caught(lambda: outbound.Guard().addresses(HOST, 443)).code == "address_refused"


def test_an_unknown_name_is_told_at_once(names: dict[str, list[str]], caught: Caught) -> None:
    names[HOST] = []
    fault = caught(lambda: Client(f"https://{HOST}", token=TOKEN).get_json("/x"))
    assert (fault.code, fault.retry, fault.params) == ("host_not_found", False, {"host": HOST})


def test_a_name_server_that_fails_is_transient(
    monkeypatch: pytest.MonkeyPatch, caught: Caught
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "later")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    fault = caught(lambda: outbound.Guard().addresses(HOST, 443))
    assert (fault.code, fault.retry) == ("connection_failed", True)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "2130706433"])
def test_loopback_is_refused_however_it_is_written(
    make_peer: MakePeer, caught: Caught, host: str
) -> None:
    peer = make_peer(json_reply({}))
    client = Client(f"http://{host}:{peer.port}", token=TOKEN, plain_http_confirmed=True)
    assert caught(lambda: client.get_json("/x")).code == "address_refused"
    assert peer.requests == []


def test_plain_http_needs_a_confirmation(names: dict[str, list[str]], caught: Caught) -> None:
    names[HOST] = ["10.0.0.1"]
    client = Client(f"http://{HOST}", token=TOKEN, allow_loopback=True)
    fault = caught(lambda: client.get_json("/x"))
    assert (fault.code, fault.params) == ("plain_http_refused", {"host": HOST})


def test_what_was_checked_is_what_is_connected_to(
    make_peer: MakePeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that changes between check and connection leads nowhere else: it is asked once."""
    peer = make_peer(json_reply({"ok": 1}))
    real, asked = socket.getaddrinfo, []

    def resolve(host: str, *args: Any, **options: Any) -> Any:
        if host == HOST:
            asked.append(host)
            host = "127.0.0.1" if len(asked) == 1 else "169.254.169.254"
        return real(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    client = Client(f"http://{HOST}:{peer.port}", token=TOKEN, allow_loopback=True)
    assert client.get_json("/x").data == {"ok": 1}
    assert asked == [HOST]
    assert f"Host: {HOST}:{peer.port}" in peer.requests[0]


class Certificates(NamedTuple):
    authority: str
    context: ssl.SSLContext


def certificates(tmp_path: Path, *, days: int = 5) -> Certificates:
    """A private authority without key usage extensions, and a server certificate of it for HOST."""
    now = datetime.now(UTC)

    def make(name: str, issuer: str, key: Any, signer: Any, *extensions: Any) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=9))
            .not_valid_after(now + timedelta(days=days))
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(signer, hashes.SHA256())

    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = make("Own CA", "Own CA", root_key, root_key, x509.BasicConstraints(True, None))
    names = x509.SubjectAlternativeName([x509.DNSName(HOST)])
    leaf = make(HOST, "Own CA", key, root_key, names)
    pem = serialization.Encoding.PEM
    chain = tmp_path / "chain.pem"
    chain.write_bytes(
        leaf.public_bytes(pem)
        + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return Certificates(root.public_bytes(pem).decode(), context)


def tls_client(peer: Peer, host: str = HOST, **options: Any) -> Client:
    return Client(
        f"https://{host}:{peer.port}", token=TOKEN, allow_loopback=True, retry_base=0, **options
    )


def test_a_private_authority_is_trusted_for_the_host_name(
    make_peer: MakePeer, names: dict[str, list[str]], tmp_path: Path
) -> None:
    names[HOST] = ["127.0.0.1"]
    made = certificates(tmp_path)
    peer = make_peer(json_reply({"ok": 1}), context=made.context)
    assert tls_client(peer, ca_bundle=made.authority).get_json("/x").data == {"ok": 1}


@pytest.mark.parametrize(
    ("host", "given", "days", "reason"),
    [
        ("other.example.com", True, 5, "wrong_host"),
        (HOST, False, 5, "untrusted"),
        (HOST, True, -1, "expired"),
    ],
)
def test_a_certificate_that_does_not_fit_is_refused(
    make_peer: MakePeer,
    names: dict[str, list[str]],
    caught: Caught,
    tmp_path: Path,
    host: str,
    given: bool,
    days: int,
    reason: str,
) -> None:
    names[host] = ["127.0.0.1"]
    made = certificates(tmp_path, days=days)
    peer = make_peer(json_reply({}), context=made.context)
    client = tls_client(peer, host, ca_bundle=made.authority if given else "")
    fault = caught(lambda: client.get_json(PATH))
    assert (fault.code, fault.retry) == ("tls_failed", False)
    assert fault.params == {"host": host, "reason": reason}


def test_a_port_that_speaks_no_tls_is_a_tls_failure(
    make_peer: MakePeer, names: dict[str, list[str]], caught: Caught
) -> None:
    names[HOST] = ["127.0.0.1"]
    peer = make_peer(reply(400))

    def plain(connection: socket.socket) -> None:
        connection.sendall(reply(400))

    peer._answer = plain  # type: ignore[method-assign,assignment]
    fault = caught(lambda: tls_client(peer).get_json("/x"))
    assert (fault.code, fault.params["reason"]) == ("tls_failed", "handshake")


def test_a_proxy_is_asked_instead_of_the_host(
    make_peer: MakePeer, names: dict[str, list[str]]
) -> None:
    names[HOST] = []  # only the proxy knows the name
    proxy = make_peer(json_reply({"ok": 1}))
    client = Client(
        f"http://{HOST}",
        token=TOKEN,
        allow_loopback=True,
        plain_http_confirmed=True,
        proxy=f"http://licsync:word@127.0.0.1:{proxy.port}",
    )
    assert client.get_json("/x").data == {"ok": 1}
    assert proxy.requests[0].startswith(f"GET http://{HOST}/x")


@pytest.mark.parametrize(
    ("answer", "code", "retry"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "proxy_refused", False),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "proxy_failed", True),
    ],
)
def test_a_proxy_that_opens_no_tunnel_is_named(
    make_peer: MakePeer, caught: Caught, answer: bytes, code: str, retry: bool
) -> None:
    proxy = make_peer(answer)
    client = Client(
        "https://10.0.0.1",
        token=TOKEN,
        allow_loopback=True,
        retry_base=0,
        proxy=f"http://licsync:word@127.0.0.1:{proxy.port}",
    )
    fault = caught(lambda: client.get_json(PATH))
    assert (fault.code, fault.retry) == (code, retry)


def test_a_proxy_is_not_asked_for_a_refused_address(
    make_peer: MakePeer, names: dict[str, list[str]], caught: Caught
) -> None:
    names[HOST] = ["169.254.169.254"]
    proxy = make_peer(json_reply({}))
    for host in (HOST, "169.254.169.254"):
        client = Client(
            f"https://{host}", token=TOKEN, allow_loopback=True, proxy=proxy.url, retry_base=0
        )
        assert caught(lambda client=client: client.get_json("/x")).code == "address_refused"  # type: ignore[misc]
    assert proxy.requests == []
