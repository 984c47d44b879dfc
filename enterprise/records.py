"""The plain records that sources yield, staging carries and counting takes.

No Django and no I/O: everything below is a NamedTuple of built-in types, so that a million of them
fit in memory and any layer may use them.
"""

from __future__ import annotations

from typing import NamedTuple


class ServerAccount(NamedTuple):
    """One user account of a GHES instance, reduced while reading to what domain.md section 4 keeps.

    ``email`` is the primary address as the instance gave it, trimmed, ``""`` if it has none.
    ``excluded`` is ``""`` or ``"scim_admin"``. ``login`` and ``last_active`` stay ``""`` unless the
    owner switched on "also keep logins and last activity" for the instance.
    """

    user_id: int
    email: str
    other_emails: tuple[str, ...] = ()
    suspended: bool = False
    dormant: bool = False
    never_signed_in: bool | None = None
    excluded: str = ""
    login: str = ""
    last_active: str = ""


class CloudRow(NamedTuple):
    """One row of GHEC's ``consumed-licenses``, made regular (domain.md section 6, "Real answers").

    E-mails and ids are as GitHub gave them; ``two_factor`` is None where GitHub said null or ``""``,
    ``primary_emails`` where GitHub does not give them beside ``server_emails``.
    ``extra`` holds the further GitHub columns of the report (section 7) that were present, by their
    snake_case name, as text, sorted by name.
    """

    login: str = ""
    name: str = ""
    server_user_ids: tuple[str, ...] = ()
    cloud_user: bool = False
    server_user: bool = False
    visual_studio_user: bool = False
    license_type: str = "enterprise"
    profile: str = ""
    member_roles: tuple[str, ...] = ()
    enterprise_roles: tuple[str, ...] = ()
    verified_emails: tuple[str, ...] = ()
    saml_name_id: str = ""
    pending_invites: tuple[str, ...] = ()
    two_factor: bool | None = None
    server_emails: tuple[str, ...] = ()
    visual_studio_status: str = ""
    visual_studio_email: str = ""
    total_accounts: int = 0
    extra: tuple[tuple[str, str], ...] = ()
    primary_emails: tuple[str, ...] | None = ()

    @property
    def all_server_emails(self) -> tuple[str, ...]:
        """Each once, the primary ones first."""
        if not self.primary_emails or self.primary_emails == self.server_emails:
            return self.server_emails
        return tuple(dict.fromkeys(self.primary_emails + self.server_emails))

    @property
    def server_only(self) -> bool:
        """Whether this is GHEC's view of our server accounts, which adds no seat (section 3, rule 2)."""
        return not self.cloud_user and self.server_user

    @property
    def counts(self) -> bool:
        """Whether the row is a person of ours: not a server-only row, not an unlinked subscriber."""
        if self.cloud_user:
            return True
        if self.server_only:
            return False
        if self.visual_studio_user or self.visual_studio_status:
            return self.visual_studio_status.casefold() == "matched"
        return True


class CloudTotals(NamedTuple):
    """What ``consumed-licenses`` states beside its rows. ``purchased`` is None where it is unknown."""

    consumed: int
    purchased: int | None


class InstanceSyncStatus(NamedTuple):
    """GitHub's own last sync of one instance, from ``license-sync-status``.

    ``date`` is RFC 3339 text as given, ``""`` if GitHub never synced it.
    """

    server_id: str
    host_name: str
    date: str
    status: str
    error: str


class ExternalIdentity(NamedTuple):
    """One linked SAML or SCIM value of a cloud account (section 3, "Matching").

    ``attribute`` is an index into ``counting.match.ATTRIBUTES``: 0 claims/name, 1
    claims/emailaddress, 2 username, 3 NameID, 4 emails. ``value`` is as given.
    """

    login: str
    attribute: int
    value: str


class VerifiedDomain(NamedTuple):
    """A domain of the enterprise's ``ownerInfo.domains``, in A-labels."""

    domain: str
    verified: bool
    approved: bool


class InstanceFacts(NamedTuple):
    """What an instance tells of itself beside its users; None or ``""`` where it does not."""

    version: str = ""
    seats: int | None = None
    seats_unlimited: bool = False
    seats_used: int | None = None
    license_kind: str = ""
    expires_in_days: int | None = None
    total_users: int | None = None
    suspended_users: int | None = None


# --- What counting takes and gives -------------------------------------------------------------


class CloudInput(NamedTuple):
    """A counted cloud row as the match needs it; every e-mail and value already normalized.

    ``ref`` is the caller's handle. ``identities`` are (attribute index, value). ``server_refs`` are
    ``HOST:ID`` with HOST resolved to a registered instance. ``sort_text`` is the whole row as text:
    it decides only the ordinal of equal keys.
    """

    ref: int
    login: str
    subscription_email: str
    identities: tuple[tuple[int, str], ...]
    emails: tuple[str, ...]
    server_refs: tuple[str, ...]
    server_emails: tuple[str, ...]
    sort_text: str


class AccountInput(NamedTuple):
    """A consuming server account: ``account`` is ``HOST:ID``, ``email`` the normalized primary or ""."""

    account: str
    email: str
