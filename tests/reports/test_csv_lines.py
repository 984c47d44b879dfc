"""A line of CSV is what the csv module writes, however it was made."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from enterprise.reports.csv import _line

CELLS = st.lists(
    st.text(alphabet=st.sampled_from("ab ,\"\r\n'=ß漢\t\0"), max_size=6), min_size=1, max_size=5
)


@given(CELLS)
def test_a_line_is_as_the_csv_module_writes_it(cells: list[str]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    assert _line(cells) == text.getvalue()
    assert next(csv.reader(io.StringIO(_line(cells), newline=""))) == cells
