"""A SAML identity provider on loopback: it answers an AuthnRequest with a signed assertion.

It says what a test wants said, however hostile or old; ``test_samlp.py`` has one of somebody else's.
"""

from __future__ import annotations

import datetime as dt
import html
import threading
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from onelogin.saml2.constants import OneLogin_Saml2_Constants as C
from onelogin.saml2.utils import OneLogin_Saml2_Utils

ENTITY = "urn:example:saml-provider"
_NS = 'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"'


class SamlProvider:
    """Whom it says is signed in, since when, and in which groups, is set by the test.

    It asks anew where it is told to (``ForceAuthn``), unless it ``skips_it``.
    """

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.certificate = certificate_of(self.key)
        self.name_id, self.groups = "mona-1", ["licsync-owners"]
        self.signed_in_at = dt.datetime.now(dt.UTC)
        self.skips_it = False
        self.address = ""

    def answer(self, request: bytes, *, signed: bool = True) -> str:
        """The response to an AuthnRequest, in base64."""
        asked = etree.fromstring(request)
        acs, request_id = asked.get("AssertionConsumerServiceURL"), asked.get("ID")
        audience = asked.findtext("{urn:oasis:names:tc:SAML:2.0:assertion}Issuer")
        now = dt.datetime.now(dt.UTC)
        if asked.get("ForceAuthn") == "true" and not self.skips_it:
            self.signed_in_at = now
        signed_in_at = f"{self.signed_in_at:%Y-%m-%dT%H:%M:%SZ}"
        at, until = (f"{each:%Y-%m-%dT%H:%M:%SZ}" for each in (now, now + dt.timedelta(minutes=5)))
        values = "".join(
            f"<saml:AttributeValue>{each}</saml:AttributeValue>" for each in self.groups
        )
        assertion = f"""<saml:Assertion {_NS} ID="a1" Version="2.0" IssueInstant="{at}">
<saml:Issuer>{ENTITY}</saml:Issuer><saml:Subject><saml:NameID>{self.name_id}</saml:NameID>
<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">
<saml:SubjectConfirmationData NotOnOrAfter="{until}" Recipient="{acs}" InResponseTo="{request_id}"/>
</saml:SubjectConfirmation></saml:Subject>
<saml:Conditions NotBefore="{at}" NotOnOrAfter="{until}"><saml:AudienceRestriction>
<saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>
<saml:AuthnStatement AuthnInstant="{signed_in_at}" SessionIndex="s1"><saml:AuthnContext>
<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef>
</saml:AuthnContext></saml:AuthnStatement>
<saml:AttributeStatement><saml:Attribute Name="groups">{values}</saml:Attribute>
</saml:AttributeStatement></saml:Assertion>"""
        if signed:
            assertion = OneLogin_Saml2_Utils.add_sign(
                assertion, pem_of(self.key), self.certificate, False, C.RSA_SHA256, C.SHA256
            ).decode()
            assertion = assertion.partition("?>")[2] if assertion.startswith("<?") else assertion
        response = f"""<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" {_NS} ID="r1"
 Version="2.0" IssueInstant="{at}" Destination="{acs}" InResponseTo="{request_id}">
<saml:Issuer>{ENTITY}</saml:Issuer><samlp:Status>
<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>
{assertion}</samlp:Response>"""
        return b64encode(response.encode()).decode()


def request_in(address: str) -> bytes:
    """The AuthnRequest of a redirect to the provider."""
    packed = parse_qs(urlsplit(address).query)["SAMLRequest"][0]
    return zlib.decompress(b64decode(packed), -15)


@contextmanager
def saml_provider() -> Iterator[SamlProvider]:
    provider = SamlProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = html.escape(provider.answer(request_in(self.path)))
            body = f'<form method="post"><input name="SAMLResponse" value="{answer}"></form>'
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.address = f"http://127.0.0.1:{server.server_port}/sso"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()


def pem_of(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def certificate_of(key: rsa.RSAPrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "provider")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()
