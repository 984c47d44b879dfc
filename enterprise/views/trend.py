"""The count over time as the lines of a picture; the figures are in the table below it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from itertools import count
from typing import NamedTuple

from enterprise.models import Snapshot

WIDTH, HEIGHT = 1000, 200  # of the picture, in its own units; it stretches to any size
STEPS = 4  # at most so many between the lines of the scale


class Trend(NamedTuple):
    """``ours`` and ``github`` are SVG paths in which a count holds until the next one.

    ``github`` has a gap where GitHub's total was not read, and is ``""`` if it never was. ``scale``
    are the numbers at the side from the top down, at equal distances; ``grid`` their heights.
    """

    ours: str
    github: str
    scale: list[int]
    grid: list[float]
    start: dt.datetime
    end: dt.datetime


def trend_of(snapshots: Sequence[Snapshot]) -> Trend | None:
    """Of snapshots in the order of time; None if there are less than two, or no time between."""
    if len(snapshots) < 2:
        return None
    start, end = snapshots[0].taken_at, snapshots[-1].taken_at
    seconds = (end - start).total_seconds()
    if seconds <= 0:
        return None
    ours = [s.persons for s in snapshots]
    github = [s.github_total for s in snapshots]
    scale = scale_of([*ours, *(total for total in github if total is not None)])
    top, bottom = scale[0], scale[-1]
    across = [(s.taken_at - start).total_seconds() / seconds * WIDTH for s in snapshots]

    def path(counts: Iterable[int | None]) -> str:
        places = [
            (x, None if persons is None else (top - persons) / (top - bottom) * HEIGHT)
            for x, persons in zip(across, counts, strict=True)
        ]
        return steps_of(places)

    grid = [place / (len(scale) - 1) * HEIGHT for place in range(len(scale))]
    return Trend(path(ours), path(github), scale, grid, start, end)


def scale_of(counts: Sequence[int]) -> list[int]:
    """Round numbers that enclose all counts, from the top down, and at least two."""
    low, high = min(counts), max(counts)
    steps = (digit * 10**power for power in count() for digit in (1, 2, 5))
    step = next(step for step in steps if high - low <= STEPS * step)
    bottom = low // step * step
    top = max(-(-high // step) * step, bottom + step)
    return list(range(top, bottom - 1, -step))


def steps_of(places: Sequence[tuple[float, float | None]]) -> str:
    """A path that stays level until the next place and jumps there; nothing where there is no height."""
    parts: list[str] = []
    before: float | None = None
    for x, y in places:
        if before is not None:
            parts.append(f"H{x:.1f}")
        if y is not None:
            parts.append(f"M{x:.1f} {y:.1f}" if before is None else f"V{y:.1f}")
        before = y
    return "".join(parts)
