"""The right answer of worlds small enough to see it."""

from __future__ import annotations

from sandbox.world import CloudUser, GhesInstance, GhesUser, Invitation, Subscriber, World

MONA = frozenset({("cloud", "mona"), ("server", "a.example.com:1"), ("server", "b.example.com:9")})


def two_instances() -> tuple[GhesInstance, GhesInstance]:
    return GhesInstance("a.example.com", "id-a"), GhesInstance("b.example.com", "id-b")


def test_accounts_of_a_cloud_user_are_one_person_with_it() -> None:
    a, b = two_instances()
    a.add(GhesUser(1, "mona", "mona@acme.example", person="mona"))
    b.add(GhesUser(9, "mona", "MONA@acme.example", person="mona"))
    world = World(cloud=[CloudUser("mona", verified_emails=("mona@acme.example",))]).add(a, b)
    assert world.expected_persons() == {MONA}


def test_accounts_that_share_an_address_are_one_person_without_a_cloud_account() -> None:
    a, b = two_instances()
    a.add(GhesUser(1, "robot", "ops@acme.example", person="ops"))
    b.add(GhesUser(1, "robot", "ops@acme.example", person="ops"))
    assert World().add(a, b).expected_persons() == {
        frozenset({("server", "a.example.com:1"), ("server", "b.example.com:1")})
    }


def test_an_account_without_a_label_is_a_person_of_its_own() -> None:
    a, b = two_instances()
    a.add(GhesUser(1, "nobody"))
    a.add(GhesUser(2, "nobody-else"))
    assert len(World().add(a, b).expected_persons()) == 2


def test_suspended_accounts_and_the_scim_setup_user_are_nobody() -> None:
    a, _ = two_instances()
    a.add(GhesUser(1, "mona", suspended=True))
    a.add(GhesUser(2, "scim-admin"))
    a.add(GhesUser(3, "SCIM-admin"))
    a.add(GhesUser(4, "sleeper", dormant=True))
    assert World().add(a).expected_persons() == {
        frozenset({("server", "a.example.com:3")}),
        frozenset({("server", "a.example.com:4")}),
    }


def test_never_signed_in_counts_unless_excluded() -> None:
    a, _ = two_instances()
    a.add(GhesUser(1, "newcomer", last_active="", last_logged_ip=""))
    world = World().add(a)
    assert len(world.expected_persons()) == 1
    assert not world.expected_persons(exclude_never_signed_in=True)


def test_only_matched_subscribers_count_and_invitations_do() -> None:
    world = World(
        invitations=[Invitation("invited@acme.example")],
        subscribers=[Subscriber("in@acme.example", "Matched"), Subscriber("out@acme.example")],
    )
    assert world.expected_persons() == {
        frozenset({("invitation", "invited@acme.example")}),
        frozenset({("subscriber", "in@acme.example")}),
    }


def test_identities_may_lead_elsewhere() -> None:
    a, _ = two_instances()
    a.add(GhesUser(1, "mona", "m@acme.example", person="m", person_by_identity="mona"))
    world = World(cloud=[CloudUser("mona")]).add(a)
    assert len(world.expected_persons()) == 2
    assert world.expected_persons(identities=True) == {
        frozenset({("cloud", "mona"), ("server", "a.example.com:1")})
    }


def test_an_instance_that_is_not_read_here_adds_nobody() -> None:
    a, _ = two_instances()
    a.read_here = False
    a.add(GhesUser(1, "mona"), seen=True)
    assert not World().add(a).expected_persons()
