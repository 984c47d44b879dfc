"""Errors that say that the database is locked or gone: what is in hand is left to whoever comes next.

Django wraps the driver's errors in its own, but not where it closes a cursor of the server's
(``QuerySet.iterator``): there they come as psycopg raises them.
"""

from __future__ import annotations

import psycopg
from django.db import InterfaceError, OperationalError

DATABASE_AWAY = (
    OperationalError,
    InterfaceError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)
