from __future__ import annotations

import unicodedata

import idna
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from enterprise.emails import mask, normalize, normalize_domain


def by_the_letter(address: str) -> str:
    """Domain.md section 3, rule 1, written out without any short cut."""
    address = address.strip()
    local, at, domain = address.rpartition("@")
    if not at:
        return unicodedata.normalize("NFC", address).lower()
    try:
        domain = idna.encode(domain, uts46=True, transitional=False).decode()
    except UnicodeError:
        domain = domain.lower()
    return unicodedata.normalize("NFC", local).lower() + "@" + domain


LABELS = st.sampled_from(
    [
        "example",
        "EXAMPLE",
        "com",
        "bücher",
        "BÜCHER",
        "faß",
        "xn--fa-hia",
        "XN--FA-HIA",
        "日本",
        "_x",
        "",
    ]
)
DOMAINS = st.one_of(st.lists(LABELS, min_size=1, max_size=4).map(".".join), st.text(max_size=12))
ADDRESSES = st.one_of(
    st.text(max_size=30),
    st.text(st.characters(max_codepoint=127), max_size=30),
    st.tuples(st.text(max_size=10), DOMAINS).map("@".join),
)


@pytest.mark.parametrize(
    ("given_address", "expected"),
    [
        ("  Mona@Example.COM \n", "mona@example.com"),
        ("mona+tag@example.com", "mona+tag@example.com"),
        ("m.o.n.a@example.com", "m.o.n.a@example.com"),
        ('"a@b"@Example.com', '"a@b"@example.com'),
        ("STRASSE@example.com", "strasse@example.com"),
        ("straße@example.com", "straße@example.com"),
        ("STRAẞE@example.com", "straße@example.com"),
        ("u\u0308mit@example.com", "\u00fcmit@example.com"),
        ("mona@BÜCHER.example", "mona@xn--bcher-kva.example"),
        ("mona@faß.de", "mona@xn--fa-hia.de"),
        ("mona@XN--FA-HIA.de", "mona@xn--fa-hia.de"),
        ("mona@example。com", "mona@example.com"),
        ("mona@bü_cher..example", "mona@bü_cher..example"),
        ("", ""),
        ("  ", ""),
        ("@", "@"),
        ("Monalisa", "monalisa"),
    ],
)
def test_an_address_is_normalized_by_rule_one(given_address: str, expected: str) -> None:
    assert normalize(given_address) == expected


@given(ADDRESSES)
@example("a@" + "x" * 70 + ".com")
@example("a@xn--a.com")
@example("a@EXAMPLE.com.")
def test_the_short_cuts_change_nothing(address: str) -> None:
    assert normalize(address) == by_the_letter(address)


@given(ADDRESSES)
def test_normalizing_twice_changes_nothing(address: str) -> None:
    once = normalize(address)
    # Lower case can leave NFC (H + U+0331 has no composed capital); the rule does not go back.
    assume(unicodedata.is_normalized("NFC", once))
    assert normalize(once) == once


@given(ADDRESSES)
def test_letter_case_of_ascii_does_not_matter(address: str) -> None:
    assume(address.isascii())
    assert normalize(address.upper()) == normalize(address.lower())


@given(ADDRESSES)
def test_surrounding_space_does_not_matter(address: str) -> None:
    assert normalize(f" \t{address}\r\n") == normalize(address)


def test_a_domain_that_cannot_be_encoded_is_only_lowered() -> None:
    assert normalize_domain("BÜ" * 40 + ".example") == "bü" * 40 + ".example"
    assert normalize_domain("\ud800X.example") == "\ud800x.example"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("mona@example.com", "m•••@example.com"),
        ("a@example.com", "a•••@example.com"),
        ('"x@y"@example.com', '"•••@example.com'),
        ("@example.com", "•••@example.com"),
        ("monalisa", "m•••"),
        ("", ""),
    ],
)
def test_a_masked_address_keeps_its_first_character_and_its_domain(
    address: str, expected: str
) -> None:
    assert mask(address) == expected


@given(st.text(min_size=2, max_size=20), st.sampled_from(["example.com", "b.example"]))
def test_a_masked_address_tells_nothing_else(local: str, domain: str) -> None:
    assume(local == local.strip())
    assert mask(f"{local}@{domain}") == f"{local[0]}•••@{domain}"
