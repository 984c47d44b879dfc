"""Provisioning as code: bring an enterprise to what a file says, and tell what that changed.

All of it happens in one transaction through the same verbs that the pages use. What is not in the
file is left alone; applying the same file again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import transaction
from django.utils.translation import gettext as _

from enterprise.faults import Fault, Refused
from enterprise.models import Credential, Enterprise, Role, ServerInstance, User
from enterprise.services.addresses import host_name_checked
from enterprise.services.audit import Actor
from enterprise.services.connect import (
    SCHEDULE,
    connect_disable,
    connect_enable,
    license_sync_set,
    schedule_set,
)
from enterprise.services.credentials import OpenedCredential, credential_open
from enterprise.services.enterprises import (
    CLOUD_SCHEDULE,
    enterprise_add,
    enterprise_edit,
    enterprise_token_set,
)
from enterprise.services.members import (
    member_remove,
    member_set,
    user_email_set,
    user_find_or_add,
    user_password_set,
)
from enterprise.services.provision_file import Entry, Problem, ProvisionFile, ProvisionRefused
from enterprise.services.servers import (
    instance_add,
    instance_edit,
    instance_remove,
    instance_token_set,
)
from enterprise.services.single_sign_on import group_role_remove, group_role_set
from enterprise.services.tokens import (
    token_digest,
    token_make,
    token_revoke,
    token_scopes_set,
)

ACTOR = Actor("provision", "command")

Secret = Callable[[str], str]
"""Gives the value of an environment variable by its name, ``""`` if it is not set."""

_ENTERPRISE_SETTINGS = (
    "name",
    "api_url",
    "billing_model",
    "time_zone",
    "exclude_never_signed_in",
    "guard_share",
    *CLOUD_SCHEDULE,
    "renewal_on",
    "seat_price",
    "currency",
)
_INSTANCE_SETTINGS = (
    "url",
    "source",
    "enterprise_slug",
    "proxy",
    "ca_bundle",
    "plain_http",
    "guard_share",
    "keep_logins",
)


def provision(*, file: ProvisionFile, secret: Secret) -> list[str]:
    """Apply a checked file. Returns one line per change, none if everything is as the file says.

    Raises ProvisionRefused with every entry that the rules do not allow; then nothing is written.
    A variable that is not set keeps what is stored, and is refused where nothing is stored and
    something is needed.
    """
    run = _Provisioning(secret)
    with transaction.atomic():
        run.apply(file)
        if run.problems:
            raise ProvisionRefused(run.problems)
    return run.changes


class _Provisioning:
    """One application of one file."""

    def __init__(self, secret: Secret) -> None:
        self.secret = secret
        self.changes: list[str] = []
        self.problems: list[Problem] = []
        self.entry = Entry("", "", "", {})

    def apply(self, file: ProvisionFile) -> None:
        with self._at(file.enterprise):
            enterprise = self._enterprise(file.enterprise)
        if self.problems:
            return
        for entries, apply in (
            (file.instances, self._instance),
            (sorted(file.members, key=_by_role), self._member),
            (file.groups, self._group),
            (file.tokens, self._token),
        ):
            for entry in entries:
                with self._at(entry):
                    apply(enterprise, entry)

    @contextmanager
    def _at(self, entry: Entry) -> Iterator[None]:
        """Note a refusal with the entry's place, and go on with the next entry to find the others."""
        self.entry = entry
        try:
            with transaction.atomic():
                yield
        except Refused as refusal:
            self.problems.append(Problem(entry.place, refusal))

    def _value(self, entry: Entry, key: str) -> str:
        """The value of the environment variable that ``key`` names, ``""`` if there is none."""
        name = entry.values.get(key, "")
        return self.secret(name) if name else ""

    def _tell(self, what: str) -> None:
        self.changes.append(f"{self.entry.kind} {self.entry.name}: {what}")

    def _tell_settings(self, names: list[str]) -> None:
        """One line for each changed setting; erased credentials are no setting."""
        for name in names:
            self._tell(_("token erased") if name == "credentials" else _("%s changed") % name)

    # --- The enterprise ---------------------------------------------------------------------------

    def _enterprise(self, entry: Entry) -> Enterprise:
        values = {key: entry.values[key] for key in _ENTERPRISE_SETTINGS if key in entry.values}
        enterprise = Enterprise.objects.filter(slug__iexact=entry.name).first()
        if enterprise is None:
            enterprise = enterprise_add(actor=ACTOR, slug=entry.name, **values)
            self._tell(_("added"))
        else:
            changed = enterprise_edit(enterprise=enterprise, actor=ACTOR, **values)
            self._tell_settings(changed)
            enterprise.refresh_from_db()
        token = self._value(entry, "token_env")
        if token:
            if enterprise_token_set(enterprise=enterprise, actor=ACTOR, token=token):
                self._tell(_("token stored"))
        elif entry.values.get("token_env") and not _has_token(enterprise):
            raise Refused("provision_needs_value", variable=entry.values["token_env"])
        return enterprise

    # --- Instances --------------------------------------------------------------------------------

    def _instance(self, enterprise: Enterprise, entry: Entry) -> None:
        values = entry.values
        instance = enterprise.instances.filter(host_name=host_name_checked(entry.name)).first()
        if entry.absent:
            if instance is not None:
                instance_remove(instance=instance, actor=ACTOR)
                self._tell(_("removed"))
            return
        instance = self._instance_settings(enterprise, entry, instance)
        if values.get("connect") is False:
            # First, since it erases the credentials; so a token is not stored either.
            if connect_disable(instance=instance, actor=ACTOR):
                self._tell(_("connect disabled"))
        else:
            self._instance_token(entry, instance)
        if values.get("connect") and connect_enable(instance=instance, actor=ACTOR):
            self._tell(_("connect enabled"))
        chosen = {name: values[name] for name in SCHEDULE if name in values}
        for name in schedule_set(instance=instance, actor=ACTOR, **chosen):
            self._tell(
                _("rhythm %s") % chosen[name] if name == "rhythm" else _("%s changed") % name
            )
        if "license_sync" in values and license_sync_set(
            instance=instance, enabled=values["license_sync"], actor=ACTOR
        ):
            on = values["license_sync"]
            self._tell(_("license sync enabled") if on else _("license sync disabled"))

    def _instance_settings(
        self, enterprise: Enterprise, entry: Entry, instance: ServerInstance | None
    ) -> ServerInstance:
        values = {key: entry.values[key] for key in _INSTANCE_SETTINGS if key in entry.values}
        if "plain_http" in values:
            values["plain_http_confirmed"] = values.pop("plain_http")
        if instance is None:
            instance = instance_add(
                enterprise=enterprise, actor=ACTOR, host_name=entry.name, **values
            )
            self._tell(_("added"))
        else:
            changed = instance_edit(instance=instance, actor=ACTOR, **values)
            self._tell_settings(changed)
            instance.refresh_from_db()
        return instance

    def _instance_token(self, entry: Entry, instance: ServerInstance) -> None:
        """Store the token; a variable that is not set keeps the stored one, a new username too."""
        stored = _stored_credential(instance)
        token = self._value(entry, "token_env") or (stored.token if stored else "")
        if token:
            username = entry.values.get("username", stored.username if stored else "")
            if instance_token_set(instance=instance, actor=ACTOR, username=username, token=token):
                self._tell(_("token stored"))
        elif entry.values.get("token_env"):
            raise Refused("provision_needs_value", variable=entry.values["token_env"])

    # --- Members ----------------------------------------------------------------------------------

    def _member(self, enterprise: Enterprise, entry: Entry) -> None:
        values = entry.values
        if entry.absent:
            user = User.objects.filter(username__iexact=entry.name).first()
            if user is not None and member_remove(enterprise=enterprise, user=user, actor=ACTOR):
                self._tell(_("removed"))
            return
        user, added = user_find_or_add(username=entry.name, email=values.get("email", ""))
        if added:
            self._tell(_("added"))
        elif "email" in values and user_email_set(
            enterprise=enterprise, user=user, email=values["email"], actor=ACTOR
        ):
            self._tell(_("e-mail address changed"))
        password = self._value(entry, "password_env")
        if password and user_password_set(
            enterprise=enterprise, user=user, password=password, actor=ACTOR
        ):
            self._tell(_("password set"))
        if member_set(enterprise=enterprise, user=user, role=values["role"], actor=ACTOR):
            self._tell(_("role %s") % values["role"])

    def _group(self, enterprise: Enterprise, entry: Entry) -> None:
        provider = entry.values["provider"]
        if entry.absent:
            rules = enterprise.group_roles.select_related("enterprise")
            rule = rules.filter(provider=provider, group=entry.name).first()
            if rule is not None:
                group_role_remove(rule=rule, actor=ACTOR)
                self._tell(_("removed"))
            return
        role = entry.values["role"]
        if group_role_set(
            enterprise=enterprise, provider=provider, group=entry.name, role=role, actor=ACTOR
        ):
            self._tell(_("role %s") % role)

    # --- API tokens -------------------------------------------------------------------------------

    def _token(self, enterprise: Enterprise, entry: Entry) -> None:
        token = enterprise.api_tokens.filter(name=entry.name, revoked_at=None).first()
        if entry.absent:
            if token is not None and token_revoke(token=token, actor=ACTOR):
                self._tell(_("revoked"))
            return
        scopes = entry.values["scopes"]
        value = self._value(entry, "token_env")
        if token is not None and (not value or token.digest == token_digest(value)):
            if token_scopes_set(token=token, scopes=scopes, actor=ACTOR):
                self._tell(_("scopes changed"))
            return
        if not value:
            raise Refused("provision_needs_value", variable=entry.values["token_env"])
        if token is not None:
            token_revoke(token=token, actor=ACTOR)
        token_make(enterprise=enterprise, actor=ACTOR, name=entry.name, scopes=scopes, value=value)
        self._tell(_("added") if token is None else _("replaced"))


def _by_role(entry: Entry) -> int:
    """Owners first, absent ones last: there is always an owner on the way."""
    if entry.absent:
        return 2
    return 0 if entry.values["role"] == Role.OWNER else 1


def _has_token(enterprise: Enterprise) -> bool:
    return Credential.objects.filter(enterprise=enterprise, instance=None).exists()


def _stored_credential(instance: ServerInstance) -> OpenedCredential | None:
    """The instance's credentials; None if there are none, or none that today's keys open."""
    try:
        return credential_open(enterprise=instance.enterprise, instance=instance, url=instance.url)
    except Fault:
        return None
