"""Walks over all pages of a list, for what is streamed: page after page, no long transaction.

A page takes ``after``, a mark, and gives the lines after it and the mark to go on from, None at the
end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, TypeVar

from enterprise.models import Enterprise

Line = TypeVar("Line")
Page = Callable[..., tuple[list[Line], int | None]]


class ReplacedError(Exception):
    """A newer count replaced what was walked meanwhile: what was given is of two counts."""


def walk(page: Page[Line]) -> Iterator[Line]:
    """Every line of every page."""
    after: int | None = 0
    while after is not None:
        lines, after = page(after=after)
        yield from lines


def walk_of_one_count(
    enterprise: Enterprise,
    version: Literal["compared_version", "insights_version"],
    page: Page[Line],
) -> Iterator[Line]:
    """Every line of what is found anew after each count, as ``version`` numbers it.

    Raises ReplacedError at its end, unless all are of the count ``enterprise`` was read with.
    """
    yield from walk(page)
    was = {version: getattr(enterprise, version)}
    if not Enterprise.objects.filter(pk=enterprise.pk, **was).exists():
        raise ReplacedError
