"""Whose seats are whose, from a count to its page, its file, its targets and the mapping."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enterprise.models import (
    Allocation,
    AuditEvent,
    CostCenterEntry,
    Enterprise,
    SeatTarget,
    ServerInstance,
    Snapshot,
)
from enterprise.services.allocation import allocations_refresh_due
from tests.reports.ledger import member
from tests.views.counted import account, count, table, text_of

PAGE = "/enterprises/acme/insights/allocation"
MAPPING = "/enterprises/acme/insights/cost-centers"
pytestmark = pytest.mark.django_db


@pytest.fixture
def counted(acme: Enterprise, read_instance: ServerInstance) -> Snapshot:
    """Mona in two organizations and on the server, Hubot invited, Octocat billed, one on the server."""
    account(read_instance, 1, "mona@example.com")
    account(read_instance, 2, "lone@example.com")
    rows = [
        member("mona", member_roles=("red:Owner", "Blue:Member")),
        member("hubot", member_roles=(), pending_invites=("blue",)),
        member("octocat", member_roles=("red:Member",), extra=(("github_com_cost_center", "R&D"),)),
    ]
    return count(acme, rows)


def shown(client: Client, query: str = "") -> list[tuple[str, str, int]]:
    """(name, exact share, seats) of each part that the page shows."""
    lines = client.get(f"{PAGE}{query}").context["lines"]
    return [(line.part.name, str(line.part.share), line.part.seats) for line in lines]


def upload(client: Client, text: str | bytes) -> object:
    body = text.encode() if isinstance(text, str) else text
    return client.post(f"{MAPPING}/upload", {"file": SimpleUploadedFile("centers.csv", body)})


class TestTheSplit:
    def test_is_by_organization_in_any_case_with_invitations(
        self, owner: Client, counted: Snapshot
    ) -> None:
        assert shown(owner) == [("Blue", "3/2", 2), ("red", "3/2", 1), ("", "1", 1)]

    def test_is_by_instance_with_the_cloud_as_one(self, owner: Client, counted: Snapshot) -> None:
        found = shown(owner, "?by=instance")
        assert found == [("GHEC", "5/2", 3), ("ghes1.example.com", "3/2", 1)]
        assert "GitHub Enterprise Cloud" in text_of(owner.get(f"{PAGE}?by=instance"))

    def test_is_by_githubs_cost_center_where_there_is_no_mapping(
        self, owner: Client, counted: Snapshot
    ) -> None:
        assert shown(owner, "?by=cost_center") == [("R&D", "1", 1), ("", "3", 3)]

    def test_asks_the_mapping_first_by_login_email_or_account(
        self, owner: Client, counted: Snapshot
    ) -> None:
        upload(
            owner,
            "identifier,cost_center\nOctoCat,Sales\nLONE@example.com,Ops\n"
            "ghes1.example.com:1,Ops\nmona@example.com,Sales\nnobody,Void\n",
        )
        assert "newer count or mapping" in text_of(owner.get(f"{PAGE}?by=cost_center"))
        allocations_refresh_due()
        assert shown(owner, "?by=cost_center") == [
            ("Ops", "3/2", 2),
            ("Sales", "3/2", 1),
            ("", "1", 1),
        ]

    def test_adds_up_to_the_count_and_says_so(self, owner: Client, counted: Snapshot) -> None:
        for by in ("organization", "instance", "cost_center"):
            response = owner.get(f"{PAGE}?by={by}")
            assert response.context["seats"] == counted.persons == 4
            assert "All parts 4 4" in text_of(response)

    def test_of_an_earlier_count_is_kept_with_it(
        self, owner: Client, acme: Enterprise, counted: Snapshot
    ) -> None:
        count(acme, [member("mona", member_roles=("green:Member",))])
        assert [name for name, _, _ in shown(owner)] == ["green", ""]
        assert [name for name, _, _ in shown(owner, f"?as_of={counted.pk}")] == ["Blue", "red", ""]

    def test_that_was_not_kept_is_said_to_be_so(self, owner: Client, counted: Snapshot) -> None:
        Allocation.objects.all().delete()
        assert "The split of this count was not kept" in text_of(owner.get(PAGE))
        assert owner.get("/enterprises/acme/insights/allocation.csv").status_code == 404

    def test_is_not_made_again_while_nothing_is_newer(self, counted: Snapshot) -> None:
        assert allocations_refresh_due() == 0

    def test_costs_as_many_queries_for_many_parts_as_for_few(
        self, owner: Client, acme: Enterprise, counted: Snapshot
    ) -> None:
        with CaptureQueriesContext(connection) as few:
            owner.get(PAGE)
        count(acme, [member(f"p{n}", member_roles=(f"org{n}:Member",)) for n in range(250)])
        with CaptureQueriesContext(connection) as many:
            response = owner.get(PAGE)
        assert len(many) == len(few)
        assert response.context["pages"] == 3
        last = owner.get(f"{PAGE}{response.context['base']}&page=3")
        assert len(last.context["lines"]) == 51

    @pytest.mark.parametrize("who", ["billing_manager", "auditor"])
    def test_is_for_every_role(self, cast: Callable[[str], Client], who: str) -> None:
        assert cast(who).get(PAGE).status_code == 200
        assert cast(who).get(MAPPING).status_code == 200

    @pytest.mark.parametrize("path", [PAGE, f"{PAGE}.csv", MAPPING, f"{MAPPING}.csv"])
    def test_is_nobody_elses(self, stranger: Client, path: str) -> None:
        assert stranger.get(path).status_code == 404

    @pytest.mark.parametrize("query", ["?by=nothing", "?page=0", "?page=99999999", "?page=x"])
    def test_takes_nonsense_for_nothing(self, owner: Client, counted: Snapshot, query: str) -> None:
        assert owner.get(PAGE + query).status_code == 200


class TestTheChargebackFile:
    def test_has_exact_shares_and_costs_that_add_up(
        self, auditor: Client, counted: Snapshot
    ) -> None:
        Enterprise.objects.update(seat_price=Decimal("21.10"), currency="EUR")
        head, *rows = table(auditor.get(f"{PAGE}.csv?by=organization&as_of={counted.pk}"))
        red = dict(zip(head, rows[1], strict=True))
        assert (red["Part"], red["Exact share"], red["Share"]) == ("red", "3/2", "1.5000")
        assert (red["Licenses"], red["Price"], red["Cost"]) == ("1", "21.10", "21.10")
        costs = sum(Decimal(dict(zip(head, row, strict=True))["Cost"]) for row in rows)
        assert costs == counted.persons * Decimal("21.10")


class TestATarget:
    def test_is_compared_with_in_words(self, owner: Client, counted: Snapshot) -> None:
        for organization, seats in (("BLUE", "1"), ("red", "5"), ("empty", "3")):
            owner.post(PAGE, {"organization": organization, "seats": seats})
        text = text_of(owner.get(PAGE))
        assert "Blue 2 1 1.50 2 1 1 over" in text
        assert "red 2 1 1.50 1 5 4 under" in text
        assert "empty 0 0 0.00 0 3 3 under" in text

    def test_goes_when_it_is_empty_and_each_change_is_in_the_audit_log(
        self, owner: Client, counted: Snapshot
    ) -> None:
        owner.post(PAGE, {"organization": "red", "seats": "5"})
        owner.post(PAGE, {"organization": "red", "seats": "5"})
        owner.post(PAGE, {"organization": "red", "seats": ""})
        assert not SeatTarget.objects.exists()
        events = AuditEvent.objects.filter(action__startswith="target.").order_by("pk")
        assert [(e.action, e.before, e.after) for e in events] == [
            ("target.set", {}, {"seats": 5}),
            ("target.remove", {"seats": 5}, {}),
        ]

    @pytest.mark.parametrize("seats", ["-1", "x", "10000001"])
    def test_that_is_no_number_is_refused(
        self, owner: Client, counted: Snapshot, seats: str
    ) -> None:
        assert owner.post(PAGE, {"organization": "red", "seats": seats}).status_code == 422

    @pytest.mark.parametrize("who", ["billing_manager", "auditor", "stranger"])
    def test_is_an_owners(self, cast: Callable[[str], Client], who: str) -> None:
        response = cast(who).post(PAGE, {"organization": "red", "seats": "5"})
        assert response.status_code == 404
        assert not SeatTarget.objects.exists()

    def test_in_the_file_stays_a_number_below_nought(
        self, owner: Client, acme: Enterprise, counted: Snapshot
    ) -> None:
        SeatTarget.objects.create(enterprise=acme, organization="red", seats=7)
        lines = table(owner.get("/enterprises/acme/insights/allocation.csv"))
        found = {line[3]: (line[8], line[9], line[10]) for line in lines}
        assert found["red"][1:] == ("7", str(int(found["red"][0]) - 7))
        assert found["Blue"][1:] == ("", "")


class TestTheMapping:
    def test_is_replaced_whole(self, owner: Client, acme: Enterprise) -> None:
        upload(owner, "identifier,cost_center\na@example.com,One\nb@example.com,Two\n")
        upload(owner, "\ufeffIdentifier , Cost_Center\r\nMona, Three \r\n")
        assert [*CostCenterEntry.objects.values_list("identifier", "cost_center")] == [
            ("mona", "Three")
        ]
        event = AuditEvent.objects.latest("pk")
        assert (event.action, event.before, event.after) == (
            "cost_centers.replace",
            {"entries": 2},
            {"entries": 1},
        )

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("", "header"),
            ("login,center\nmona,One\n", "header"),
            ("identifier,cost_center\nmona\n", "Line 2"),
            ("identifier,cost_center\nmona,One\nmona,Two\n", "Line 3"),
            ("identifier,cost_center\nMona,One\n,Two\n", "Line 3"),
            ("identifier,cost_center\nmona,\n", "Line 2"),
            ("identifier,cost_center\nhost:x,One\n", "Line 2"),
            ("identifier,cost_center\nmo\0na,One\n", "Line 2"),
            (f"identifier,cost_center\nmona,{'x' * 201}\n", "Line 2"),
            (b"identifier,cost_center\nm\xff,One\n", "UTF-8"),
            ('identifier,cost_center\n"mona,One\n', "CSV"),
        ],
    )
    def test_with_a_fault_is_refused_with_its_place_and_changes_nothing(
        self, owner: Client, acme: Enterprise, text: str | bytes, told: str
    ) -> None:
        upload(owner, "identifier,cost_center\nkept,One\n")
        response = upload(owner, text)
        assert response.status_code == 422  # type: ignore[attr-defined]
        assert told in text_of(response)
        assert CostCenterEntry.objects.get().identifier == "kept"

    def test_is_masked_for_an_auditor(
        self, owner: Client, auditor: Client, acme: Enterprise
    ) -> None:
        upload(owner, "identifier,cost_center\nmona@example.com,One\n")
        assert "mona@example.com" in text_of(owner.get(MAPPING))
        assert "mona@" not in text_of(auditor.get(MAPPING))
        assert table(auditor.get(f"{MAPPING}.csv"))[1] == ["m•••@example.com", "One"]
        assert table(owner.get(f"{MAPPING}.csv"))[1] == ["mona@example.com", "One"]

    def test_is_erased_at_once_and_never_stood_in_the_audit_log(
        self, owner: Client, acme: Enterprise
    ) -> None:
        upload(owner, "identifier,cost_center\nmona@example.com,One\n")
        assert "1 entry is deleted" in text_of(owner.get(f"{MAPPING}/erase"))
        owner.post(f"{MAPPING}/erase")
        assert not CostCenterEntry.objects.exists()
        for event in AuditEvent.objects.all():
            assert "mona" not in str([event.target, event.before, event.after])

    def test_loses_the_line_of_one_person_and_no_other(
        self, owner: Client, auditor: Client, acme: Enterprise
    ) -> None:
        upload(owner, "identifier,cost_center\nmona@example.com,One\nhubot,One\n")
        url = f"{MAPPING}/forget"
        assert auditor.post(url, {"identifier": "hubot"}).status_code == 404
        assert owner.post(url, {"identifier": "nobody"}).status_code == 422
        assert owner.post(url, {"identifier": " MONA@example.com "}).status_code == 302
        assert CostCenterEntry.objects.get().identifier == "hubot"
        event = AuditEvent.objects.latest("pk")
        assert (event.action, event.before) == ("cost_centers.forget", {"entries": 1})

    @pytest.mark.parametrize("who", ["billing_manager", "auditor", "stranger"])
    def test_is_an_owners_to_change(
        self, cast: Callable[[str], Client], acme: Enterprise, who: str
    ) -> None:
        client = cast(who)
        response = upload(client, "identifier,cost_center\nmona,One\n")
        assert response.status_code == 404  # type: ignore[attr-defined]
        assert client.post(f"{MAPPING}/erase").status_code == 404
        assert not CostCenterEntry.objects.exists()

    def test_goes_on_page_by_page(self, owner: Client, acme: Enterprise) -> None:
        lines = "".join(f"user{n},One\n" for n in range(130))
        upload(owner, f"identifier,cost_center\n{lines}")
        first = owner.get(MAPPING)
        second = owner.get(first.context["next_url"])
        found = [entry.identifier for page in (first, second) for entry in page.context["entries"]]
        assert found == [f"user{n}" for n in range(130)]
