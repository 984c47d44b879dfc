"""An enterprise whose sandbox changes between two syncs, so that there is something to explain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from enterprise.models import Enterprise
from sandbox.generate import generate_world
from sandbox.server import serve
from sandbox.world import CloudUser, GhesUser, Subscriber, World
from tests.sync.conftest import register, sync_everything

HOST = "ghes1.example.com"


@contextmanager
def moving_world() -> Iterator[Enterprise]:
    """Synced, changed as ``change`` does, and synced again. One instance is never read here."""
    world = generate_world(
        7,
        cloud=80,
        instances={HOST: 70, "ghes2.example.com": 40},
        unread={"ghes9.example.com": 9},
        stated_total_offset=3,
    )
    world.cloud.append(CloudUser("nothing-known", "Nobody Knows"))
    world.subscribers.append(Subscriber("reader@example.com"))
    with serve(world) as fleet:
        enterprise = register(fleet)
        sync_everything(enterprise)
        change(world)
        sync_everything(enterprise)
        enterprise.refresh_from_db()
        yield enterprise


def change(world: World) -> None:
    """A server-only person leaves, one comes, a lone account joins a cloud account, one comes away."""
    users = world.instances[HOST].users
    logins = {user.login for user in world.cloud}
    consuming = [user for user in users.values() if user.consumes and user.email]
    apart = [user for user in consuming if user.person not in logins]
    joined = [user for user in consuming if user.person in logins]
    apart[0].suspended = True
    visible = next(user for user in world.cloud if user.verified_emails)
    apart[1].email = visible.verified_emails[0]
    joined[0].email = "moved.away@elsewhere.example"
    users[9001] = GhesUser(9001, "newcomer", "newcomer@example.com")
