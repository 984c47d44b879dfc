"""Adding, editing and removing instances, and their credentials."""

from __future__ import annotations

import ssl
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction

from enterprise.faults import Refused
from enterprise.models import Credential, Enterprise, RunState, ServerInstance, Source
from enterprise.models.sync import ACTIVE
from enterprise.services.addresses import address_checked, host_name_checked
from enterprise.services.audit import Actor, audit_record
from enterprise.services.credentials import credential_delete, credential_save, origin_of
from enterprise.services.enterprises import SLUG
from enterprise.services.reclaim import last_activity_forget, last_activity_known
from enterprise.services.recounts import recount_mark
from enterprise.services.runs import runs_cancel_for

SETTINGS = (
    "url",
    "enterprise_slug",
    "proxy",
    "ca_bundle",
    "plain_http_confirmed",
    "guard_share",
    "source",
    "keep_logins",
)
"""What of an instance may be edited; ``host_name`` is its identity and stays."""

USERNAME_LENGTH = 150  # as the column


@transaction.atomic
def instance_add(
    *,
    enterprise: Enterprise,
    actor: Actor,
    host_name: str,
    url: str = "",
    source: str = Source.SITE_ADMIN_REPORT,
    enterprise_slug: str = "",
    proxy: str = "",
    ca_bundle: str = "",
    plain_http_confirmed: bool = False,
    guard_share: int | None = None,
    keep_logins: bool = False,
) -> ServerInstance:
    """Register an instance, with GitHub Connect and license sync off.

    Raises Refused for a bad or forbidden address, ``instance_exists``, ``bad_ca_bundle``,
    ``bad_source``, ``bad_slug``, ``bad_guard_share``.
    """
    host_name = host_name_checked(host_name)
    values = _checked(
        {
            "url": url or f"https://{host_name}",
            "source": source,
            "enterprise_slug": enterprise_slug,
            "proxy": proxy,
            "ca_bundle": ca_bundle,
            "plain_http_confirmed": plain_http_confirmed,
            "guard_share": guard_share,
            "keep_logins": keep_logins,
        }
    )
    try:
        with transaction.atomic():
            instance = ServerInstance.objects.create(
                enterprise=enterprise, host_name=host_name, **values
            )
    except IntegrityError:
        raise Refused("instance_exists", field="host_name", host=host_name) from None
    audit_record(
        enterprise=enterprise,
        actor=actor,
        action="instance.add",
        target=host_name,
        after=_shown(values),
    )
    recount_mark(enterprise=enterprise)
    return instance


@transaction.atomic
def instance_edit(*, instance: ServerInstance, actor: Actor, **values: Any) -> list[str]:
    """Change settings (names in SETTINGS); the names that changed.

    Changing address, proxy or CA erases the credentials, which are bound to where they were
    entered for (section 5); the caller then asks for them again. Changing the source ends what is
    active or held; the first result of the new one is held, until one is applied or the source is
    switched back (``sync_instance.reason_to_hold``). Logins and last activity not to be kept any
    more are erased at once, and what was read with them is not applied. Raises Refused as
    ``instance_add``.
    """
    instance = ServerInstance.objects.select_for_update(of=("self",)).get(pk=instance.pk)
    wanted = _wanted(instance, values)
    changed = list(wanted)
    if not changed:
        return []
    before = {name: getattr(instance, name) for name in changed}
    elsewhere = _reached_elsewhere(instance, wanted)
    for name in changed:
        setattr(instance, name, wanted[name])
    instance.save(update_fields=changed)
    if "source" in changed:
        # What the former source gave, or is giving, must not be applied as if the new one had.
        runs_cancel_for(instance=instance, code="source_switched")
    if not wanted.get("keep_logins", True):
        runs_cancel_for(instance=instance, code="logins_not_kept")
        instance.user_accounts.update(login="", last_active="")
        last_activity_forget(enterprise=instance.enterprise)
    if elsewhere and credential_delete(enterprise=instance.enterprise, instance=instance):
        changed.append("credentials")
    audit_record(
        enterprise=instance.enterprise,
        actor=actor,
        action="instance.edit",
        target=instance.host_name,
        before=_shown(before),
        after={**_shown({name: wanted[name] for name in before})}
        | ({"credentials": "erased"} if "credentials" in changed else {}),
    )
    return changed


class Losses(NamedTuple):
    """What a change of settings would take away for good, in numbers."""

    logins: int = 0  # accounts whose login or last activity is erased
    activities: int = 0  # persons whose last activity the reclaim planner forgets
    tokens: int = 0
    active: int = 0  # runs that are cancelled
    held: int = 0  # results that are thrown away


