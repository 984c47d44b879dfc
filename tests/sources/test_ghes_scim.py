"""What SCIM tells of an instance's users, from answers as GitHub gives them and as it should not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from enterprise.faults import Fault
from enterprise.sources import ghes_scim
from enterprise.sources.ghes_scim import has_scim, read_provisioned
from sandbox.generate import generate_world
from sandbox.server import Fleet, serve
from tests.sources.peer import Naps, Peer, client_of, json_reply, reply
from tests.sources.test_sandbox import client_of as site_client

MakePeer = Callable[..., Peer]
Caught = Callable[[Callable[[], object]], Fault]
HOST = "ghes1.example.com"


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with serve(generate_world(3, cloud=20, instances={HOST: 250})) as fleet:
        yield fleet


def user(number: int, *emails: dict[str, Any], active: object = True) -> dict[str, Any]:
    return {"id": f"scim-{number}", "active": active, "emails": list(emails)}


def page(total: int, *users: dict[str, Any]) -> bytes:
    return json_reply({"totalResults": total, "Resources": list(users)})


def test_every_active_user_is_read_over_several_pages(fleet: Fleet) -> None:
    site = fleet.instances[HOST]
    provisioned = read_provisioned(site_client(site), "acme")
    active = [u for u in site.instance.users.values() if u.provisioned and not u.suspended]
    assert len(active) > ghes_scim.PER_PAGE
    assert provisioned == (len(active), {u.email.strip() for u in active if u.email.strip()})


def test_the_primary_address_counts_or_else_the_only_one(make_peer: MakePeer) -> None:
    first, second = {"value": "a@x.test"}, {"value": "b@x.test", "primary": True}
    peer = make_peer(
        page(4, user(1, first, second), user(2, {"value": " c@x.test "}), user(3), user(4, first))
    )
    assert read_provisioned(client_of(peer), "acme") == (
        4,
        {"a@x.test", "b@x.test", "c@x.test"},
    )


def test_who_is_not_active_is_left_out(make_peer: MakePeer) -> None:
    email = {"value": "a@x.test", "primary": True}
    peer = make_peer(
        page(3, user(1, email, active=False), user(2, email, active=None), user(3, active="true"))
    )
    assert read_provisioned(client_of(peer), "acme") == (1, set())


def test_a_slug_cannot_lead_elsewhere(make_peer: MakePeer) -> None:
    peer = make_peer(page(0))
    read_provisioned(client_of(peer), "a/../b")
    assert peer.requests[0].startswith(
        "GET /api/v3/scim/v2/enterprises/a%2F..%2Fb/Users?startIndex=1&count=100 "
    )


def test_more_users_than_the_limit_end_after_one_page(make_peer: MakePeer, caught: Caught) -> None:
    peer = make_peer(page(20_001, user(1)))
    fault = caught(lambda: read_provisioned(client_of(peer), "acme"))
    assert (fault.code, fault.params) == ("scim_too_many", {"limit": 20_000})
    assert len(peer.requests) == 1


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([page(2, user(1)), page(2)], "unexpected_answer"),  # ends too early
        ([page(2, user(1))], "unexpected_answer"),  # the same page for ever
        ([json_reply({"Resources": []})], "unexpected_answer"),
        ([json_reply([])], "unexpected_answer"),
        ([json_reply({"totalResults": 1, "Resources": ["x"]})], "unexpected_answer"),
        ([reply(404, b"{}")], "not_found"),
        ([reply(403, b"{}")], "forbidden"),
        ([reply(200, b"<html>", kind="text/html")], "sign_in_page"),
    ],
)
def test_an_answer_that_does_not_add_up_is_a_fault(
    make_peer: MakePeer, caught: Caught, answers: list[bytes], code: str
) -> None:
    peer = make_peer(*answers)
    assert caught(lambda: read_provisioned(client_of(peer), "acme")).code == code


def test_a_slow_list_is_given_up(make_peer: MakePeer, caught: Caught) -> None:
    naps = Naps()
    peer = make_peer(*(page(9, user(number)) for number in range(9)))
    client = client_of(peer, naps, clock=lambda: 50.0 * len(peer.requests))
    assert caught(lambda: read_provisioned(client, "acme")).code == "timed_out"
    assert len(peer.requests) == 3


@pytest.mark.parametrize(
    ("version", "has"),
    [
        ("3.14.0", True),
        ("3.19.2", True),
        ("4.0", True),
        ("3.13.9", False),
        ("3.9.1", False),
        ("", False),
        ("3", False),
        ("3.x", False),
    ],
)
def test_scim_is_there_from_3_14_on(version: str, has: bool) -> None:
    assert has_scim(version) is has
