"""The same work in several threads at the same moment, as in several processes of the console."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.db import connection


def together(work: Callable[[], object], count: int = 6) -> list[object]:
    """What each of ``count`` threads returned or raised; they start as one."""
    barrier = threading.Barrier(count)
    results: list[object] = []

    def start() -> None:
        barrier.wait()
        try:
            results.append(work())
        except Exception as error:  # shown by the assertion that follows
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=start) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
