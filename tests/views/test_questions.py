"""What cannot be undone is asked first, with what it will do in numbers; in a dialog or as a page."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client

from enterprise.models import (
    AlertRule,
    ApiToken,
    CostCenterEntry,
    Delivery,
    Enterprise,
    GroupRole,
    Membership,
    ReclaimPlan,
    ReclaimSeat,
    Role,
    RunState,
    SeatState,
    ServerInstance,
    SyncRun,
    Webhook,
)
from enterprise.services.audit import SYSTEM
from enterprise.services.digests import digest_set
from enterprise.services.tokens import token_make
from tests.alerts.conftest import rule_of
from tests.deliveries.conftest import count_event, hook_to
from tests.factories import MembershipFactory, SyncRunFactory, UserFactory, ago
from tests.views.conftest import HTMX
from tests.views.counted import text_of

pytestmark = pytest.mark.django_db
TEMPLATES = settings.BASE_DIR / "templates"
ASKED_OTHERWISE = {
    # The identifier is typed in, and stands in no address that could ask.
    "enterprise/insights/cost_centers.html",
    # The sessions that it ends stand above it, and their number on it.
    "usersessions/usersession_list.html",
}


def cancel(acme: Enterprise) -> str:
    run = SyncRunFactory(instance=acme.instances.get(), running=True, done=1234)
    return f"runs/{run.pk}/cancel"


def discard(acme: Enterprise) -> str:
    counts = {"added": 3, "changed": 4, "removed": 80, "persons_before": 120, "persons_after": 43}
    run = SyncRunFactory(instance=acme.instances.get(), held=True, counts=counts)
    return f"runs/{run.pk}/discard"


def remove_group(acme: Enterprise) -> str:
    rule = GroupRole.objects.create(
        enterprise=acme, provider="corp", group="staff", role=Role.AUDITOR
    )
    MembershipFactory.create_batch(2, enterprise=acme, given_by="corp")
    return f"settings/groups/{rule.pk}/remove"


def remove_member(acme: Enterprise) -> str:
    hubert = UserFactory(username="hubert")
    member = MembershipFactory(enterprise=acme, user=hubert, role=Role.AUDITOR)
    for name in ("one", "two"):
        token_make(enterprise=acme, actor=SYSTEM, name=name, scopes=["read:metrics"])
    ApiToken.objects.update(created_by="hubert")
    rule_of(acme, "sync", people=["hubert"])
    rule_of(acme, "upload_old", 3, roles=[], people=["hubert"])
    rule_of(acme, "token_expiry", 3, roles=[member.role])
    digest_set(enterprise=acme, actor=SYSTEM, rhythm="weekly", roles=["owner"], people=["hubert"])
    return f"settings/members/{member.pk}/remove"


def revoke_token(acme: Enterprise) -> str:
    token, _value = token_make(enterprise=acme, actor=SYSTEM, name="x", scopes=["read:metrics"])
    return f"settings/tokens/{token.pk}/revoke"


def delete_alert(acme: Enterprise) -> str:
    rule = rule_of(acme, "sync")
    rule.states.create(subject="cloud", since=ago(hours=2), last_sent_at=ago(hours=1))
    return f"settings/alerts/{rule.pk}/remove"


def delete_webhook(acme: Enterprise) -> str:
    hook = hook_to(acme, "https://hooks.example.com/x")
    rule_of(acme, "sync", webhooks=[hook.pk])
    count_event(acme)
    return f"settings/webhooks/{hook.pk}/remove"


def erase_mapping(acme: Enterprise) -> str:
    for name in ("mona", "hubot"):
        CostCenterEntry.objects.create(enterprise=acme, identifier=name, cost_center="Research")
    return "insights/cost-centers/erase"


def end_plan(acme: Enterprise) -> str:
    plan = ReclaimPlan.objects.create(enterprise=acme, wanted=3, made_at=ago(days=1))
    for number, state in enumerate((SeatState.PLANNED, SeatState.NOT_DONE, SeatState.FREED)):
        ReclaimSeat.objects.create(
            enterprise=acme, plan=plan, number=number, accounts="[]", state=state
        )
    return f"insights/reclaim/plans/{plan.pk}/end"


QUESTIONS: list[tuple[Callable[[Enterprise], str], str, list[str]]] = [
    (cancel, "Cancel run", ["1,234 records that it has read are thrown away."]),
    (
        discard,
        "Discard the result of run",
        ["3 added, 4 changed, 80 removed", "The count stays at 120 persons, instead of 43."],
    ),
    (remove_group, "Remove the role of staff?", ["2 persons have their role here by a group"]),
    (
        remove_member,
        "Remove hubert?",
        [
            "2 API tokens that they made go on working",
            "2 alerts name them",
            "Nobody else is told by 2 alerts.",
            "The digest names them",
        ],
    ),
    (revoke_token, "Revoke x?", ["It was never used."]),
    (delete_alert, "Delete the alert?", ["1 thing is beyond its threshold now"]),
    (
        delete_webhook,
        "Delete",
        ["its 1 delivery is deleted", "1 of them is not sent", "1 alert tells it no more"],
    ),
    (erase_mapping, "Erase the mapping?", ["2 entries are deleted at once."]),
    (end_plan, "End plan", ["2 licenses are not freed yet", "1 was freed"]),
]


def kept() -> list[object]:
    """Whatever one of the acts would change."""
    models = (GroupRole, Membership, AlertRule, Webhook, Delivery, CostCenterEntry)
    return [
        *(model.objects.count() for model in models),
        *SyncRun.objects.values_list("state", "cancel_requested"),
        *ApiToken.objects.values_list("revoked_at"),
        *ReclaimPlan.objects.values_list("ended_at"),
    ]


@pytest.mark.parametrize(
    ("arranged", "title", "numbers"), QUESTIONS, ids=[case[0].__name__ for case in QUESTIONS]
)
def test_an_act_is_asked_with_its_numbers_as_a_page_and_in_a_dialog_and_done_by_post_alone(
    owner: Client,
    acme: Enterprise,
    instance: ServerInstance,
    arranged: Callable[[Enterprise], str],
    title: str,
    numbers: list[str],
) -> None:
    path = f"/enterprises/acme/{arranged(acme)}"
    before = kept()
    page, dialog = owner.get(path), owner.get(path, headers=HTMX)
    for asked in (page, dialog):
        text = text_of(asked)
        assert title in text
        for number in numbers:
            assert number in text
        assert f'method="post" action="{path}"' in asked.content.decode()
    assert "<h1" in page.content.decode()
    assert "<html" not in dialog.content.decode()
    assert kept() == before
    assert owner.post(path).status_code == 302
    assert kept() != before


@pytest.mark.parametrize(("verb", "state"), [("cancel", "succeeded"), ("discard", "succeeded")])
def test_what_has_ended_meanwhile_is_shown_instead_of_asked(
    owner: Client, instance: ServerInstance, verb: str, state: str
) -> None:
    run = SyncRunFactory(instance=instance, **{state: True})
    path = f"/enterprises/acme/runs/{run.pk}"
    assert owner.get(f"{path}/{verb}").headers["Location"] == path
    run.refresh_from_db()
    assert run.state == RunState.SUCCEEDED


def test_a_plan_that_has_ended_is_shown_instead_of_asked(owner: Client, acme: Enterprise) -> None:
    plan = ReclaimPlan.objects.create(
        enterprise=acme, wanted=1, made_at=ago(days=1), ended_at=ago(hours=1)
    )
    path = f"/enterprises/acme/insights/reclaim/plans/{plan.pk}"
    assert owner.get(f"{path}/end").headers["Location"] == path


def test_a_dangerous_button_stands_in_a_question_and_nowhere_else() -> None:
    """A page leads to the question by a link; the button itself is in a template that is asked."""
    button = re.compile(r'<button class="[^"]*btn-danger[^"]*" type="submit"')
    found = {
        str(path.relative_to(TEMPLATES))
        for path in TEMPLATES.rglob("*.html")
        if button.search(path.read_text())
    }
    outside = {name for name in found if not re.search(r"/_\w*form\.html$", name)}
    assert outside == ASKED_OTHERWISE
    asked = "".join(p.read_text() for p in (settings.BASE_DIR / "enterprise/views").glob("*.py"))
    for name in found - outside:
        assert name in asked or f'"{name.rsplit("/", 1)[1].removesuffix(".html")}"' in asked
