"""Every page of the console, and what holds for each of them, whatever it is about."""

from __future__ import annotations

import gzip
from datetime import timedelta
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from django.contrib.staticfiles import finders
from django.utils import timezone
from playwright.sync_api import Page

from enterprise.models import (
    AlertRule,
    CurrentPerson,
    Enterprise,
    Membership,
    ServerInstance,
    Snapshot,
    SyncRun,
    User,
    Webhook,
)
from enterprise.reports.lists import LISTS
from enterprise.services.alert_checks import alerts_check
from enterprise.services.members import sign_in_link_make
from enterprise.views.how_to import PAGES
from tests.alerts.conftest import rule_of
from tests.deliveries.conftest import count_event, hook_to
from tests.factories import EnterpriseFactory, MembershipFactory, SyncRunFactory

MOST_BYTES = 150_000  # of a first visit, without pictures

# Scripts, styles and handlers that stand inside the page. The nonce is in what was sent only.
# Data in a script of type application/json is never run.
INLINE = """html => {
  const script = "script:not([src], [nonce], [type='application/json'])";
  const inline = `${script}, style:not([nonce]), [style]`;
  const sent = new DOMParser().parseFromString(html, "text/html");
  const handled = e => e.getAttributeNames().some(name => name.startsWith("on"));
  return [...sent.querySelectorAll("*")]
    .filter(e => e.matches(inline) || handled(e))
    .map(e => e.outerHTML.slice(0, 150));
}"""
SENT = """() => ["navigation", "resource"]
  .flatMap(type => performance.getEntriesByType(type))
  .map(entry => [entry.name, entry.encodedBodySize])"""
# A button changes its colors within a moment after the theme: not to be measured in between.
SETTLE = """() => document.getAnimations().forEach(
  animation => animation instanceof CSSTransition && animation.finish())"""
TOO_WIDE = "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"


def furnish(enterprise: Enterprise, owner: User) -> None:
    """What pages need to show themselves in full: two counts, a held run, an empty enterprise."""
    SyncRunFactory(instance=ServerInstance.objects.latest("pk"), held=True)
    snapshot = Snapshot.objects.latest("pk")
    Snapshot.objects.filter(pk=snapshot.pk).update(taken_at=timezone.now() - timedelta(weeks=3))
    snapshot.pk = None
    snapshot.save()
    hook_to(enterprise, "https://hooks.example.com/x")
    count_event(enterprise)
    rule_of(enterprise, "sync")
    alerts_check(enterprise_id=enterprise.pk)
    empty = EnterpriseFactory(slug="empty", name="Empty")
    MembershipFactory(enterprise=empty, user=owner)


def pages_signed_out(owner: User) -> dict[str, str]:
    """Paths by a short name; what is not found is one of them."""
    return {
        "sign-in": "/accounts/login/",
        "sign-in-link": f"/sign-in/{sign_in_link_make(user=owner)}",
        "not-found": "/nowhere",
        "api-docs": "/api/v1/docs",
        **{f"help-{page}": f"/help/{page}" for page in PAGES},
    }


def pages_signed_in(enterprise: Enterprise) -> dict[str, str]:
    start = f"/enterprises/{enterprise.slug}"
    connect = f"{start}/settings/connect"
    hook = Webhook.objects.latest("pk")
    alert = AlertRule.objects.latest("pk")
    instance = f"{connect}/instances/{ServerInstance.objects.latest('pk').pk}"
    joined = CurrentPerson.objects.filter(kind="cloud_and_server").latest("accounts")
    old, new = Snapshot.objects.order_by("pk")
    succeeded = SyncRun.objects.filter(state="succeeded").earliest("pk")
    member = Membership.objects.get(enterprise=enterprise)
    return {
        "home": "/",
        "enterprise-new": "/enterprises/new",
        "profile": "/settings/profile",
        "sessions": "/accounts/sessions/",
        "styleguide": "/styleguide",
        "password": "/accounts/password/change/",
        "sign-out": "/accounts/logout/",
        "overview": start,
        "overview-empty": "/enterprises/empty",
        "licensing": f"{start}/licensing",
        "licensing-found": f"{start}/licensing?kind=server&sort=-accounts",
        "licensing-as-of": f"{start}/licensing?as_of={old.pk}",
        "licensing-empty": "/enterprises/empty/licensing",
        "person": f"{start}/licensing/persons/{joined.number}",
        "history": f"{start}/licensing/history",
        "compare": f"{start}/licensing/compare?from={old.pk}&to={new.pk}",
        "difference": f"{start}/licensing/difference",
        "lists": f"{start}/licensing/lists",
        **{f"list-{name}": f"{start}/licensing/lists/{name}" for name in LISTS},
        "duplicates": f"{start}/insights/duplicates",
        "allocation": f"{start}/insights/allocation",
        "allocation-by-instance": f"{start}/insights/allocation?by=instance",
        "cost-centers": f"{start}/insights/cost-centers",
        "cost-centers-erase": f"{start}/insights/cost-centers/erase",
        "changes": f"{start}/insights/changes?since=2020-01-01",
        "reclaim": f"{start}/insights/reclaim",
        "forecast": f"{start}/insights/forecast",
        "runs": f"{start}/runs",
        "run": f"{start}/runs/{succeeded.pk}",
        "run-held": f"{start}/runs/{SyncRun.objects.get(state='held').pk}",
        "connect": connect,
        "connect-empty": "/enterprises/empty/settings/connect",
        "cloud-edit": f"{connect}/cloud/edit",
        "upload": f"{connect}/upload",
        "instance-new": f"{connect}/instances/new",
        "instance-edit": f"{instance}/edit",
        "disable": f"{instance}/disable",
        "remove": f"{instance}/remove",
        "general": f"{start}/settings/general",
        "members": f"{start}/settings/members",
        "member-new": f"{start}/settings/members/new",
        "member-remove": f"{start}/settings/members/{member.pk}/remove",
        "tokens": f"{start}/settings/tokens",
        "token-new": f"{start}/settings/tokens/new",
        "alerts": f"{start}/settings/alerts",
        "alert-new": f"{start}/settings/alerts/new",
        "alert-edit": f"{start}/settings/alerts/{alert.pk}/edit",
        "alert-remove": f"{start}/settings/alerts/{alert.pk}/remove",
        "digest": f"{start}/settings/digest",
        "webhooks": f"{start}/settings/webhooks",
        "webhook-new": f"{start}/settings/webhooks/new",
        "webhook": f"{start}/settings/webhooks/{hook.pk}",
        "webhook-edit": f"{start}/settings/webhooks/{hook.pk}/edit",
        "webhook-remove": f"{start}/settings/webhooks/{hook.pk}/remove",
        "delivery": f"{start}/settings/webhooks/{hook.pk}/deliveries/{hook.deliveries.latest('pk').pk}",
        "audit": f"{start}/settings/audit",
    }


WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 360, "height": 740}
LONG = {"api-docs"}
"""What takes axe a minute, and is the same English table of fields throughout: seen once."""
CONTRAST = {"runOnly": ["color-contrast", "link-in-text-block"]}  # what a theme may break
HIGH_CONTRAST = """() => {
  const { dataset } = document.documentElement;
  for (const theme of ["light", "dark"]) dataset[`${theme}Theme`] = `${theme}_high_contrast`;
}"""


def faults_of(page: Page, url: str, *, language: str, themes: bool, picture: Path) -> list[str]:
    """What is wrong with the page there, wide and light, narrow and dark; with ``themes`` in high
    contrast too. It fits, is small, says its language, has nothing inline, and axe finds nothing.
    """
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")
    response = page.goto(url)
    expected = 404 if url.endswith("/nowhere") else 200
    if response is None or response.status != expected:
        return [str(response and response.status)]
    faults = []
    if page.locator("h1").count() != 1:
        faults.append("not exactly one h1")
    if (said := page.locator("html").get_attribute("lang")) != language:
        faults.append(f"in {said}")
    if (sent := _bytes(page)) > MOST_BYTES:
        faults.append(f"{sent} bytes")
    faults += [f"inline: {html}" for html in page.evaluate(INLINE, response.text())]
    faults += _look(page, "wide, light", picture, axe=themes or picture.stem not in LONG)
    if picture.stem in LONG:
        return faults
    if themes:
        page.emulate_media(color_scheme="dark")
        faults += _axe(page, "dark", CONTRAST)
    page.set_viewport_size(NARROW)
    page.emulate_media(color_scheme="dark")
    faults += _look(page, "narrow, dark", picture)
    if themes:
        page.evaluate(HIGH_CONTRAST)
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            faults += _axe(page, f"{scheme}, high contrast", CONTRAST)
        page.screenshot(path=picture.with_stem(f"{picture.stem}-high-contrast"), full_page=True)
    return faults


def _look(page: Page, how: str, picture: Path, *, axe: bool = True) -> list[str]:
    """Whether it fits, and what axe says; the picture is kept."""
    name = f"{picture.stem}-{how.replace(', ', '-')}"
    page.screenshot(path=picture.with_stem(name), full_page=picture.stem not in LONG)
    overflow = page.evaluate(TOO_WIDE)
    faults = [f"{how}: {overflow} pixels too wide"] if overflow > 0 else []
    return faults + (_axe(page, how) if axe else [])


def _axe(page: Page, how: str, options: dict[str, list[str]] | None = None) -> list[str]:
    page.evaluate(SETTLE)
    return [
        f"{how}: {violation['id']}: {[node['html'][:150] for node in violation['nodes']]}"
        for violation in Axe().run(page, options=options).response["violations"]
    ]


def _bytes(page: Page) -> int:
    """What a first visit transfers: the page as it came, its assets as WhiteNoise sends them."""
    return sum(
        _packed(path) if (path := urlsplit(address).path).startswith("/static/") else size
        for address, size in page.evaluate(SENT)
    )


@cache
def _packed(path: str) -> int:
    found = finders.find(path.removeprefix("/static/"))
    assert isinstance(found, str), path
    return len(gzip.compress(Path(found).read_bytes()))
