"""The sources against the stand-in GitHub, over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from enterprise.faults import Fault
from enterprise.records import ExternalIdentity, InstanceFacts, VerifiedDomain
from enterprise.sources import ghec_graphql, ghec_rest, ghes_facts, ghes_report
from enterprise.sources.ghec_walk import Page
from enterprise.sources.http import Client
from sandbox.generate import generate_world
from sandbox.server import Fleet, serve
from sandbox.site import Access, Site

Caught = Callable[[Callable[[], object]], Fault]
HOST = "ghes1.example.com"
LICENSES = "/enterprises/acme/consumed-licenses"


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with serve(generate_world(3, cloud=420)) as fleet:
        yield fleet


def client_of(site: Site, **options: Any) -> Client:
    defaults: dict[str, Any] = {
        "token": site.token,
        "username": "licsync",
        "allow_loopback": True,
        "retry_base": 0,
        "timeout": 5,
    }
    return Client(site.url, **(defaults | options))


def walk(fleet: Fleet, **options: Any) -> list[Page]:
    return list(ghec_rest.read_consumed_licenses(client_of(fleet.ghec), slug="acme", **options))


def requests(fleet: Fleet) -> list[str]:
    return [asked.query for asked in fleet.ghec.requests if asked.path == LICENSES]


# --- The instance -----------------------------------------------------------------------------


def test_the_report_gives_every_account_of_the_instance(fleet: Fleet) -> None:
    site = fleet.instances[HOST]
    site.preparing = 2
    accounts = list(ghes_report.read_report(client_of(site), keep_logins=True))
    users = site.instance.users
    assert {account.user_id for account in accounts} == set(users)
    for account in accounts:
        user = users[account.user_id]
        assert account.email == user.email.strip()
        assert account.suspended == user.suspended
        assert account.dormant == user.dormant
        assert account.never_signed_in == user.never_signed_in
        assert (account.login, account.last_active) == (user.login, user.last_active)


def test_the_facts_of_an_instance_are_read(fleet: Fleet) -> None:
    site = fleet.instances[HOST]
    instance = site.instance
    facts, failed = ghes_facts.read_facts(client_of(site))
    assert failed == []
    assert facts == InstanceFacts(
        version=instance.version,
        seats=instance.seats if isinstance(instance.seats, int) else None,
        seats_unlimited=instance.seats == "unlimited",
        seats_used=instance.seats_used,
        license_kind=instance.license_kind,
        expires_in_days=instance.days_until_expiration,
        total_users=len(instance.users),
        suspended_users=sum(user.suspended for user in instance.users.values()),
    )


def test_unlimited_seats_are_no_number(fleet: Fleet) -> None:
    site = fleet.instances[HOST]
    site.instance.seats = "unlimited"
    facts, _ = ghes_facts.read_facts(client_of(site))
    assert (facts.seats, facts.seats_unlimited) == (None, True)


def test_a_part_of_the_facts_that_fails_stays_blank_and_is_told(fleet: Fleet) -> None:
    site = fleet.instances[HOST]
    site.faults.add("status", path="*/settings/license", status=404)
    site.faults.add("html", path="*/stats/users")
    facts, failed = ghes_facts.read_facts(client_of(site))
    assert facts.version
    assert (facts.seats, facts.total_users) == (None, None)
    assert [(part, fault.code) for part, fault in failed] == [
        ("license", "not_found"),
        ("user_stats", "sign_in_page"),
    ]


def test_the_connection_test_tells_version_and_scopes(fleet: Fleet) -> None:
    site = fleet.instances[HOST]
    site.preparing = 1
    access = ghes_facts.check_access(client_of(site))
    assert access == (site.instance.version, ("admin:enterprise", "site_admin"), False)


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (401, "bad_credentials"),
        (403, "report_refused"),
        (404, "report_refused"),
        ("html", "sign_in_page"),
        ("redirect", "sign_in_page"),
    ],
)
def test_a_weak_token_is_told_however_the_instance_says_it(
    fleet: Fleet, caught: Caught, refusal: int | str, code: str
) -> None:
    site = fleet.instances[HOST]
    site.access.scopes = frozenset({"repo"})
    site.refusal = refusal
    assert caught(lambda: ghes_facts.check_access(client_of(site))).code == code


@pytest.mark.parametrize(
    ("kind", "options", "code", "retry"),
    [
        ("refused", {}, "connection_failed", True),
        ("reset", {}, "connection_failed", True),
        ("hang_header", {}, "timed_out", True),
        ("hang_body", {}, "timed_out", True),
        ("cut_body", {}, "cut_short", True),
        ("cut_body", {"length": "wrong"}, "cut_short", True),
        ("gzip_bomb", {"megabytes": 20}, "line_too_long", False),
        ("long_line", {"megabytes": 3}, "line_too_long", False),
        ("endless_body", {}, "duplicate_user", False),
        ("html", {}, "sign_in_page", False),
        ("charset", {}, "not_utf8", False),
        ("status", {"status": 503}, "server_error", True),
        ("rate_limited", {"seconds": 600, "retry_after": "date"}, "rate_limited", True),
        ("redirect_loop", {}, "redirected", False),
        ("redirect", {}, "redirected", False),
        ("sign_in", {}, "sign_in_page", False),
        ("not_ready", {}, "report_not_ready", True),
        ("duplicate_ids", {}, "duplicate_user", False),
        ("negative_ids", {}, "invalid_user_id", False),
        ("huge_ids", {}, "invalid_user_id", False),
    ],
)
def test_every_fault_of_a_report_ends_as_itself(
    fleet: Fleet,
    caught: Caught,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    options: dict[str, Any],
    code: str,
    retry: bool,
) -> None:
    monkeypatch.setattr(ghes_report, "MAX_POLLS", 3)
    monkeypatch.setattr(ghes_report, "MAX_BYTES", 10_000_000)
    site = fleet.instances[HOST]
    site.faults.add(kind, **options)
    client = client_of(site, timeout=0.5)
    fault = caught(lambda: list(ghes_report.read_report(client, keep_logins=False)))
    assert (fault.code, fault.retry) == (code, retry)


def test_a_byte_order_mark_before_the_report_does_not_matter(fleet: Fleet) -> None:
    site = fleet.instances[HOST]
    site.faults.add("bom")
    accounts = list(ghes_report.read_report(client_of(site), keep_logins=False))
    assert len(accounts) == len(site.instance.users)


# --- Consumed licenses --------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_walk_gives_every_row_once_and_in_order(fleet: Fleet, concurrency: int) -> None:
    pages = walk(fleet, concurrency=concurrency)
    assert [page.number for page in pages] == list(range(1, len(pages) + 1))
    assert {page.last_page for page in pages} == {len(pages)}
    rows = [row for page in pages for row in page.rows]
    assert [row.login for row in rows if row.cloud_user] == [u.login for u in fleet.world.cloud]
    assert pages[0].totals == (len(rows), fleet.world.purchased)
    assert len(requests(fleet)) == len(pages)


def test_odd_answers_become_regular_rows(fleet: Fleet) -> None:
    rows = {row.login: row for page in walk(fleet) for row in page.rows if row.login}
    for user in fleet.world.cloud:
        row = rows[user.login]
        assert row.counts
        assert row.verified_emails == tuple(email.strip() for email in user.verified_emails)
        assert row.saml_name_id == user.saml_name_id
        assert row.two_factor is user.two_factor
        assert row.license_type in ("enterprise", "visual studio subscription")
    extra = dict(rows[fleet.world.cloud[0].login].extra)
    assert extra["ghe_license_active"] == "true"
    assert "an_attribute_of_tomorrow" not in extra


def test_a_walk_goes_on_after_a_cursor(fleet: Fleet) -> None:
    pages = walk(fleet)
    fleet.ghec.requests.clear()
    rest = walk(fleet, start=pages[1].cursor)
    assert rest == pages[2:]
    assert len(requests(fleet)) == len(pages) - 2


def test_a_walk_after_the_last_page_is_empty(fleet: Fleet) -> None:
    assert walk(fleet, start=walk(fleet)[-1].cursor) == []


def test_a_resumed_walk_over_a_changed_list_begins_anew(fleet: Fleet) -> None:
    cursor = walk(fleet)[1].cursor
    fleet.world.cloud.pop()
    fleet.ghec._rows = None  # the list as it is now, also for a page that is not the first
    numbers = [page.number for page in walk(fleet, start=cursor)]
    assert numbers[0] == 1
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_list_that_changes_once_is_walked_once_more(fleet: Fleet) -> None:
    fleet.ghec.faults.add("repeat_page", query={"page": "3"}, times=1)
    numbers = [page.number for page in walk(fleet)]
    last = numbers[-1]
    assert numbers == [1, 2, *range(1, last + 1)]


@pytest.mark.parametrize("kind", ["repeat_page", "shrinking_total", "short_page", "endless_pages"])
@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_list_that_never_holds_still_fails(
    fleet: Fleet, caught: Caught, kind: str, concurrency: int
) -> None:
    fleet.ghec.faults.add(kind)
    fault = caught(lambda: walk(fleet, concurrency=concurrency))
    assert (fault.code, fault.retry) == ("inconsistent_walk", False)


def test_an_endless_list_without_a_last_page_is_noticed(caught: Caught) -> None:
    with serve(generate_world(3, cloud=20, instances={})) as fleet:
        fleet.ghec.faults.add("endless_pages")
        assert caught(lambda: walk(fleet)).code == "inconsistent_walk"


def test_a_page_that_fails_now_and_then_is_asked_for_again(fleet: Fleet) -> None:
    expected = walk(fleet)
    fleet.ghec.faults.add("status", status=502, query={"page": "2"}, times=2)
    fleet.ghec.faults.add("reset", query={"page": "3"}, times=1)
    assert walk(fleet) == expected


def test_once_the_server_objects_pages_come_one_after_another(fleet: Fleet) -> None:
    expected = walk(fleet)
    fleet.ghec.faults.add(
        "rate_limited", query={"page": "2"}, times=1, seconds=0, retry_after="seconds"
    )
    assert walk(fleet) == expected


def test_only_the_thread_of_the_run_is_asked_whether_it_is_cancelled(fleet: Fleet) -> None:
    """A heartbeat may touch the database, whose connections belong to a thread."""
    threads: set[int] = set()
    client = client_of(fleet.ghec, cancelled=lambda: threads.add(threading.get_ident()))
    fleet.ghec.latency = 0.01
    list(ghec_rest.read_consumed_licenses(client, slug="acme"))
    assert threads == {threading.get_ident()}


def test_a_cancelled_walk_asks_for_no_further_page(fleet: Fleet) -> None:
    class CancelledError(Exception):
        pass

    stop = threading.Event()

    def cancelled() -> None:
        if stop.is_set():
            raise CancelledError

    client = client_of(fleet.ghec, cancelled=cancelled)
    pages = ghec_rest.read_consumed_licenses(client, slug="acme", concurrency=1)
    next(pages)
    stop.set()
    with pytest.raises(CancelledError):
        list(pages)
    assert len(requests(fleet)) <= 2


def test_a_long_rate_limit_is_told_with_its_end(fleet: Fleet, caught: Caught) -> None:
    fleet.ghec.faults.add("rate_limited", query={"page": "2"}, seconds=1800)
    fault = caught(lambda: walk(fleet))
    assert (fault.code, fault.retry) == ("rate_limited", True)
    assert fault.after is not None
    assert 1700 < fault.after <= 1801


def test_where_large_pages_fail_smaller_ones_are_read(fleet: Fleet) -> None:
    expected = [row for page in walk(fleet) for row in page.rows]
    fleet.ghec.faults.add("large_pages", path=LICENSES, limit=50)
    pages = walk(fleet)
    assert {len(page.rows) for page in pages[:-1]} == {50}
    assert [row for page in pages for row in page.rows] == expected


def test_a_purchase_that_is_no_number_is_unknown(fleet: Fleet) -> None:
    fleet.world.purchased = None
    assert walk(fleet)[0].totals.purchased is None


def test_no_rows_are_one_empty_page(fleet: Fleet) -> None:
    fleet.ghec.faults.add("empty")
    pages = walk(fleet)
    assert [(page.number, page.rows, page.last_page) for page in pages] == [(1, [], None)]


@pytest.mark.parametrize(
    ("access", "code", "params"),
    [
        (
            Access(frozenset({"repo"})),
            "missing_scope",
            {
                "needed": "admin:enterprise, manage_billing:enterprise, read:enterprise",
                "has": "repo",
            },
        ),
        (Access(frozenset({"read:enterprise"}), owner=False), "not_found", {}),
        (
            Access(frozenset({"read:enterprise"}), sso_required=True),
            "sso_required",
            {"host": "github.com"},
        ),
        (Access(frozenset({"read:enterprise"}), ip_blocked=True), "ip_allow_list", {}),
    ],
)
def test_what_the_cloud_token_lacks_is_named(
    fleet: Fleet, caught: Caught, access: Access, code: str, params: dict[str, str]
) -> None:
    fleet.ghec.tokens[fleet.ghec.token] = access
    for action in (
        lambda: ghec_rest.check_access(client_of(fleet.ghec), "acme"),
        lambda: ghec_rest.read_sync_status(client_of(fleet.ghec), "acme"),
    ):
        fault = caught(action)
        assert (fault.code, fault.params, fault.retry) == (code, params, False)


def test_a_wrong_token_or_slug_is_told(fleet: Fleet, caught: Caught) -> None:
    wrong = client_of(fleet.ghec, token="ghp_wrong")
    assert caught(lambda: ghec_rest.check_access(wrong, "acme")).code == "bad_credentials"
    assert caught(lambda: ghec_rest.check_access(client_of(fleet.ghec), "a/b?")).code == "not_found"


def test_the_connection_test_tells_what_the_token_may_do(fleet: Fleet) -> None:
    access = ghec_rest.check_access(client_of(fleet.ghec), "acme")
    assert access.scopes == ("read:enterprise",)
    assert access.totals.purchased == fleet.world.purchased


def test_githubs_own_sync_status_is_read(fleet: Fleet) -> None:
    statuses = ghec_rest.read_sync_status(client_of(fleet.ghec), "acme")
    assert [(s.server_id, s.host_name, s.date, s.status, s.error) for s in statuses] == [
        (i.server_id, i.host_name, i.last_sync_date, i.last_sync_status, i.last_sync_error)
        for i in fleet.world.instances.values()
        if i.connected
    ]


# --- GraphQL ------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", ["saml", "oidc", "organizations"])
def test_every_linked_value_is_read_once_with_its_attribute(fleet: Fleet, provider: str) -> None:
    fleet.world.identity_provider = provider
    found = list(ghec_graphql.read_identities(client_of(fleet.ghec), slug="acme"))
    expected = set()
    for user in fleet.world.cloud:
        if (identity := user.identity) is None:
            continue
        values = [(2, identity.username), (2, identity.scim_username), (3, identity.name_id)]
        values += [(4, email) for email in (*identity.emails, *identity.scim_emails)]
        for name, value in identity.attributes:
            if name.endswith("/claims/name"):
                values.append((0, value))
            elif name.endswith("/claims/emailaddress"):
                values.append((1, value))
        expected |= {ExternalIdentity(user.login, a, v.strip()) for a, v in values if v.strip()}
    assert expected
    assert set(found) == expected
    if provider != "organizations":
        assert len(found) == len(expected)


def test_an_organization_that_cannot_be_read_is_told_and_skipped(fleet: Fleet) -> None:
    fleet.world.organizations = ("acme-apps", "acme-ops")
    fleet.ghec.faults.add("status", status=403, path="/graphql", contains='"login":"acme-ops"')
    told: list[str] = []
    list(
        ghec_graphql.read_identities(client_of(fleet.ghec), slug="acme", on_unreadable=told.append)
    )
    assert told == ["acme-ops"]


def test_domains_are_read_in_a_labels(fleet: Fleet) -> None:
    domains = ghec_graphql.read_domains(client_of(fleet.ghec), "acme")
    assert domains == [VerifiedDomain(d.ascii, d.verified, d.approved) for d in fleet.world.domains]


def test_the_clouds_copy_of_an_instance_is_read(fleet: Fleet) -> None:
    client = client_of(fleet.ghec)
    installations = {i.host_name: i for i in ghec_graphql.read_installations(client, "acme")}
    assert set(installations) == set(fleet.world.instances)
    instance = fleet.world.instances[HOST]
    pages = list(ghec_graphql.read_cloud_copy(client, installations[HOST]))
    accounts = [account for page, _place in pages for account in page]
    assert installations[HOST].accounts == len(accounts) == len(instance.seen)
    newest = max(instance.uploads, key=lambda upload: upload.created_at)
    assert installations[HOST].upload_state == newest.sync_state
    assert installations[HOST].uploaded_at == newest.created_at
    assert installations[HOST].taken_in_at == newest.created_at
    for account in accounts:
        seen = instance.seen[account.user_id]
        assert (account.email, *account.other_emails) == tuple(
            email.strip() for email in seen.emails or ("",)
        )
        assert not account.suspended


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("repeat_page", "inconsistent_walk"),
        ("endless_pages", "inconsistent_walk"),
        ("short_page", "inconsistent_walk"),
        ("shrinking_total", "inconsistent_walk"),
        ("duplicate_ids", "duplicate_user"),
        ("negative_ids", "invalid_user_id"),
        ("html", "sign_in_page"),
        ("cut_body", "cut_short"),
        ("hang_body", "timed_out"),
    ],
)
def test_a_fault_of_the_clouds_copy_ends_as_itself(
    fleet: Fleet, caught: Caught, kind: str, code: str
) -> None:
    client = client_of(fleet.ghec, timeout=0.5)
    installation = ghec_graphql.read_installations(client, "acme")[0]
    fleet.ghec.faults.add(kind, path="/graphql")
    fault = caught(lambda: list(ghec_graphql.read_cloud_copy(client, installation)))
    # A page that comes again may show in its users first.
    assert (
        fault.code in {code, "duplicate_user"}
        if code == "inconsistent_walk"
        else fault.code == code
    )


def test_a_connection_that_is_too_large_is_read_in_smaller_pages(fleet: Fleet) -> None:
    client = client_of(fleet.ghec)
    expected = list(ghec_graphql.read_identities(client, slug="acme"))
    asked = len(fleet.ghec.requests)
    fleet.ghec.faults.add("large_pages", path="/graphql", limit=30)
    assert list(ghec_graphql.read_identities(client, slug="acme")) == expected
    assert len(fleet.ghec.requests) > 2 * asked


@pytest.mark.parametrize(
    ("access", "code"),
    [
        (Access(frozenset({"repo"})), "missing_scope"),
        (Access(frozenset({"read:enterprise"}), owner=False), "owner_info_missing"),
        (Access(frozenset({"read:enterprise"}), sso_required=True), "sso_required"),
        (Access(frozenset({"read:enterprise"}), ip_blocked=True), "ip_allow_list"),
    ],
)
def test_what_keeps_a_token_from_graphql_is_named(
    fleet: Fleet, caught: Caught, access: Access, code: str
) -> None:
    fleet.ghec.tokens[fleet.ghec.token] = access
    assert caught(lambda: ghec_graphql.read_domains(client_of(fleet.ghec), "acme")).code == code


def test_an_unknown_enterprise_is_not_found(fleet: Fleet, caught: Caught) -> None:
    client = client_of(fleet.ghec)
    assert caught(lambda: ghec_graphql.read_domains(client, "elsewhere")).code == "not_found"
