"""Generated enterprises whose humans are known: who has which accounts, however they are written.

Beside people whose accounts differ as real ones do, there are namesakes, shared mailboxes, machines
and second accounts, so that a rule that is too eager is found out.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import combinations

from enterprise.counting.duplicates import CLOUD, IDENTITY, SERVER, Known, Login, Secondary

OWN = ("acme.example", "acme.org", "brand.example")
FIRST = ("ada", "ben", "chen", "dana", "emil", "fiona", "grace", "hugo", "ines", "jana", "kai")
LAST = ("adler", "bauer", "cohen", "diaz", "evans", "garcia", "huang", "ito", "jensen", "novak")

#: What differs between a human's cloud account and their account on a server, and how often.
DIFFERENCES = {
    "nothing": 60,  # one e-mail everywhere: one person already
    "plus_tag": 6,
    "dots": 4,
    "own_domain": 8,
    "other_domain": 4,
    "saml_only": 6,  # the cloud shows a SAML username, and no e-mail
    "secondary": 4,  # the server knows the cloud's e-mail as a further one
    "login": 4,  # nothing but the logins is alike
    "unlike": 4,  # nothing is alike: nobody can find them
}
OTHERS = {
    "stranger": 10,  # on a server only
    "namesake": 2,  # the local part of somebody else, at another domain of the enterprise
    "outside_namesake": 2,  # the same at a domain that is not the enterprise's
    "role": 2,  # admin@ here and admin@ there
    "machine": 4,  # ci+something, several at one domain
    "second_account": 2,  # somebody's test account on the same server, with a plus tag
}


@dataclass
class Humans:
    """``human_of`` is the truth, by number; persons of one human are duplicates."""

    known: list[Known] = field(default_factory=list)
    logins: list[Login] = field(default_factory=list)
    secondaries: list[Secondary] = field(default_factory=list)
    clouds: set[int] = field(default_factory=set)
    accounts: dict[int, list[str]] = field(default_factory=dict)
    human_of: dict[int, int] = field(default_factory=dict)
    findable: set[tuple[int, int]] = field(default_factory=set)

    def truth(self) -> set[frozenset[int]]:
        """Pairs of persons who are one human and of whom one is on servers only."""
        by_human: dict[int, list[int]] = {}
        for number, human in self.human_of.items():
            by_human.setdefault(human, []).append(number)
        return {
            frozenset(pair)
            for numbers in by_human.values()
            for pair in combinations(numbers, 2)
            if not self.clouds.issuperset(pair)
        }

    def cloud(self, human: int, login: str, *emails: str, saml: str = "") -> int:
        number = self._number(human)
        self.clouds.add(number)
        self.known += [Known(number, CLOUD, email) for email in emails]
        if saml:
            self.known.append(Known(number, IDENTITY, saml))
        self.logins.append(Login(number, login, login))
        return number

    def server(self, human: int, login: str, email: str, *, host: str = "ghes1") -> int:
        number = self._number(human)
        self.join(number, login, email, host=host)
        return number

    def join(self, number: int, login: str, email: str, *, host: str = "ghes1") -> None:
        """An account of a person who is there already."""
        account = f"{host}:{number}"
        self.accounts[number].append(account)
        self.known.append(Known(number, SERVER, email))
        self.logins.append(Login(number, login, account))

    def _number(self, human: int) -> int:
        number = len(self.human_of) + 1
        self.human_of[number] = human
        self.accounts[number] = []
        return number


def generate(seed: int, people: int, *, logins: bool = True) -> Humans:
    """So many humans; without ``logins`` no instance keeps them."""
    rng = random.Random(seed)
    world = Humans()
    ways = {**DIFFERENCES, **OTHERS}
    taken: list[str] = []
    for human in range(people):
        way = rng.choices([*ways], [*ways.values()])[0]
        first, last = rng.choice(FIRST), rng.choice(LAST)
        local = f"{first}.{last}{rng.choice(['', human % 97])}{human // 40}"
        login = local.replace(".", "-")
        _add(world, rng, human, way, local, login, taken)
    if not logins:
        world.logins = []
    return world


def _add(
    world: Humans,
    rng: random.Random,
    human: int,
    way: str,
    local: str,
    login: str,
    taken: list[str],
) -> None:
    main, second, third = OWN
    email = f"{local}@{main}"
    if way in DIFFERENCES:
        cloud = world.cloud(
            human,
            f"{login}_acme",
            *([] if way == "saml_only" else [email]),
            saml=local if way == "saml_only" else "",
        )
        taken.append(local)
        theirs = {
            "nothing": email,
            "plus_tag": f"{local}+ghes@{main}",
            "dots": f"{local.replace('.', '')}@{main}",
            "own_domain": f"{local}@{rng.choice([second, third])}",
            "other_domain": f"{local}@mail{human % 7}.example",
            "saml_only": f"{local}@{second}",
        }.get(way, f"u{human}@{second}")
        if way == "nothing":
            world.join(cloud, login, theirs)
            return
        kept = login if way == "login" else f"x{human}"
        number = world.server(human, kept, theirs)
        if way == "secondary":
            world.secondaries.append(Secondary(number, email, world.accounts[number][0]))
    elif way == "stranger" or not taken:
        world.server(human, login, f"s{human}.{local}@{main}")
    elif way == "namesake":
        world.server(human, f"n{human}", f"{rng.choice(taken)}@{third}")
    elif way == "outside_namesake":
        world.server(human, f"n{human}", f"{rng.choice(taken)}@public.example")
    elif way == "role":
        world.server(human, "admin", f"admin@{human}.{second}", host="ghes2")
    elif way == "machine":
        world.server(human, f"bot{human}", f"ci+{human}@{main}", host="ghes2")
    else:  # a second account of somebody who has one with their own address
        tester = world.cloud(human, f"{login}_acme", email)
        taken.append(local)
        world.join(tester, login, email)
        world.server(-human - 1, f"t{human}", f"{local}+test@{main}")
