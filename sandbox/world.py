"""The truth behind the sandbox: one GHEC enterprise, its GHES instances, and who is who.

Plain dataclasses that a test may change between two requests. An instance holds two populations:
``users`` is what it has now, ``seen`` is GHEC's own, older copy of it, out of which GHEC's
server-only rows, its ``HOST:ID`` lists and ``enterpriseServerInstallations`` are made.

``GhesUser.person`` is the answer, not data that any server gives out: it names whom the account is
by the rules of domain.md section 3. It is the login of a cloud account, the e-mail of an invitation
or a subscriber, any other word that several server accounts share, or empty: a person of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

Seats = int | str
"""A number of seats, or "unlimited"."""

SCIM_ADMIN = "scim-admin"

#: Where real answers differ from the published schema (domain.md section 6); see ``licenses.py``.
ODDITIES = frozenset(
    {"blanks", "primary_emails", "unknown_keys", "license_case", "host_case", "short_host"}
)


@dataclass(slots=True)
class GhesUser:
    """A user account of an instance as it is now; the columns of the site-admin report.

    ``person_by_identity`` replaces ``person`` where the SAML and SCIM values that only GraphQL
    gives are read too and lead elsewhere.
    """

    id: int
    login: str
    email: str = ""
    other_emails: tuple[str, ...] = ()
    role: str = "user"
    suspended: bool = False
    dormant: bool = False
    last_logged_ip: str = "10.0.0.1"
    last_active: str = "2026-10-01 08:00:00 UTC"
    created_at: str = "2021-03-01 09:00:00 UTC"
    repos: int = 0
    ssh_keys: int = 0
    org_memberships: int = 0
    two_factor: bool = False
    provisioned: bool = False
    person: str = ""
    person_by_identity: str = ""

    @property
    def never_signed_in(self) -> bool:
        """As far as a report can tell it (domain.md section 2)."""
        return not self.last_active and not self.last_logged_ip

    @property
    def consumes(self) -> bool:
        """Whether the account consumes a license; never signed in counts, as by default."""
        return not self.suspended and self.login != SCIM_ADMIN


@dataclass(slots=True)
class SeenUser:
    """An account as GHEC last received it; ``emails[0]`` is the primary one.

    ``linked`` is the login of the cloud account that GHEC joined it with, ``""`` for none.
    """

    id: int
    login: str
    emails: tuple[str, ...] = ()
    linked: str = ""
    site_admin: bool = False
    created_at: str = "2025-01-06T09:00:00Z"
    visual_studio_email: str = ""

    @property
    def remote_created_at(self) -> str:
        return self.created_at


@dataclass(slots=True)
class Upload:
    """One of GHEC's ``userAccountsUploads`` of an instance."""

    name: str
    sync_state: str
    created_at: str


@dataclass(slots=True)
class GhesInstance:
    """A GHES instance. With ``read_here`` false it has no site: only GHEC knows it."""

    host_name: str
    server_id: str
    version: str = "3.19.2"
    users: dict[int, GhesUser] = field(default_factory=dict)
    seen: dict[int, SeenUser] = field(default_factory=dict)
    seats: Seats = 1000
    license_kind: str = "standard"
    days_until_expiration: int = 200
    expire_at: str = "2027/06/11 12:00:00 -0600"
    customer_name: str = "Acme"
    created_at: str = "2022-02-01T10:00:00Z"
    last_sync_date: str = ""
    last_sync_status: str = ""
    last_sync_error: str = ""
    uploads: list[Upload] = field(default_factory=list)
    connected: bool = True
    read_here: bool = True

    def add(self, user: GhesUser, *, seen: bool = False, linked: str = "") -> GhesUser:
        """Add an account; with ``seen``, GHEC has it too, joined with the login ``linked``."""
        self.users[user.id] = user
        if seen:
            self.see(user, linked=linked)
        return user

    def see(self, user: GhesUser, *, linked: str = "") -> SeenUser:
        """Let GHEC have the account as it is now."""
        emails = (user.email, *user.other_emails) if user.email else ()
        self.seen[user.id] = SeenUser(
            user.id, user.login, emails, linked, site_admin=user.role == "admin"
        )
        return self.seen[user.id]

    @property
    def seats_used(self) -> int:
        return sum(user.consumes and not user.never_signed_in for user in self.users.values())


@dataclass(slots=True)
class Identity:
    """The SAML and SCIM values linked to a cloud account, as GraphQL gives them."""

    name_id: str = ""
    username: str = ""
    emails: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    scim_username: str = ""
    scim_emails: tuple[str, ...] = ()
    organization: str = ""


