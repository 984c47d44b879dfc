"""Certificate authorities of a test's own, and certificates for servers on loopback."""

from __future__ import annotations

import datetime as dt
import ipaddress
import secrets
import shutil
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Certificate(NamedTuple):
    """PEM files of a server: of itself, of its key, of the authority that signed it."""

    certificate: Path
    key: Path
    authority: Path

    def readable_by(self, user: str) -> None:
        """Give the key to that user alone, as PostgreSQL wants it."""
        for path in (self.certificate, self.key):
            shutil.chown(path, user)


def certificate(folder: Path, *, host: str = "127.0.0.1") -> Certificate:
    """A new authority in ``folder``, and a certificate of it for a host, a name or an IP address."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _signed(
        f"test authority {secrets.token_hex(4)}", authority_key, None, authority_key
    )
    key = ec.generate_private_key(ec.SECP256R1())
    server = _signed(host, key, authority, authority_key)
    found = Certificate(folder / "server.pem", folder / "server.key", folder / "authority.pem")
    found.certificate.write_bytes(server.public_bytes(serialization.Encoding.PEM))
    found.authority.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    found.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    found.key.chmod(0o600)
    return found


def _signed(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    """Of a server, signed by ``issuer``; of an authority, signed by itself, without one."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if issuer is not None:
        made = made.add_extension(
            x509.SubjectAlternativeName([_general_name(name)]), critical=False
        )
    return made.sign(issuer_key, hashes.SHA256())


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
