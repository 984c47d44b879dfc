"""GraphQL over the HTTP client: one query, one connection page by page, errors as Faults."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from enterprise.faults import Fault
from enterprise.outbound_faults import wait_asked
from enterprise.sources.http import Answer, Client, page_sizes
from enterprise.sources.troubles import denied, scopes_of
from enterprise.sources.values import text_of

Node = Mapping[str, Any]

SCOPE = "read:enterprise"
_KIND = re.compile(r"[A-Za-z_]{1,60}")
_RATE_LIMITS = ("RATE_LIMITED", "RATE_LIMIT", "graphql_rate_limit")  # GitHub has used each


def ask(client: Client, query: str, variables: Mapping[str, Any], part: str) -> Node:
    """Run one query once and give its ``data``; any error is raised as the Fault that it means.

    ``part`` names what is asked for, for the sentence to the owner.
    """
    answer = client.post_json_once(
        "/graphql", {"query": query, "variables": dict(variables)}, needs=SCOPE
    )
    body = answer.data if isinstance(answer.data, dict) else {}
    data, errors = body.get("data"), body.get("errors")
    if isinstance(errors, list) and errors:
        raise _fault_of(errors, answer, part)
    if not isinstance(data, dict):
        raise Fault("unexpected_answer", key="data")
    return data


class Place(NamedTuple):
    """Where a walk stands: after GitHub's cursor, with ``done`` of the stated ``total`` read."""

    after: str | None = None
    total: int | None = None
    done: int = 0


def connection(
    client: Client, query: str, variables: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[Node]:
    """Yield the nodes of the connection at ``path``; see ``pages``."""
    for nodes, _place in pages(client, query, variables, path):
        yield from nodes


def pages(
    client: Client,
    query: str,
    variables: Mapping[str, Any],
    path: tuple[str, ...],
    *,
    whole: bool = False,
    start: Place = Place(),  # noqa: B008 - immutable
) -> Iterator[tuple[list[Node], Place]]:
    """Yield the connection at ``path`` page by page; none where it is null.

    With each page comes the place after it, from where a later walk can ``start``. The query takes
    ``$first`` and ``$after``. ``whole`` checks the nodes against ``totalCount``, which the query
    must then ask for. Raises Fault ``inconsistent_walk`` where the pages turn in a circle or the
    count does not fit, ``owner_info_missing`` where the token may not see it.
    """
    after, total, count = start
    used: set[str] = set()
    while True:
        sizes = page_sizes()
        data = client.patiently(
            lambda sizes=sizes, after=after: ask(  # type: ignore[misc]
                client,
                query,
                {**variables, "first": next(sizes), "after": after},
                path[-1],
            )
        )
        page = _at(data, path)
        if page is None:
            return
        nodes = page.get("nodes") or []
        stated = page.get("totalCount")
        if total is None:
            total = stated
        count += len(nodes)
        info = page.get("pageInfo") or {}
        after = text_of(info.get("endCursor"))
        yield [node for node in nodes if isinstance(node, dict)], Place(after, total, count)
        more = bool(info.get("hasNextPage"))
        if (
            (more and (not after or after in used))
            or (whole and stated != total)
            or (whole and not more and count != total)
        ):
            raise Fault("inconsistent_walk", retry=True)
        if not more:
            return
        used.add(after)


def _at(data: Node, path: tuple[str, ...]) -> Node | None:
    """Follow a path; null on the way is nothing to read, except where it hides a missing right."""
    node = data
    for name in path:
        value = node.get(name)
        if value is None and name == "enterprise":
            raise Fault("not_found")
        if value is None and name == "ownerInfo":
            raise Fault("owner_info_missing")
        if value is None:
            return None
        if not isinstance(value, dict):
            raise Fault("unexpected_answer", key=name)
        node = value
    return node


def _fault_of(errors: list[Any], answer: Answer, part: str) -> Fault:
    first = errors[0] if isinstance(errors[0], dict) else {}
    extensions = first.get("extensions")
    code = extensions.get("code") if isinstance(extensions, dict) else None
    kind = text_of(first.get("type")) or text_of(code)
    after = wait_asked(answer.headers, time.time())
    if kind in _RATE_LIMITS:
        return Fault("rate_limited", retry=True, after=after)
    if not _KIND.fullmatch(kind):
        # GitHub's own trouble ("Something went wrong") has no type.
        return Fault("graphql_failed", retry=True, after=after, part=part, kind="")
    if kind == "NOT_FOUND":
        return Fault("not_found")
    if kind == "INSUFFICIENT_SCOPES":
        has = ", ".join(scopes_of(answer.headers) or ())
        return Fault("missing_scope", needed=SCOPE, has=has)
    if kind == "FORBIDDEN":
        return denied(answer.headers, text_of(first.get("message")))
    return Fault("graphql_failed", part=part, kind=kind)
