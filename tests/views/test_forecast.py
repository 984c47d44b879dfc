"""The trend and the forecast: its basis, its range, when seats run out, the true-up, and its silence."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from enterprise.models import BillingModel, Enterprise, Snapshot
from tests.factories import SnapshotFactory, ago
from tests.views.counted import table, text_of

PAGE = "/enterprises/acme/insights/forecast"
pytestmark = pytest.mark.django_db


def weeks(enterprise: Enterprise, *counts: int, **facts: int | None) -> list[Snapshot]:
    """A count each week, the last one just now."""
    return [
        SnapshotFactory(
            enterprise=enterprise,
            taken_at=ago(days=7 * (len(counts) - 1 - week), seconds=1),
            persons=count,
            **facts,
        )
        for week, count in enumerate(counts)
    ]


def in_weeks(number: int) -> dt.date:
    return timezone.now().date() + dt.timedelta(weeks=number)


class TestTheForecast:
    def test_continues_githubs_total_where_it_is_known_and_says_so(
        self, owner: Client, acme: Enterprise
    ) -> None:
        for week in range(11):
            SnapshotFactory(
                enterprise=acme,
                taken_at=ago(days=7 * (10 - week)),
                persons=500,
                github_total=100 + 7 * week,
                github_purchased=200,
            )
        acme.renewal_on = in_weeks(10)
        acme.save()
        response = owner.get(PAGE)
        outlook = response.context["outlook"]
        assert outlook.basis == "github"
        assert outlook.at_renewal == (240, 240, 240)
        assert "compared with purchased is GitHub's total" in text_of(response)
        assert "Forecast of GitHub's count, with its range" in text_of(response)
        assert outlook.run_out.expected == timezone.now().date() + dt.timedelta(days=31)

    def test_continues_our_count_where_githubs_was_never_read(
        self, owner: Client, acme: Enterprise
    ) -> None:
        weeks(acme, *range(100, 111))
        response = owner.get(PAGE)
        assert response.context["outlook"].basis == "console"
        assert "this console's count, since GitHub's total has not been read" in text_of(response)

    def test_is_not_given_from_too_few_weeks_and_says_how_many_there_are(
        self, owner: Client, acme: Enterprise
    ) -> None:
        weeks(acme, 1, 2, 3)
        response = owner.get(PAGE)
        assert response.context["outlook"].forecast is None
        assert "needs 8 weeks of counts on this basis without a gap; there are 2" in text_of(
            response
        )

    def test_does_not_take_our_past_for_githubs(self, owner: Client, acme: Enterprise) -> None:
        weeks(acme, *[50] * 12)
        SnapshotFactory(enterprise=acme, taken_at=ago(seconds=0), persons=50, github_total=60)
        outlook = owner.get(PAGE).context["outlook"]
        assert (outlook.basis, outlook.used, outlook.forecast) == ("github", 60, None)

    def test_ends_where_its_history_reaches_and_says_that_the_renewal_is_further(
        self, owner: Client, acme: Enterprise
    ) -> None:
        weeks(acme, *[50] * 10)
        acme.renewal_on = in_weeks(40)
        acme.save()
        response = owner.get(PAGE)
        outlook = response.context["outlook"]
        assert (outlook.at_renewal, outlook.until) == (None, in_weeks(18))
        assert "further ahead than twice the history" in text_of(response)

    def test_asks_for_the_next_renewal_date_once_it_is_past(
        self, owner: Client, acme: Enterprise
    ) -> None:
        weeks(acme, *[50] * 10)
        acme.renewal_on = in_weeks(-1)
        acme.save()
        assert "is past. Enter the next one." in text_of(owner.get(PAGE))

    def test_shows_who_is_billable_with_metered_billing_and_compares_with_nothing(
        self, owner: Client, acme: Enterprise
    ) -> None:
        weeks(acme, *[50] * 10, github_total=48, github_purchased=100)
        acme.billing_model = BillingModel.METERED
        acme.seat_price = Decimal(21)
        acme.save()
        text = text_of(owner.get(PAGE))
        assert "Billable this cycle 48 GitHub's total" in text
        assert "True-up" not in text
        assert "Purchased" not in text


class TestTheTrueUp:
    def test_multiplies_what_is_missing_with_the_price_exactly(
        self, owner: Client, acme: Enterprise
    ) -> None:
        weeks(acme, *range(100, 111), github_purchased=105)
        Enterprise.objects.update(
            renewal_on=in_weeks(5), seat_price=Decimal("1234.10"), currency="EUR"
        )
        response = owner.get(PAGE)
        outlook = response.context["outlook"]
        assert outlook.true_up_now == (5, Decimal("6170.50"))
        assert [each.seats for each in outlook.true_up] == [10, 10, 10]
        text = text_of(response)
        assert "Now 5 6,170.50 EUR" in text
        assert "At the renewal, expected 10 12,341.00 EUR" in text

    def test_says_that_no_price_is_entered(self, owner: Client, acme: Enterprise) -> None:
        weeks(acme, *range(100, 111), github_purchased=105)
        assert "No price is entered." in text_of(owner.get(PAGE))


class TestTheTrend:
    def test_has_the_last_count_of_each_week_or_of_each_month(
        self, owner: Client, acme: Enterprise
    ) -> None:
        weeks(acme, *range(80))
        year, all_time = (owner.get(f"{PAGE}?span={span}").context for span in ("year", "all"))
        assert 52 <= len(year["points"]) <= 54
        assert 18 <= len(all_time["points"]) <= 20
        assert year["points"][0].persons == all_time["points"][0].persons == 79

    def test_names_the_high_water_mark_of_each_basis(self, owner: Client, acme: Enterprise) -> None:
        first, *_rest = weeks(acme, 9, 5, 9, github_total=7)
        response = owner.get(PAGE)
        assert response.context["highest_ours"].id == first.pk
        assert "High-water mark, this console 9" in text_of(response)
        assert "High-water mark, GitHub 7" in text_of(response)

    def test_draws_purchased_as_a_line_to_the_end_of_the_forecast(
        self, owner: Client, acme: Enterprise
    ) -> None:
        weeks(acme, *range(100, 111), github_purchased=105)
        chart = owner.get(PAGE).context["chart"]
        assert chart.purchased.endswith("H1000.0V0.0") or "H1000.0" in chart.purchased
        assert chart.now < 1000
        assert chart.band.endswith("Z")

    def test_is_a_file_of_all_snapshots(self, auditor: Client, acme: Enterprise) -> None:
        weeks(acme, 3, 4, github_total=7)
        head, *rows = table(auditor.get("/enterprises/acme/insights/trend.csv"))
        assert head[2:] == ["This console", "GitHub counts", "GitHub purchased"]
        assert [row[2:] for row in rows] == [["3", "7", ""], ["4", "7", ""]]

    def test_says_so_before_the_first_count(self, owner: Client, acme: Enterprise) -> None:
        assert "Nothing counted yet" in text_of(owner.get(PAGE))

    def test_costs_as_many_queries_for_many_counts_as_for_few(
        self, owner: Client, acme: Enterprise
    ) -> None:
        weeks(acme, 1, 2)
        owner.get(PAGE)
        with CaptureQueriesContext(connection) as few:
            owner.get(PAGE)
        weeks(acme, *range(60))
        with CaptureQueriesContext(connection) as many:
            owner.get(PAGE)
        assert len(few) == len(many)

    def test_is_nobody_elses(self, stranger: Client) -> None:
        assert stranger.get(PAGE).status_code == 404
        assert stranger.get("/enterprises/acme/insights/trend.csv").status_code == 404
