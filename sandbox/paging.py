"""GraphQL connections as GitHub pages them: ``first`` or ``last`` is required, at most 100."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from graphql import GraphQLError, GraphQLResolveInfo

from sandbox.faults import Fault

MOST = 100

Info = GraphQLResolveInfo[Any]
Node = dict[str, Any]
T = TypeVar("T")


def refuse(kind: str, message: str, **extensions: Any) -> GraphQLError:
    """An error of one of GitHub's types, to be raised by a field."""
    return GraphQLError(message, extensions={"type": kind, **extensions})


class Pages:
    """Makes the connections of one query, with the fault that this query meets.

    ``too_large`` tells afterwards that a page was larger than the fault lets through.
    """

    def __init__(self, fault: Fault | None) -> None:
        self.kind = fault.kind if fault else ""
        self.limit = fault.limit if fault else MOST
        self.too_large = False

    def field(
        self, name: str, items: Sequence[T], node_of: Callable[[T], Node]
    ) -> Callable[..., Node]:
        """A field that pages through ``items`` by opaque cursors."""

        def page(
            _info: Info,
            first: int | None = None,
            last: int | None = None,
            after: str | None = None,
            before: str | None = None,
            **arguments: Any,
        ) -> Node:
            size = first if first is not None else last
            if size is None:
                raise refuse(
                    "MISSING_PAGINATION_BOUNDARIES",
                    f"You must provide a `first` or `last` value to properly paginate the `{name}` "
                    "connection.",
                )
            if not 1 <= size <= MOST:
                raise refuse(
                    "EXCESSIVE_PAGINATION",
                    f"Requesting {size} records on the `{name}` connection exceeds the `first` "
                    f"limit of {MOST} records.",
                )
            found = _in_order(items, arguments.get("orderBy"))
            start, end = 0, len(found)
            if after and self.kind != "repeat_page":
                start = _place(after)
            if before:
                end = _place(before) - 1
            if self.kind == "endless_pages" and found:
                start %= len(found)
            if first is not None:
                stop = min(start + first, end)
            else:
                stop, start = end, max(start, end - size)
            nodes = [node_of(item) for item in found[start:stop]]
            if self.kind == "large_pages" and len(nodes) > self.limit:
                self.too_large = True
            if self.kind == "short_page" and stop < len(found):
                nodes.pop()
            more = stop < len(found) or self.kind == "endless_pages"
            return {
                "nodes": nodes,
                "edges": [
                    {"cursor": _cursor(start + number), "node": node}
                    for number, node in enumerate(nodes, 1)
                ],
                "totalCount": len(items) - (start if self.kind == "shrinking_total" else 0),
                "pageInfo": {
                    "hasNextPage": more,
                    "hasPreviousPage": start > 0,
                    "startCursor": _cursor(start + 1) if nodes else None,
                    "endCursor": _cursor(stop) if nodes else None,
                },
            }

        return page


def _cursor(place: int) -> str:
    return base64.b64encode(f"cursor:{place}".encode()).decode()


def _place(cursor: str) -> int:
    try:
        return int(base64.b64decode(cursor).decode().removeprefix("cursor:"))
    except ValueError as problem:
        raise refuse(
            "INVALID_CURSOR_ARGUMENTS", f"`{cursor}` does not appear to be a valid cursor."
        ) from problem


def _in_order(items: Sequence[T], order: dict[str, str] | None) -> list[T]:
    """The items by an ``orderBy`` argument; its field names are those of the dataclasses."""
    if not order:
        return list(items)
    name = order["field"].lower()
    return sorted(
        items, key=lambda item: getattr(item, name, ""), reverse=order["direction"] == "DESC"
    )
