"""Finding persons by words, filters and sort, in the narrow table of current persons.

A word may stand anywhere in a login, a name or an e-mail address. An index of trigrams (migration
0003) tells in which rows its triples of characters occur. Up to MOST rows are all fetched and sorted
here; of more, the table is walked in the order wanted, where matches are then close together.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Q, QuerySet

from enterprise.models import CurrentPerson, Enterprise, PersonVersion
from enterprise.selectors.persons import PersonLine, person_line
from enterprise.selectors.walks import ReplacedError
from enterprise.services.search_index import TABLE, has_words_index

MOST = 5_000  # persons that a search counts
COLUMNS = {"key": ("key",), "accounts": ("accounts", "key")}
SORTS = [*COLUMNS, *(f"-{name}" for name in COLUMNS)]


class Found(NamedTuple):
    """One page of a search. ``previous`` and ``next`` are person numbers to go on from, or None.

    ``total`` is how many persons match; None says more than MOST.
    """

    lines: list[PersonLine]
    total: int | None
    previous: int | None
    next: int | None


class _Hit(NamedTuple):
    number: int
    key: str
    accounts: int


_Hits = QuerySet[CurrentPerson, tuple[Any, ...]]


def persons_search(
    enterprise: Enterprise,
    *,
    masked: bool,
    text: str = "",
    license_type: str = "",
    kind: str = "",
    host_name: str = "",
    ambiguous: bool = False,
    sort: str = "key",
    after: int | None = None,
    before: int | None = None,
    per_page: int = 50,
) -> Found:
    """Current persons by words, filters and sort, by keyset from the person numbered ``after``.

    ``sort`` is one of SORTS. A masked viewer's words are compared with logins and names only, and
    they may not sort by key, which may be an e-mail. Raises ReplacedError if the person to go on from
    is none of the current ones any more.
    """
    words = text.lower().split()
    column = "public_words" if masked else "words"
    people = CurrentPerson.objects.filter(enterprise=enterprise)
    for word in words:
        people = people.filter(**{f"{column}__contains": word})
    if host_name:
        host = f"{host_name}:"
        # At the beginning of a line: one instance's name may end another's. The last is for the index.
        people = people.filter(
            Q(public_words__startswith=host) | Q(public_words__contains=f"\n{host}"),
            public_words__contains=host,
        )
        words.append(host)
    wanted = {"license_type": license_type, "kind": kind, "ambiguous": ambiguous}
    hits = people.filter(**{name: value for name, value in wanted.items() if value}).values_list(
        *_Hit._fields
    )
    columns = COLUMNS[sort.removeprefix("-")]
    backward = before is not None
    falling = sort.startswith("-") != backward
    mark = _hit(enterprise, before or after)
    fetched = _fetched(hits, words)
    if len(fetched) > MOST:
        rest = _walked(hits, columns, mark, falling=falling)[: per_page + 1]
        page = [_Hit(*row) for row in rest]
    else:
        page = _sorted(fetched, columns, mark, falling=falling)[: per_page + 1]
    more = len(page) > per_page
    numbers = [hit.number for hit in page[:per_page]]
    if backward:
        numbers.reverse()
    has_previous = more if backward else mark is not None
    has_next = backward or more
    return Found(
        _lines(enterprise, numbers, masked=masked),
        len(fetched) if len(fetched) <= MOST else None,
        numbers[0] if numbers and has_previous else None,
        numbers[-1] if numbers and has_next else None,
    )


def _hit(enterprise: Enterprise, number: int | None) -> _Hit | None:
    if number is None:
        return None
    people = CurrentPerson.objects.filter(enterprise=enterprise, number=number)
    row = people.values_list(*_Hit._fields).first()
    if row is None:
        raise ReplacedError
    return _Hit(*row)


def _fetched(hits: _Hits, words: list[str]) -> list[_Hit]:
    """Up to one more than MOST of them. SQLite is told to begin with its index, PostgreSQL is not."""
    triples = {word[start : start + 3] for word in words for start in range(len(word) - 2)}
    if not (triples and has_words_index()):
        return [_Hit(*row) for row in hits[: MOST + 1]]
    match = " AND ".join('"' + triple.replace('"', '""') + '"' for triple in sorted(triples))
    sql, params = hits.query.sql_with_params()
    # CROSS JOIN keeps the order: row by row from the index, until there are enough. By IN, every match
    # would be gathered before the first is looked at; without CROSS, the index be read for every row.
    person = '"enterprise_currentperson"'
    sql = sql.replace(f"FROM {person}", f"FROM {TABLE} CROSS JOIN {person}", 1)
    sql += f" AND {person}.id = {TABLE}.rowid AND {TABLE} MATCH %s LIMIT %s"
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, match, MOST + 1])
        return [_Hit(*row) for row in cursor.fetchall()]


def _sorted(
    hits: list[_Hit], columns: tuple[str, ...], mark: _Hit | None, *, falling: bool
) -> list[_Hit]:
    """Those beyond ``mark``, in the order of the columns: code points, which is UTF-8's bytes."""
    rank = attrgetter(*columns)
    if mark is not None:
        limit = rank(mark)
        hits = [hit for hit in hits if (rank(hit) < limit if falling else rank(hit) > limit)]
    return sorted(hits, key=rank, reverse=falling)


def _walked(hits: _Hits, columns: tuple[str, ...], mark: _Hit | None, *, falling: bool) -> _Hits:
    """As ``_sorted``, by an index of the database."""
    if mark is not None:
        hits = hits.filter(_beyond(columns, mark, "lt" if falling else "gt"))
    return hits.order_by(*(f"-{column}" if falling else column for column in columns))


def _beyond(columns: tuple[str, ...], mark: _Hit, comparison: str) -> Q:
    """(a, b) > (x, y) as a > x or a = x and b > y."""
    condition = Q()
    for column in reversed(columns):
        value = getattr(mark, column)
        further = Q(**{f"{column}__{comparison}": value})
        condition = further | (Q(**{column: value}) & condition) if condition else further
    return condition


def _lines(enterprise: Enterprise, numbers: list[int], *, masked: bool) -> list[PersonLine]:
    rows = PersonVersion.objects.filter(
        enterprise=enterprise, number__in=numbers, to_snapshot=None
    ).values_list("number", "key", "license_type", "accounts", "report")
    found = {row[0]: person_line(row, masked=masked) for row in rows}
    return [found[number] for number in numbers if number in found]
