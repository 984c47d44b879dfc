"""SAML with a provider whose code is not the console's: Auth0's, a process of its own, by HTTP only.

``saml_provider`` signs with the library that the console verifies with, so that what both read in the
same wrong way is not seen; it stays for answers that no provider gives.
"""

from __future__ import annotations

import re
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree, html
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from enterprise.models import Enterprise, Role, User
from tests.conftest import node_program
from tests.single_sign_on.browsing import SAML_LOGIN, configure, roles
from tests.single_sign_on.saml_provider import certificate_of, pem_of

pytestmark = pytest.mark.django_db(transaction=True)

SERVE = Path(__file__).parent / "samlp" / "serve.mjs"
ISSUER = "urn:example:samlp"
GROUPS = "http://schemas.passportjs.com/groups"  # what it calls them, if not told otherwise
METADATA = "{urn:oasis:names:tc:SAML:2.0:metadata}"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
PROFILE, NEEDS_PROOF = "/settings/profile", "/enterprises/acme/settings/tokens/new"


class Samlp:
    def __init__(self, base: str) -> None:
        self.base, self.service = base, ""

    def tell(self, person: str, *groups: str) -> None:
        """Who is known there, and in which groups."""
        emails = [{"value": f"{person}@x.example"}]
        self._put(f"people/{person}", emails=emails, name={}, groups=groups)

    def register(self, **options: Any) -> None:
        """The console, as its metadata describe it; ``options`` are those of samlp."""
        found = metadata(self.service).find(f".//{METADATA}AssertionConsumerService")
        self._put("service", acs=found.get("Location"), **options)

    def configuration(self) -> dict[str, str]:
        """What an administrator copies from its metadata."""
        found = metadata(f"{self.base}/sso/FederationMetadata/2007-06/FederationMetadata.xml")
        certificate = found.findtext(".//{http://www.w3.org/2000/09/xmldsig#}X509Certificate")
        services = found.iter(f"{METADATA}SingleSignOnService")
        [address] = [each.get("Location") for each in services if each.get("Binding") == REDIRECT]
        return {"entity_id": found.get("entityID"), "sso_url": address, "certificate": certificate}

    def _put(self, path: str, **told: Any) -> None:
        requests.put(f"{self.base}/{path}", json=told, timeout=10).raise_for_status()


def metadata(address: str) -> Any:
    told = requests.get(address, timeout=10)
    told.raise_for_status()
    return etree.fromstring(told.content)


