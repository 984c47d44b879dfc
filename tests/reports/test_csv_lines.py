"""A line of CSV is as the csv module writes it; and a report leaves no memory behind."""

from __future__ import annotations

import csv
import io

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from enterprise.reports.csv import _line, report_batches
from tests.factories import EnterpriseFactory
from tests.reports.ledger import count, members

CELLS = st.lists(
    st.text(alphabet=st.sampled_from("ab ,\"\r\n'=ß漢\t\0"), max_size=6), min_size=1, max_size=5
)


@given(CELLS)
def test_a_line_is_as_the_csv_module_writes_it(cells: list[str]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    assert _line(cells) == text.getvalue()
    assert next(csv.reader(io.StringIO(_line(cells), newline=""))) == cells


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "sqlite", reason="the cache is SQLite's")
@pytest.mark.parametrize("to_its_end", [True, False])
def test_a_report_is_read_with_a_small_cache_and_the_next_reader_has_the_whole(
    to_its_end: bool,
) -> None:
    def kept() -> int:
        with connection.cursor() as cursor:
            return int(cursor.execute("PRAGMA cache_size").fetchone()[0])

    snapshot = count(EnterpriseFactory(slug="acme"), members(3))
    before = kept()
    batches = report_batches(snapshot)
    next(batches)
    assert kept() == -4096 != before
    if to_its_end:
        assert list(batches) == []
    else:
        batches.close()  # type: ignore[attr-defined]
    assert kept() == before
