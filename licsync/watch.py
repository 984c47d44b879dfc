"""A limit to how long the other side of a connection may take."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType


class Watch:
    """Cut a socket after so many seconds, however busily the other side trickles.

    A time-out of a socket begins anew with every byte; this one does not.
    """

    def __init__(self, seconds: float, cut: Callable[[], None]) -> None:
        self.fired = False
        self._cut = cut
        self._timer = threading.Timer(seconds, self._fire)
        self._timer.daemon = True

    def _fire(self) -> None:
        self.fired = True
        try:
            self._cut()
        except (OSError, ValueError):
            return  # closed meanwhile, which is what was wanted

    def __enter__(self) -> Watch:
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()
