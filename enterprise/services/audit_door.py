"""The one way past the triggers that keep the audit log append-only, for what has to: retention, and
signing anew when keys rotate. Whoever opens it records an event that says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from enterprise.models import AuditDoor


@contextmanager
def audit_door(reason: str) -> Iterator[None]:
    """Let audit events go and batches be marked, in this transaction only.

    The row that opens it is never committed, so that no other connection sees the door open.
    """
    with transaction.atomic():
        opened = AuditDoor.objects.create(reason=reason)
        yield
        opened.delete()
