"""Columns that behave alike on SQLite and PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    _TextField = models.TextField[str, str]
else:
    _TextField = models.TextField


class ByteOrderedTextField(_TextField):
    """Text that compares by its UTF-8 bytes everywhere.

    SQLite's default collation already does; PostgreSQL needs collation "C". Reports are ordered by
    key in byte order (domain.md section 3, rule 6), so the order may not depend on the locale.
    """

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        parameters = super().db_parameters(connection)
        if connection.vendor == "postgresql":
            parameters["collation"] = "C"
        return dict(parameters)
