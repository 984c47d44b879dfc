"""``/api/v1``: the trend and the forecast, and the settings they rest on."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from enterprise.models import AuditEvent, Enterprise
from tests.api.v1.conftest import V1, problem
from tests.factories import SnapshotFactory, ago

pytestmark = pytest.mark.django_db


@pytest.fixture
def growing(enterprise: Enterprise) -> None:
    """One person more each week, for ten weeks; the last seat is taken now."""
    for week in range(11):
        SnapshotFactory(
            enterprise=enterprise,
            taken_at=ago(days=7 * (10 - week)),
            persons=200,
            github_total=100 + week,
            github_purchased=110,
        )


def test_the_forecast_names_its_basis_and_adds_up(admin: V1, growing: None) -> None:
    renewal = timezone.now().date() + dt.timedelta(weeks=10)
    changed = admin.send(
        "PATCH",
        "",
        {"renewal_on": renewal.isoformat(), "seat_price": "21.50", "currency": "usd"},
    ).json()
    assert (changed["renewal_on"], changed["seat_price"], changed["currency"]) == (
        renewal.isoformat(),
        "21.50",
        "USD",
    )
    found = admin.read("/forecast")
    assert (found["basis"], found["used"], found["purchased"], found["free"]) == (
        "github",
        110,
        110,
        0,
    )
    assert found["at_renewal"] == {
        "on": renewal.isoformat(),
        "low": 120,
        "expected": 120,
        "high": 120,
    }
    assert found["months"][-1] == found["at_renewal"]
    assert found["true_up"]["expected"] == {"seats": 10, "cost": "215.00"}
    assert found["true_up"]["now"] == {"seats": 0, "cost": "0.00"}
    assert found["run_out"]["expected"] is not None


def test_without_enough_weeks_there_is_no_forecast(reader: V1, enterprise: Enterprise) -> None:
    assert problem(reader.get(f"{reader.start}/forecast")) == (409, "not_counted")
    SnapshotFactory(enterprise=enterprise, persons=4)
    found = reader.read("/forecast")
    assert (found["available"], found["per_week"], found["months"]) == (False, None, [])


def test_the_trend_has_points_and_the_high_water_marks(reader: V1, growing: None) -> None:
    found = reader.read("/trend", span="all")
    assert found["items"][-1]["github_total"] == 110
    assert found["high_water"]["github"]["count"] == 110
    assert found["high_water"]["console"]["count"] == 200
    response = reader.get(f"{reader.start}/trend.csv")
    assert len(b"".join(response.streaming_content).splitlines()) == 12


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("seat_price", "1.005", "bad_price"),
        ("seat_price", "-1", "bad_price"),
        ("seat_price", "1000001", "bad_price"),
        ("currency", "EURO", "bad_currency"),
        ("currency", "€", "bad_currency"),
    ],
)
def test_a_bad_price_or_currency_is_refused(
    admin: V1, enterprise: Enterprise, name: str, value: str, code: str
) -> None:
    assert problem(admin.send("PATCH", "", {name: value})) == (422, code)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "much"])
def test_a_price_that_is_no_number_is_no_price(
    admin: V1, enterprise: Enterprise, value: str
) -> None:
    assert admin.send("PATCH", "", {"seat_price": value}).status_code == 422


def test_null_takes_date_and_price_away_and_the_audit_log_tells(
    admin: V1, enterprise: Enterprise
) -> None:
    admin.send("PATCH", "", {"renewal_on": "2027-06-30", "seat_price": "3"})
    admin.send("PATCH", "", {"renewal_on": None, "seat_price": None})
    event = AuditEvent.objects.latest("pk")
    assert event.before == {"renewal_on": "2027-06-30", "seat_price": "3.00"}
    assert event.after == {"renewal_on": None, "seat_price": None}