@dataclass(slots=True)
class CloudUser:
    """A cloud account that consumes a license, with what ``consumed-licenses`` says of it."""

    login: str
    name: str = ""
    verified_emails: tuple[str, ...] = ()
    saml_name_id: str = ""
    identity: Identity | None = None
    member_roles: tuple[str, ...] = ("acme-apps:Member",)
    enterprise_roles: tuple[str, ...] = ("Member",)
    pending_invites: tuple[str, ...] = ()
    two_factor: bool | None = True
    visual_studio_status: str = ""
    visual_studio_email: str = ""
    cost_center: str = ""


@dataclass(slots=True)
class Invitation:
    """A pending invitation by e-mail: a row with neither a cloud nor a server account.

    The row carries the address where a subscriber's stands (domain.md section 3, rule 2).
    """

    email: str
    organizations: tuple[str, ...] = ("acme-apps",)


@dataclass(slots=True)
class Subscriber:
    """A Visual Studio subscriber without a cloud account; counts only if ``status`` is Matched."""

    email: str
    status: str = "Unmatched"

    @property
    def counts(self) -> bool:
        return self.status.casefold() == "matched"


@dataclass(slots=True)
class Domain:
    """One of the enterprise's verifiable domains; ``domain`` as typed, ``ascii`` in A-labels."""

    domain: str
    ascii: str
    verified: bool = True
    approved: bool = False


Member = tuple[str, str]
"""("cloud", login), ("invitation" or "subscriber", e-mail) or ("server", "host:id")."""


@dataclass(slots=True)
class World:
    """One enterprise account and everything around it.

    ``stated_total_offset`` is what GitHub's stated total has beyond the rows it lists.
    ``identity_provider`` is ``saml``, ``oidc``, ``organizations`` or ``""``. ``oddities`` are those
    of ``ODDITIES`` that GHEC's answers show. ``other_slugs`` are of enterprises that are the same in
    everything else, so that one fleet can serve many. ``apart`` tells, for addresses on
    servers that no rule joins with a cloud account, the login of the one that is the same human's: who
    counts twice.
    """

    slug: str = "acme"
    other_slugs: frozenset[str] = frozenset()
    name: str = "Acme"
    purchased: int | None = 1000
    stated_total_offset: int = 0
    cloud: list[CloudUser] = field(default_factory=list)
    invitations: list[Invitation] = field(default_factory=list)
    subscribers: list[Subscriber] = field(default_factory=list)
    instances: dict[str, GhesInstance] = field(default_factory=dict)
    organizations: tuple[str, ...] = ("acme-apps", "acme-ops")
    apart: dict[str, str] = field(default_factory=dict)
    domains: list[Domain] = field(default_factory=list)
    identity_provider: str = "saml"
    oddities: frozenset[str] = frozenset()
    seed: int = 0

    def is_called(self, slug: str) -> bool:
        """Whether GHEC knows an enterprise by this slug, in whatever case."""
        return slug.lower() in {self.slug.lower(), *self.other_slugs}

    def add(self, *instances: GhesInstance) -> World:
        """Add instances by their host name; gives the world, to build one in one expression."""
        for instance in instances:
            self.instances[instance.host_name] = instance
        return self

    def expected_persons(
        self, *, identities: bool = False, exclude_never_signed_in: bool = False
    ) -> set[frozenset[Member]]:
        """The persons that count, each as the set of its members, from the labels alone.

        With ``identities`` as they are when the linked SAML and SCIM values of GraphQL are read
        too; without, as far as the reports and ``consumed-licenses`` reach (NameIDs included).
        Accounts that do not consume are in no set; instances not read here are left out.
        """
        groups: dict[str, set[Member]] = {}
        for label, member in self._labelled(identities, exclude_never_signed_in):
            groups.setdefault(label or "alone {}:{}".format(*member), set()).add(member)
        return {frozenset(group) for group in groups.values()}

    def _labelled(
        self, identities: bool, exclude_never_signed_in: bool
    ) -> Iterator[tuple[str, Member]]:
        yield from ((user.login, ("cloud", user.login)) for user in self.cloud)
        yield from ((row.email, ("invitation", row.email)) for row in self.invitations)
        for row in self.subscribers:
            if row.counts:
                yield row.email, ("subscriber", row.email)
        for instance in self.read_instances():
            for user in instance.users.values():
                if not user.consumes or (exclude_never_signed_in and user.never_signed_in):
                    continue
                label = (user.person_by_identity if identities else "") or user.person
                yield label, ("server", f"{instance.host_name}:{user.id}")

    def read_instances(self) -> Iterable[GhesInstance]:
        """The instances that have a site of their own."""
        return [instance for instance in self.instances.values() if instance.read_here]
