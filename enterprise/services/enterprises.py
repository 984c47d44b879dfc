"""The enterprise account itself: adding it, its settings, its GHEC token."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from enterprise.faults import Refused
from enterprise.models import (
    BillingModel,
    CloudState,
    Credential,
    Enterprise,
    Membership,
    Role,
    User,
)
from enterprise.services.addresses import address_checked
from enterprise.services.audit import Actor, audit_record
from enterprise.services.credentials import credential_delete, credential_save, origin_of
from enterprise.services.recounts import recount_mark
from enterprise.services.scheduling import cloud_anchor, cloud_next, schedule_checked, windows_move

CLOUD_SCHEDULE = ("schedule_weekday", "schedule_time")
SETTINGS = (
    "name",
    "api_url",
    "billing_model",
    "time_zone",
    "exclude_never_signed_in",
    "guard_share",
    "guard_minimum",
    "cloud_max_age_hours",
    *CLOUD_SCHEDULE,
    "renewal_on",
    "seat_price",
    "currency",
)
SLUG = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98}[A-Za-z0-9])?\Z")
_RESERVED = {"new"}
NAME_LENGTH = 200  # as the column
GUARD_MINIMUM_MOST = 1_000_000  # accounts
SEAT_PRICE_MOST = Decimal(1_000_000)
CLOUD_MAX_AGE_MOST = 24 * 28  # hours: four of the cloud's own weekly rhythm


@transaction.atomic
def enterprise_add(
    *, actor: Actor, slug: str, name: str = "", owner: User | None = None, **values: Any
) -> Enterprise:
    """Register an enterprise account; ``owner`` becomes its first owner.

    Raises Refused ``bad_slug``, ``enterprise_exists``, or for a bad setting.
    """
    slug = slug.strip()
    if not SLUG.match(slug) or slug.lower() in _RESERVED:
        raise Refused("bad_slug", field="slug", value=slug[:100])
    values = _checked({"name": name or slug, **values})
    if Enterprise.objects.filter(slug__iexact=slug).exists():
        raise Refused("enterprise_exists", field="slug", slug=slug)
    try:
        with transaction.atomic():
            enterprise = Enterprise.objects.create(slug=slug, **values)
    except IntegrityError:
        raise Refused("enterprise_exists", field="slug", slug=slug) from None
    CloudState.objects.create(enterprise=enterprise)
    if owner is not None:
        Membership.objects.create(enterprise=enterprise, user=owner, role=Role.OWNER)
    audit_record(
        enterprise=enterprise,
        actor=actor,
        action="enterprise.add",
        target=slug,
        after={**_told(values), **({"owner": owner.username} if owner else {})},
    )
    return enterprise


@transaction.atomic
def enterprise_edit(*, enterprise: Enterprise, actor: Actor, **values: Any) -> list[str]:
    """Change settings (names in SETTINGS); the names that changed.

    A change of scheme, host or port of the API address erases the GHEC token, which is bound to it.
    """
    enterprise = Enterprise.objects.select_for_update().get(pk=enterprise.pk)
    wanted = _checked(values)
    before = {name: getattr(enterprise, name) for name in wanted}
    changed = [name for name in wanted if before[name] != wanted[name]]
    if not changed:
        return []
    old_url = enterprise.api_url
    for name in changed:
        setattr(enterprise, name, wanted[name])
    enterprise.save(update_fields=changed)
    erased = origin_of(old_url) != origin_of(enterprise.api_url) and credential_delete(
        enterprise=enterprise, instance=None
    )
    if "time_zone" in changed:
        windows_move(enterprise)
    if enterprise.next_sync_at is not None and not set(changed).isdisjoint(CLOUD_SCHEDULE):
        enterprise.next_sync_at = cloud_next(enterprise, timezone.now())
        enterprise.save(update_fields=["next_sync_at"])
    if "exclude_never_signed_in" in changed:
        recount_mark(enterprise=enterprise)
    audit_record(
        enterprise=enterprise,
        actor=actor,
        action="enterprise.edit",
        target=enterprise.slug,
        before=_told({name: before[name] for name in changed}),
        after=_told({name: wanted[name] for name in changed})
        | ({"credentials": "erased"} if erased else {}),
    )
    return [*changed, "credentials"] if erased else changed


def enterprise_edit_erases_token(*, enterprise: Enterprise, **values: Any) -> bool:
    """Whether ``enterprise_edit`` with these values would. Raises Refused as it does."""
    address = _checked(values).get("api_url", enterprise.api_url)
    if origin_of(address) == origin_of(enterprise.api_url):
        return False
    return Credential.objects.filter(enterprise=enterprise, instance=None).exists()


@transaction.atomic
def enterprise_token_set(*, enterprise: Enterprise, actor: Actor, token: str) -> bool:
    """Store the GHEC token; the cloud's own weekly schedule runs from the day of the first one,
    unless another day or hour was chosen.

    False if it is the one stored. Raises Refused ``bad_token``.
    """
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise Refused("bad_token", field="token")
    if not credential_save(
        enterprise=enterprise, instance=None, url=enterprise.api_url, token=token
    ):
        return False
    enterprise = Enterprise.objects.select_for_update().get(pk=enterprise.pk)
    if enterprise.next_sync_at is None:
        cloud_anchor(enterprise, timezone.now())
        enterprise.save(update_fields=["schedule_weekday", "schedule_time", "next_sync_at"])
    audit_record(
        enterprise=enterprise,
        actor=actor,
        action="enterprise.token_set",
        target=enterprise.slug,
        after={"origin": origin_of(enterprise.api_url)},
    )
    return True


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    checked = schedule_checked(dict(values))
    unknown = checked.keys() - set(SETTINGS)
    if unknown:
        raise TypeError(f"not a setting of an enterprise: {', '.join(sorted(unknown))}")
    if "name" in checked:
        checked["name"] = checked["name"].strip()
        if not checked["name"]:
            raise Refused("name_needed", field="name")
        if len(checked["name"]) > NAME_LENGTH:
            raise Refused("too_long", field="name", most=NAME_LENGTH)
    if "api_url" in checked:
        checked["api_url"] = address_checked(
            checked["api_url"], field="api_url", plain_http_confirmed=False
        )
    if checked.get("billing_model", BillingModel.VOLUME) not in BillingModel.values:
        raise Refused(
            "bad_billing_model", field="billing_model", value=str(checked["billing_model"])[:50]
        )
    if checked.get("time_zone", "UTC") not in zoneinfo.available_timezones():
        raise Refused("bad_time_zone", field="time_zone", value=str(checked["time_zone"])[:64])
    if not 0 <= checked.get("guard_share", 0) <= 100:
        raise Refused("bad_guard_share", field="guard_share", value=checked["guard_share"])
    for name, least, most in (
        ("guard_minimum", 0, GUARD_MINIMUM_MOST),
        ("cloud_max_age_hours", 1, CLOUD_MAX_AGE_MOST),
    ):
        if not least <= checked.get(name, least) <= most:
            value = checked[name]
            raise Refused("out_of_range", field=name, value=value, least=least, most=most)
    if "renewal_on" in checked:
        checked["renewal_on"] = _day(checked["renewal_on"])
    if "seat_price" in checked:
        checked["seat_price"] = _price(checked["seat_price"])
    if "currency" in checked:
        checked["currency"] = checked["currency"].strip().upper()
        if not re.fullmatch(r"(?:[A-Z]{3})?", checked["currency"]):
            raise Refused("bad_currency", field="currency", value=checked["currency"][:20])
    return checked


def _day(value: dt.date | str | None) -> dt.date | None:
    """A day as such or as text; nothing takes it away."""
    if isinstance(value, dt.date) or not value:
        return value or None
    try:
        return dt.date.fromisoformat(value.strip())
    except ValueError:
        raise Refused("bad_date", field="renewal_on", value=value[:20]) from None


def _price(value: Decimal | str | None) -> Decimal | None:
    """An amount of money as such or as text, to the cent; nothing takes it away."""
    if value is None or value == "":
        return None
    try:
        price = Decimal(value)
        exact = price.quantize(Decimal("0.01"))
    except InvalidOperation:
        raise Refused("bad_price", field="seat_price", value=str(value)[:20]) from None
    if not price.is_finite() or not 0 <= price <= SEAT_PRICE_MOST or exact != price:
        raise Refused("bad_price", field="seat_price", value=str(value)[:20])
    return exact


def _told(values: dict[str, Any]) -> dict[str, Any]:
    """Settings as the audit log keeps them."""
    return {
        name: str(value) if isinstance(value, dt.date | dt.time | Decimal) else value
        for name, value in values.items()
    }
