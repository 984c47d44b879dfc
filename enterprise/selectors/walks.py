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
Version = Literal["compared_version", "insights_version"]


class ReplacedError(Exception):
    """A newer count replaced what was walked meanwhile, or took away the mark to go on from."""


def is_replaced(enterprise: Enterprise, version: Version) -> bool:
    """Whether it was found anew, after another count than ``enterprise`` was read with."""
    was = {version: getattr(enterprise, version)}
    return not Enterprise.objects.filter(pk=enterprise.pk, **was).exists()


def walk(page: Page[Line]) -> Iterator[Line]:
    """Every line of every page."""
    after: int | None = 0
    while after is not None:
        lines, after = page(after=after)
        yield from lines


def walk_of_one_count(
    enterprise: Enterprise,
    version: Version,
    page: Page[Line],
) -> Iterator[Line]:
    """Every line of what is found anew after each count, as ``version`` numbers it.

    Raises ReplacedError at its end, unless all are of the count ``enterprise`` was read with.
    """
    yield from walk(page)
    if is_replaced(enterprise, version):
        raise ReplacedError