class Visitor:
    """A browser without scripts: it keeps cookies, follows redirects and sends forms."""

    def __init__(self, console: LiveServer) -> None:
        self.console, self.session = console.url, requests.Session()

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.console + path, timeout=10)

    def answer(self, person: str = "mona") -> Any:
        """Sign in at the provider; the form by which its answer goes to the console."""
        asked = self.get(SAML_LOGIN)
        assert not asked.url.startswith(self.console)
        told = self.session.post(asked.url, data={"id": person}, timeout=10)
        return html.fromstring(told.text).forms[0]

    def send(self, form: Any) -> requests.Response:
        assert form.action.startswith(self.console)
        return self.session.post(form.action, data=dict(form.fields), timeout=10)

    def sign_in(self) -> Self:
        self.send(self.answer())
        return self

    def is_in(self) -> bool:
        return self.get(PROFILE).url == self.console + PROFILE


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samlp]:
    command = node_program(SERVE, "samlp")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    folder = tmp_path_factory.mktemp("samlp")
    (folder / "key.pem").write_text(pem_of(key))
    (folder / "certificate.pem").write_text(certificate_of(key))
    with subprocess.Popen(
        [*command, ISSUER, str(folder / "key.pem"), str(folder / "certificate.pem")],
        stdin=subprocess.PIPE,  # at whose end it ends
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        base = process.stdout.readline().strip()
        assert base
        yield Samlp(base)


@pytest.fixture
def samlp(provider: Samlp, acme: Enterprise, settings: Any, live_server: LiveServer) -> Samlp:
    """Each of the two configured by the other's metadata; mona is one of the auditors."""
    entry = {"id": "legacy", "name": "Legacy", "protocol": "saml", "groups": GROUPS}
    configure(settings, {**entry, **provider.configuration()})
    provider.service = f"{live_server.url}/accounts/saml/legacy/metadata/"
    provider.register()
    provider.tell("mona", "others", "licsync-auditors")
    return provider


def test_somebody_new_in_a_group_gets_an_account_and_its_role(
    samlp: Samlp, live_server: LiveServer
) -> None:
    visitor = Visitor(live_server).sign_in()
    assert visitor.get("/enterprises/acme").status_code == 200
    assert roles("mona") == [Role.AUDITOR]


def test_the_role_changes_and_goes_with_the_group_at_the_next_sign_in(
    samlp: Samlp, live_server: LiveServer
) -> None:
    for groups, expected, status in (
        (["licsync-auditors"], [Role.AUDITOR], 200),
        (["licsync-owners", "others"], [Role.OWNER], 200),
        (["others"], [], 404),
        ([], [], 404),
    ):
        samlp.tell("mona", *groups)
        visitor = Visitor(live_server).sign_in()
        assert visitor.is_in()
        assert visitor.get("/enterprises/acme").status_code == status
        assert roles("mona") == expected


def test_the_time_that_it_tells_is_the_time_of_the_proof(
    samlp: Samlp, live_server: LiveServer
) -> None:
    """It asks anew each time, and tells thousandths of a second."""
    samlp.tell("mona", "licsync-owners")
    visitor = Visitor(live_server).sign_in()
    assert visitor.get(NEEDS_PROOF).url == live_server.url + NEEDS_PROOF


def test_an_answer_that_is_signed_as_a_whole_too_is_taken(
    samlp: Samlp, live_server: LiveServer
) -> None:
    samlp.register(signResponse=True)
    assert Visitor(live_server).sign_in().is_in()


def refused(visitor: Visitor, form: Any) -> bool:
    told = visitor.send(form)
    made = User.objects.exclude(username="owen").exists()
    return "Sign-in failed" in told.text and not visitor.is_in() and not made


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"audience": "urn:example:another"}, "not a valid audience"),
        ({"recipient": "https://another.example/acs"}, "SubjectConfirmation"),
        ({"destination": "https://another.example/acs"}, "was received at"),
        ({"issuer": "urn:example:another"}, "Invalid issuer"),
        ({"lifetimeInSeconds": -600}, "expired"),
        ({"signAssertion": False}, "not signed"),
        ({"signAssertion": False, "signResponse": True}, "not signed"),
        ({"signatureAlgorithm": "rsa-sha1"}, "Deprecated signature algorithm"),
        ({"digestAlgorithm": "sha1"}, "Deprecated digest algorithm"),
    ],
)
def test_an_answer_for_elsewhere_or_too_old_or_too_weakly_signed_is_refused(
    samlp: Samlp,
    live_server: LiveServer,
    caplog: pytest.LogCaptureFixture,
    options: dict[str, Any],
    reason: str,
) -> None:
    samlp.register(**options)
    visitor = Visitor(live_server)
    assert refused(visitor, visitor.answer())
    assert reason in caplog.text


def with_another_group(answer: bytes) -> bytes:
    return answer.replace(b"licsync-auditors", b"licsync-owners")


def with_another_person(answer: bytes) -> bytes:
    return answer.replace(b"mona", b"hubot")


def with_another_signature(answer: bytes) -> bytes:
    start, tag, value = answer.partition(b"<SignatureValue>")
    return start + tag + (b"B" if value.startswith(b"A") else b"A") + value[1:]


def without_its_signature(answer: bytes) -> bytes:
    return re.sub(rb"<Signature\b.*</Signature>", b"", answer, flags=re.DOTALL)


@pytest.mark.parametrize(
    "change",
    [with_another_group, with_another_person, with_another_signature, without_its_signature],
)
def test_an_answer_that_was_changed_on_its_way_is_refused(
    samlp: Samlp, live_server: LiveServer, caplog: pytest.LogCaptureFixture, change: Any
) -> None:
    visitor = Visitor(live_server)
    form = visitor.answer()
    given = b64decode(form.fields["SAMLResponse"])
    changed = change(given)
    assert changed != given
    form.fields["SAMLResponse"] = b64encode(changed).decode()
    assert refused(visitor, form)
    assert re.search("Signature validation failed|is not signed", caplog.text)


def test_an_answer_that_another_browser_asked_for_is_refused(
    samlp: Samlp, live_server: LiveServer
) -> None:
    form = Visitor(live_server).answer()
    other = Visitor(live_server)
    told = other.send(form)
    assert told.status_code == 403
    assert "answer could not be used" in told.text
    assert not other.is_in()


@pytest.mark.slow
@pytest.mark.browser
def test_a_browser_carries_the_answer_from_the_providers_site_to_the_console(
    samlp: Samlp, live_server: LiveServer, browser: Browser
) -> None:
    """From 127.0.0.1 to localhost: the console's cookies come only with the redirect after it."""
    context = browser.new_context(base_url=live_server.url, locale="en")
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.goto("/accounts/login/")
    page.get_by_role("link", name="Legacy").click()
    page.locator("input[name=id]").fill("mona")
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(re.escape(live_server.url)))
    page.goto(PROFILE)
    expect(page).to_have_url(live_server.url + PROFILE)
    assert roles("mona") == [Role.AUDITOR]
    context.close()