def instance_edit_losses(*, instance: ServerInstance, **values: Any) -> Losses:
    """What ``instance_edit`` with these values would take away. Raises Refused as it does."""
    wanted = _wanted(instance, values)
    logins = activities = tokens = 0
    states: list[str] = []
    if not wanted.get("keep_logins", True):
        logins = instance.user_accounts.exclude(login="", last_active="").count()
        activities = last_activity_known(enterprise=instance.enterprise)
    if _reached_elsewhere(instance, wanted):
        tokens = Credential.objects.filter(instance=instance).count()
    if "source" in wanted or not wanted.get("keep_logins", True):
        runs = instance.runs.filter(state__in=[*ACTIVE, RunState.HELD])
        states = list(runs.values_list("state", flat=True))
    held = states.count(RunState.HELD)
    return Losses(logins, activities, tokens, len(states) - held, held)


def _wanted(instance: ServerInstance, values: dict[str, Any]) -> dict[str, Any]:
    """Of SETTINGS those that differ from what the instance has, checked."""
    wanted = _checked({**{name: getattr(instance, name) for name in SETTINGS}, **values})
    return {n: wanted[n] for n in SETTINGS if getattr(instance, n) != wanted[n]}


def _reached_elsewhere(instance: ServerInstance, wanted: dict[str, Any]) -> bool:
    """Whether the token, which is bound to where it was entered for, would go another way."""
    moved = origin_of(wanted.get("url", instance.url)) != origin_of(instance.url)
    return moved or "proxy" in wanted or "ca_bundle" in wanted


@transaction.atomic
def instance_token_set(
    *, instance: ServerInstance, actor: Actor, username: str, token: str
) -> bool:
    """Store the token for the instance's address. False if it is the one stored."""
    username, token = username.strip(), token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise Refused("bad_token", field="token")
    if instance.source == Source.SITE_ADMIN_REPORT and (not username or ":" in username):
        raise Refused("username_needed", field="username")
    if len(username) > USERNAME_LENGTH:
        raise Refused("too_long", field="username", most=USERNAME_LENGTH)
    if not credential_save(
        enterprise=instance.enterprise,
        instance=instance,
        url=instance.url,
        username=username,
        token=token,
    ):
        return False
    audit_record(
        enterprise=instance.enterprise,
        actor=actor,
        action="instance.token_set",
        target=instance.host_name,
        after={"username": username, "origin": origin_of(instance.url)},
    )
    return True


@transaction.atomic
def instance_remove(*, instance: ServerInstance, actor: Actor) -> None:
    """Remove an instance with its credentials and everything read of it; its runs and history stay."""
    enterprise, host_name = instance.enterprise, instance.host_name
    runs_cancel_for(instance=instance, code="instance_removed")
    accounts = instance.user_accounts.count()
    instance.user_accounts.all()._raw_delete(instance.user_accounts.db)
    instance.delete()
    audit_record(
        enterprise=enterprise,
        actor=actor,
        action="instance.remove",
        target=host_name,
        before={"accounts": accounts},
    )
    recount_mark(enterprise=enterprise)


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    checked = dict(values)
    checked["url"] = address_checked(
        values["url"], field="url", plain_http_confirmed=values["plain_http_confirmed"]
    )
    if values["proxy"]:
        checked["proxy"] = address_checked(values["proxy"], field="proxy")
    if values["source"] not in Source.values:
        raise Refused("bad_source", field="source", value=str(values["source"])[:50])
    if values["enterprise_slug"] and not SLUG.match(values["enterprise_slug"]):
        raise Refused("bad_slug", field="enterprise_slug", value=values["enterprise_slug"][:100])
    if values["ca_bundle"]:
        try:
            ssl.create_default_context(cadata=values["ca_bundle"])
        except (ssl.SSLError, ValueError, TypeError):  # the last of what is not ASCII
            raise Refused("bad_ca_bundle", field="ca_bundle") from None
    share = values["guard_share"]
    if share is not None and not 0 <= share <= 100:
        raise Refused("bad_guard_share", field="guard_share", value=share)
    return checked


def _shown(values: dict[str, Any]) -> dict[str, Any]:
    """Settings as the audit log shows them; a certificate is public but long."""
    return {
        name: ("set" if value else "") if name == "ca_bundle" else value
        for name, value in values.items()
    }
