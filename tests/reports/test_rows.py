"""The 28 columns, and how a stored row becomes cells."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enterprise.reports.rows import COLUMNS, FROM_CLOUD, cell, cells_of


def test_the_columns_are_githubs_28_in_its_order() -> None:
    headers = [column.header for column in COLUMNS]
    assert len(headers) == 28
    assert headers[0] == "GitHub com login"
    assert headers[6] == "License type"
    assert headers[11] == "GitHub com saml name"
    assert headers[21] == "Enterprise server primary emails"
    assert headers[-1] == "Total user accounts"


def test_the_older_headers_are_githubs_snake_case_ones() -> None:
    names = [column.name for column in COLUMNS]
    assert names[0] == "github_com_login"
    assert "github_com_saml_name_id" in names
    assert "enterprise_server_primary_emails" in names
    assert all(name == name.lower() and " " not in name for name in names)


def test_lists_are_joined_and_flags_are_words() -> None:
    row = dict(
        zip(
            [column.name for column in COLUMNS],
            cells_of(
                {
                    "github_com_login": "mona",
                    "github_com_user": True,
                    "enterprise_server_user": False,
                    "github_com_two_factor_auth": None,
                    "enterprise_server_user_ids": ["ghes1.example.com:7", "ghes2.example.com:9"],
                    "total_user_accounts": 3,
                },
                "visual_studio",
            ),
            strict=True,
        )
    )
    assert row["github_com_user"] == "true"
    assert row["enterprise_server_user"] == "false"
    assert row["github_com_two_factor_auth"] == ""
    assert row["enterprise_server_user_ids"] == "ghes1.example.com:7, ghes2.example.com:9"
    assert row["license_type"] == "Visual Studio subscription"
    assert row["total_user_accounts"] == "3"
    assert row["ghe_license_active"] == ""


def test_what_only_the_cloud_tells_stays_empty_where_it_was_not_read() -> None:
    cells = cells_of(
        {"github_com_user": False, "visual_studio_subscription_user": False},
        "enterprise",
        unread=FROM_CLOUD,
    )
    assert cells[3] == cells[5] == ""
    assert cells[6] == "Enterprise"


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+49 30 1234",
        "-joe@example.com",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\nplain",
        "  =cmd|' /C calc'!A0",
        "'=1",
        '"=1',
        "\u00a0=1",
        "\ufeff=1",
        "＝1+1",
        ["=1", "b@example.com"],
    ],
)
def test_what_a_spreadsheet_would_run_is_defused(text: str | list[str]) -> None:
    plain = text if isinstance(text, str) else ", ".join(text)
    assert cell(text) == "'" + plain


@pytest.mark.parametrize("text", ["mona", "O'Neil = x", "a-b@example.com", "(=1)", "李=1", ""])
def test_anything_else_is_left_alone(text: str) -> None:
    assert cell(text) == text


@given(st.text())
def test_no_cell_begins_as_a_formula_and_the_original_can_be_had_back(text: str) -> None:
    shown = cell(text)
    assert shown.lstrip(" '\"\u00a0")[:1] not in set("=+-@") or shown.startswith("'")
    assert shown[:1] not in ("=", "+", "-", "@", "\t", "\r", "\n")
    undone = shown[1:] if shown.startswith("'") and cell(shown[1:]) == shown else shown
    assert undone == text


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_a_csv_reader_gets_every_cell_back(texts: list[str]) -> None:
    cells = [cell(text.replace("\0", "")) for text in texts]
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerow(cells)
    buffer.seek(0)
    assert next(csv.reader(buffer)) == cells
