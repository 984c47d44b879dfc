"""Names, addresses, and the many ways in which one address is written."""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass, field
from typing import NamedTuple

from sandbox.world import World


def _words(text: str) -> list[str]:
    return text.split()


FIRST = _words(
    "ada alan anna bea ben carla chen dana david elena emil farid fiona grace hugo ines ivan jana "
    "jürgen kai łukasz lena maria mei miguel nadia noor olga omar paul petra quinn rosa sam søren "
    "tariq uma vera wei xenia yusuf zoë"
)
LAST = _words(
    "adler bauer becker castro cohen diaz evans fischer garcia haas huang ito jensen kaya keller "
    "kim lang li lópez maier moreau müller nguyen novak okafor park patel rossi sato schmidt silva "
    "singh smith strauß tanaka vogel wagner weiß wong zhang"
)

#: The domain that most people have; the others are used now and then.
MAIN_DOMAIN = "acme.example"
#: Unicode domains and their A-labels (UTS 46, non-transitional).
IDNA_DOMAINS = {
    "bücher.example": "xn--bcher-kva.example",
    "straße.example": "xn--strae-oqa.example",
}
OTHER_DOMAIN = "partner.example"


class Name(NamedTuple):
    """A person's name, and the login and address that follow from it; ``mailbox`` is canonical."""

    full: str
    login: str
    mailbox: str


def plain(text: str) -> str:
    """The text in ASCII, as logins want it."""
    special = str.maketrans({"ß": "ss", "ł": "l", "ø": "o"})
    return unicodedata.normalize("NFKD", text.translate(special)).encode("ascii", "ignore").decode()


def new_name(rng: random.Random, number: int) -> Name:
    """A person's name; ``number`` makes login and address unique."""
    first, last = rng.choice(FIRST), rng.choice(LAST)
    login = f"{plain(first)}-{plain(last)}-{number}"
    if rng.random() < 0.2:
        login = login.title()
    domain = MAIN_DOMAIN
    if rng.random() < 0.05:
        domain = rng.choice([*IDNA_DOMAINS])
    local = f"{first}.{last}.{number}"
    if rng.random() < 0.8:
        local = plain(local)
    return Name(f"{first} {last}".title(), login, f"{local}@{domain}")


def spell(rng: random.Random, mailbox: str) -> str:
    """The address as one of the systems may write it: the same by the normalization of section 3.

    In another case, with blanks around, in NFD, the domain in A-labels; mostly as it is.
    """
    if rng.random() < 0.6:
        return mailbox
    local, _, domain = mailbox.rpartition("@")
    local = _another_case(rng, local)
    if rng.random() < 0.3:
        local = unicodedata.normalize("NFD", local)
    if domain in IDNA_DOMAINS and rng.random() < 0.5:
        domain = IDNA_DOMAINS[domain]
    if rng.random() < 0.3:
        domain = domain.title() if domain.isascii() else domain
    address = f"{local}@{domain}"
    return f" {address} " if rng.random() < 0.1 else address


def _another_case(rng: random.Random, text: str) -> str:
    # ß in upper case is SS, which is another address: only letters that come back are raised.
    way = rng.random()
    if way < 0.3:
        return "".join(c.upper() if c.upper().lower() == c else c for c in text)
    if way < 0.7:
        return text[:1].upper() + text[1:] if text[:1].upper().lower() == text[:1] else text
    return text


def look_alike(rng: random.Random, mailbox: str) -> str:
    """An address that a reader takes for the same person's, and that no rule joins with it."""
    local, _, _domain = mailbox.rpartition("@")
    if rng.random() < 0.5:
        return f"{local}+ghes@{_domain}"
    return f"{local}@{OTHER_DOMAIN}"


@dataclass(slots=True)
class Person:
    """Somebody with an address on servers; ``login`` is the cloud account's, ``""`` without one.

    The accounts of a ``steady`` person are active and keep their address: GitHub's link hangs on
    them. ``link_share`` is how often GitHub joined an account of theirs with the cloud account.
    """

    mailbox: str
    login: str = ""
    steady: bool = False
    link_share: float = 0.0
    machine: bool = False


@dataclass(slots=True)
class Answers:
    """Whose an address is: by what the report shows, by identities, by GitHub's link.

    One address has one answer, since every step of the match in domain.md section 3 looks at the
    primary e-mail alone. The keys are canonical addresses.
    """

    visible: dict[str, str] = field(default_factory=dict)
    by_identity: dict[str, str] = field(default_factory=dict)
    linked: dict[str, str] = field(default_factory=dict)

    def of(self, mailbox: str) -> tuple[str, str]:
        """``person`` and ``person_by_identity`` of an account with this primary address."""
        person = self.visible.get(mailbox) or self.linked.get(mailbox) or f"address {mailbox}"
        return person, self.by_identity.get(mailbox, "")


@dataclass(slots=True)
class Draft:
    """A world in the making: its people so far, and the answers."""

    rng: random.Random
    world: World
    people: list[Person] = field(default_factory=list)
    server_people: list[Person] = field(default_factory=list)
    answers: Answers = field(default_factory=Answers)
    number: int = 0

    def next_number(self) -> int:
        """A number that nobody else in the world has."""
        self.number += 1
        return self.number
