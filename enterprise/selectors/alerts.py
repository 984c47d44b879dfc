"""Rules, what is beyond them, and what was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from django.db.models import Prefetch

from enterprise.models import AlertRule, AlertState, Enterprise

SHOWN = 50
WALK = 500  # read at once for a file


class RuleLine(NamedTuple):
    """A rule with its receivers and what is beyond it now."""

    rule: AlertRule
    people: list[str]  # usernames
    webhooks: list[str]
    states: list[AlertState]
    more: int


def alert_lines(enterprise: Enterprise) -> list[RuleLine]:
    """Every rule, in the order in which they were added; four queries however many."""
    still = AlertState.objects.filter(over_at=None).order_by("since", "pk")
    rules = (
        AlertRule.objects.filter(enterprise=enterprise)
        .prefetch_related(
            "people__user", "webhooks", Prefetch("states", queryset=still, to_attr="open_states")
        )
        .order_by("pk")
    )
    return [_line(rule) for rule in rules]


def _line(rule: AlertRule) -> RuleLine:
    states: list[AlertState] = rule.open_states  # type: ignore[attr-defined]
    return RuleLine(
        rule,
        sorted(member.user.username for member in rule.people.all()),
        sorted(hook.name for hook in rule.webhooks.all()),
        states[:SHOWN],
        max(0, len(states) - SHOWN),
    )


def alert_get(enterprise: Enterprise, pk: int) -> AlertRule | None:
    """A rule of this enterprise, its ``enterprise`` at hand."""
    rule = AlertRule.objects.filter(enterprise=enterprise, pk=pk).first()
    if rule is not None:
        rule.enterprise = enterprise
    return rule


def states_page(
    enterprise: Enterprise, *, rule: int | None = None, before: int | None = None, most: int = SHOWN
) -> tuple[list[AlertState], int | None]:
    """What was beyond a threshold, newest first, with its rule; and the id to go on from."""
    found = AlertState.objects.filter(rule__enterprise=enterprise).order_by("-pk")
    if rule is not None:
        found = found.filter(rule=rule)
    if before is not None:
        found = found.filter(pk__lt=before)
    page = list(found.select_related("rule")[: most + 1])
    return page[:most], page[most - 1].pk if len(page) > most else None


def states_walk(enterprise: Enterprise) -> Iterator[AlertState]:
    """All of it, read in pieces: no long transaction."""
    page, before = states_page(enterprise, most=WALK)
    yield from page
    while before is not None:
        page, before = states_page(enterprise, before=before, most=WALK)
        yield from page
