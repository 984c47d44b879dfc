"""Worlds made from a seed: realistic, of any size, with the right answer known.

People come first; accounts follow from them, so that who is who is known by construction.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from sandbox.generate_cloud import add_cloud
from sandbox.people import (
    IDNA_DOMAINS,
    MAIN_DOMAIN,
    OTHER_DOMAIN,
    Draft,
    Person,
    new_name,
    spell,
)
from sandbox.world import ODDITIES, SCIM_ADMIN, Domain, GhesInstance, GhesUser, Upload, World

AS_OF = datetime(2026, 11, 16, 3, 0, tzinfo=UTC)


def generate_world(
    seed: int = 1,
    *,
    slug: str = "acme",
    name: str = "Acme",
    cloud: int = 200,
    instances: Mapping[str, int] | None = None,
    unread: Mapping[str, int] | None = None,
    purchased: int | None = None,
    stated_total_offset: int = 0,
    identity_provider: str = "saml",
    oddities: Collection[str] = ODDITIES,
    as_of: datetime = AS_OF,
) -> World:
    """A world of so many cloud accounts and so many accounts for each host.

    The same arguments give the same world. ``unread`` are instances that only GHEC knows, with
    their accounts; ``purchased`` is a little more than is consumed if not given; GitHub last synced
    a day or two before ``as_of``.
    """
    hosts = {"ghes1.example.com": 120, "ghes2.example.com": 60} if instances is None else instances
    world = World(
        slug=slug,
        name=name,
        purchased=int((cloud + sum(hosts.values()) // 3) * 1.1) + 10
        if purchased is None
        else purchased,
        stated_total_offset=stated_total_offset,
        domains=[
            Domain(MAIN_DOMAIN, MAIN_DOMAIN),
            *(Domain(domain, a_labels) for domain, a_labels in IDNA_DOMAINS.items()),
            Domain(OTHER_DOMAIN, OTHER_DOMAIN, verified=False, approved=True),
        ],
        identity_provider=identity_provider,
        oddities=frozenset(oddities),
        seed=seed,
    )
    draft = Draft(random.Random(seed), world)
    add_cloud(draft, cloud)
    makers = [_InstanceMaker(draft, host, as_of) for host in hosts]
    for maker, size in zip(makers, hosts.values(), strict=True):
        maker.fill(size)
    for host, size in (unread or {}).items():
        _InstanceMaker(draft, host, as_of).fill_unread(size)
    # The answers are complete only once every link has been drawn.
    for maker in makers:
        maker.label()
    return world


class _InstanceMaker:
    """Makes one instance: what it has now, and what GitHub last saw of it."""

    def __init__(self, draft: Draft, host: str, as_of: datetime) -> None:
        self.draft = draft
        self.rng = draft.rng
        self.mailboxes: dict[int, str] = {}
        synced = as_of - timedelta(hours=self.rng.randrange(24, 48))
        stamps = [f"{day:%Y-%m-%dT%H:%M:%SZ}" for day in (synced - timedelta(days=7), synced)]
        self.instance = GhesInstance(
            host_name=host,
            server_id=str(uuid.UUID(int=self.rng.getrandbits(128), version=4)),
            version=self.rng.choice(["3.17.8", "3.18.3", "3.19.0", "3.19.2"]),
            customer_name=draft.world.name,
            last_sync_date=stamps[-1],
            last_sync_status="success",
            uploads=[
                Upload(f"{host}-{number}", "SUCCESS", stamp) for number, stamp in enumerate(stamps)
            ],
        )
        draft.world.add(self.instance)

    def fill(self, size: int) -> None:
        """Add so many accounts, of those who are known already and of new people."""
        user_id = 0
        if size >= 10:
            user_id = 1
            size -= 1
            self.instance.add(GhesUser(user_id, SCIM_ADMIN, role="admin", last_active=""))
        for person in self._population(size):
            user_id += self.rng.choice([1, 1, 1, 2, 5])
            self._add_account(user_id, person)
        for _ in range(size // 60):
            user_id += 1
            address = f"gone.{user_id}@{self.instance.host_name}"
            self.instance.see(GhesUser(user_id, f"gone-{user_id}", address))
        self.instance.seats = max(size + size // 10, 10)

    def fill_unread(self, size: int) -> None:
        """Make it one that only GHEC knows; none of the links that an answer hangs on is there."""
        self.instance.read_here = False
        visible = [person for person in self.draft.people if person.login and not person.steady]
        known = self.rng.sample(visible, min(len(visible), size // 3))
        for user_id in range(1, size + 1):
            person = known[user_id - 1] if user_id <= len(known) else None
            email = person.mailbox if person else f"far.{user_id}@{self.instance.host_name}"
            user = GhesUser(user_id, f"far-{user_id}", email)
            self.instance.see(user, linked=person.login if person else "")

    def label(self) -> None:
        """Write down on every account whose it is."""
        for user_id, mailbox in self.mailboxes.items():
            user = self.instance.users[user_id]
            user.person, user.person_by_identity = self.draft.answers.of(mailbox)

    def _population(self, size: int) -> list[Person | None]:
        """Who has an account here; None is somebody without an e-mail."""
        rng, draft = self.rng, self.draft
        chosen: list[Person | None] = []
        chosen += rng.sample(draft.people, min(len(draft.people), size * 55 // 100))
        chosen += rng.sample(draft.server_people, min(len(draft.server_people), size * 15 // 100))
        chosen += [None] * (size * 4 // 100)
        while len(chosen) < size:
            number = draft.next_number()
            if rng.random() < 0.2:
                person = Person(f"robot-{number}@{MAIN_DOMAIN}", machine=True)
            else:
                person = Person(new_name(rng, number).mailbox)
            draft.server_people.append(person)
            chosen.append(person)
        rng.shuffle(chosen)
        return chosen

    def _add_account(self, user_id: int, person: Person | None) -> None:
        rng = self.rng
        user = GhesUser(
            id=user_id,
            login=_login(user_id, person),
            role="admin" if user_id <= 3 else "user",
            dormant=rng.random() < 0.12,
            last_logged_ip=f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}",
            last_active=f"2026-{rng.randrange(1, 11):02}-{rng.randrange(1, 29):02} 08:15:00 UTC",
            created_at=f"20{rng.randrange(18, 26)}-{rng.randrange(1, 13):02}-15 09:30:00 UTC",
            repos=rng.randrange(40),
            ssh_keys=rng.randrange(4),
            org_memberships=rng.randrange(6),
            two_factor=rng.random() < 0.7,
            provisioned=person is not None and not person.machine,
        )
        self.instance.add(user)
        linked = ""
        if person:
            self.mailboxes[user_id] = person.mailbox
            user.email = spell(rng, person.mailbox)
            if rng.random() < 0.1:
                user.other_emails = (f"other.{user_id}@{self.instance.host_name}",)
            linked = person.login if rng.random() < person.link_share else ""
        if person is None or not person.steady:
            self._age(user, linked)
        elif rng.random() < 0.95:
            self.instance.see(user, linked=linked)
            if linked:
                self.draft.answers.linked[person.mailbox] = linked

    def _age(self, user: GhesUser, linked: str) -> None:
        """What GitHub last saw of the account, and what happened to it since."""
        fate = self.rng.random()
        if fate < 0.07:  # suspended long ago
            user.suspended = True
            return
        if fate < 0.11:
            user.last_active = user.last_logged_ip = ""
            user.dormant = False
            return
        if fate < 0.14:  # new since
            return
        seen = self.instance.see(user, linked=linked)
        if not linked and self.rng.random() < 0.03:
            seen.visual_studio_email = f"vs.{user.id}@{self.instance.host_name}"
        if fate < 0.155:
            user.suspended = True
        elif fate < 0.175 and user.email:
            user.email = f"new.{self.draft.next_number()}@{OTHER_DOMAIN}"
            self.mailboxes[user.id] = user.email


def _login(user_id: int, person: Person | None) -> str:
    if person is None:
        return f"nobody-{user_id}"
    local = person.mailbox.rpartition("@")[0]
    return local.encode("ascii", "ignore").decode().replace(".", "-").replace("+", "-")
