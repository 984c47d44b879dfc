"""The rate limit: far above what a walk over a million persons needs, yet an end for a loop run wild.

Counted in the memory of each web process: a reader must not wait for a writer of the database, and
a limit this wide need not be exact.
"""

from __future__ import annotations

import threading
import time
from typing import NamedTuple

LIMIT = 360_000  # requests an hour, 100 a second
HOUR = 3600


class Rate(NamedTuple):
    """What a token has used of this hour; ``reset`` is its end, in seconds since 1970."""

    limit: int
    used: int
    reset: int

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)


class Counter:
    """Requests by token in the current hour; the counts of an hour gone by are dropped."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._hour = 0
        self._used: dict[int, int] = {}

    def rate(self, token_id: int, *, spend: int = 0) -> Rate:
        """Where the token stands after ``spend`` more requests."""
        hour = int(time.time()) // HOUR
        with self._lock:
            if hour != self._hour:
                self._hour = hour
                self._used.clear()
            used = self._used.get(token_id, 0) + spend
            self._used[token_id] = used
        return Rate(self.limit, used, (hour + 1) * HOUR)


counter = Counter()
