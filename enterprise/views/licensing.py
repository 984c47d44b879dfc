"""Who consumes a license: the two totals, the instances, the table of persons, now or as of then."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from enterprise.access import Access, Permission, enterprise_view
from enterprise.models import Snapshot
from enterprise.selectors.connect import instance_lines
from enterprise.selectors.licenses import (
    persons_page,
    recount_is_pending,
    snapshot_get,
    snapshot_latest,
    totals_of,
)
from enterprise.selectors.search import MOST, SORTS, Found, persons_search
from enterprise.selectors.walks import ReplacedError
from enterprise.templatetags.words import (
    LICENSE_TYPES,
    PERSON_KINDS,
)
from enterprise.views import shell

PER_PAGE = 50
LONGEST = 200  # characters of a search


class Query(NamedTuple):
    """What of the persons is asked for; all of it lives in the URL."""

    text: str = ""
    license_type: str = ""
    kind: str = ""
    host_name: str = ""
    ambiguous: bool = False
    sort: str = "key"

    @property
    def is_plain(self) -> bool:
        """Everybody in key order: pages have numbers, and a deep one costs what the first does."""
        return self == Query()

    @property
    def is_filtered(self) -> bool:
        return self._replace(sort="key") != Query()

    def url(self, **more: Any) -> str:
        """``?…`` with only what differs from the plain list."""
        values = {
            "q": self.text,
            "type": self.license_type,
            "kind": self.kind,
            "instance": self.host_name,
            "ambiguous": "1" if self.ambiguous else "",
            "sort": "" if self.sort == "key" else self.sort,
            **more,
        }
        query = QueryDict(mutable=True)
        query.update({name: str(value) for name, value in values.items() if value})
        return f"?{query.urlencode()}"


def _query(request: HttpRequest, access: Access) -> Query:
    def text(name: str) -> str:
        return request.GET.get(name, "").replace("\0", "").strip()[:LONGEST]

    sort = text("sort")
    if sort not in SORTS or (access.masked and sort == "-key"):
        sort = "key"
    license_type, kind = text("type"), text("kind")
    return Query(
        text=text("q"),
        license_type=license_type if license_type in LICENSE_TYPES else "",
        kind=kind if kind in PERSON_KINDS else "",
        host_name=text("instance"),
        ambiguous=text("ambiguous") == "1",
        sort=sort,
    )


@enterprise_view(Permission.SEE_REPORTS)
def licensing(request: HttpRequest, access: Access) -> HttpResponse:
    """The report; by htmx the table of persons alone, its address kept in the browser's.

    With ``?as_of=ID`` the report of an earlier snapshot: everybody, without search or filters.
    """
    if "as_of" in request.GET:
        return _as_of(request, access)
    snapshot = snapshot_latest(access.enterprise)
    query = _query(request, access)
    persons = _persons(request, access, snapshot, query) if snapshot is not None else {}
    if shell.by_htmx(request):
        response = shell.partial(request, access, "enterprise/licensing/_persons.html", persons)
        page = reverse("licensing", args=[access.enterprise.slug])
        response["HX-Push-Url"] = page + query.url().removesuffix("?")
        return response
    lines = instance_lines(access.enterprise)
    hosts = [line.instance.host_name for line in lines]
    context = {
        **persons,
        "snapshot": snapshot,
        "totals": totals_of(snapshot) if snapshot is not None else None,
        "lines": lines,
        "query": query,
        "hosts": [(host, host) for host in hosts],
        "license_types": LICENSE_TYPES.items(),
        "kinds": PERSON_KINDS.items(),
        "ambiguities": [("1", _("Ambiguous only"))],
        "recount_pending": recount_is_pending(access.enterprise),
    }
    return shell.page(
        request, access, "enterprise/licensing/licensing.html", context, tab="licensing"
    )


def _as_of(request: HttpRequest, access: Access) -> HttpResponse:
    number = shell.whole_number(request.GET["as_of"]) or 0
    snapshot = shell.found_or_404(snapshot_get(access.enterprise, number))
    context = {
        "snapshot": snapshot,
        "as_of": snapshot.pk,
        "totals": totals_of(snapshot),
        "query": Query(),
        **_numbered(request, access, snapshot, partial(Query().url, as_of=snapshot.pk)),
    }
    return shell.page(request, access, "enterprise/licensing/as_of.html", context, tab="licensing")


def _persons(
    request: HttpRequest, access: Access, snapshot: Snapshot, query: Query
) -> dict[str, Any]:
    """The lines of one page, and where the others are."""
    context: dict[str, Any] = {"query": query, "snapshot": snapshot, **_sorting(query, access)}
    if query.is_plain:
        return context | _numbered(request, access, snapshot, query.url)
    found = _search(request, access, query)
    return context | {
        "lines_of_persons": found.lines,
        "found": found.total,
        "most": MOST,
        "first_url": query.url() if found.previous is not None else None,
        "previous_url": query.url(before=found.previous) if found.previous is not None else None,
        "next_url": query.url(after=found.next) if found.next is not None else None,
    }


def _numbered(
    request: HttpRequest, access: Access, snapshot: Snapshot, url: Callable[..., str]
) -> dict[str, Any]:
    """Page ``?page=`` of everybody as of a snapshot."""
    pages = max(1, -(-snapshot.persons // PER_PAGE))
    page = min(max(1, shell.whole_number(request.GET.get("page")) or 1), pages)
    return {
        "lines_of_persons": persons_page(
            snapshot, page=page, per_page=PER_PAGE, masked=access.masked
        ),
        "found": snapshot.persons,
        "page": page,
        "pages": pages,
        "first_url": url(page=1) if page > 1 else None,
        "previous_url": url(page=page - 1) if page > 1 else None,
        "next_url": url(page=page + 1) if page < pages else None,
        "last_url": url(page=pages) if page < pages else None,
    }


def _search(request: HttpRequest, access: Access, query: Query) -> Found:
    """Goes on from a person, or begins where that one counts no more."""
    search = partial(
        persons_search,
        access.enterprise,
        masked=access.masked,
        text=query.text,
        license_type=query.license_type,
        kind=query.kind,
        host_name=query.host_name,
        ambiguous=query.ambiguous,
        sort=query.sort,
        per_page=PER_PAGE,
    )
    after, before = (shell.whole_number(request.GET.get(name)) for name in ("after", "before"))
    try:
        return search(after=after, before=before)
    except ReplacedError:
        return search()


def _sorting(query: Query, access: Access) -> dict[str, Any]:
    """For each header its direction now, and the address that sorts by it or turns it around."""
    directions = {"": "ascending", "-": "descending"}
    context: dict[str, Any] = {"may_sort_by_person": not access.masked}
    for column in ("key", "accounts"):
        sign = query.sort.removesuffix(column) if query.sort.endswith(column) else None
        context[f"{column}_direction"] = directions[sign] if sign is not None else ""
        turned = f"-{column}" if sign == "" else column
        context[f"{column}_url"] = query._replace(sort=turned).url()
    return context
