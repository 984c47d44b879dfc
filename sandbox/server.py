"""The fleet: every site of a world, started and stopped together."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import TracebackType

from sandbox.ghec import GhecSite
from sandbox.ghes import GhesSite
from sandbox.site import Site
from sandbox.world import World

GHEC = "ghec"


class Fleet:
    """GHEC and the instances of a world on loopback ports; a context manager.

    ``ghec`` and ``instances[HOST]`` have ``url``, ``token``, ``tokens``, ``faults``, ``requests``,
    ``latency``; an instance also ``username``. ``world`` may be changed between requests.
    """

    def __init__(self, world: World, *, latency: float, ports: Mapping[str, int]) -> None:
        self.world = world
        self.ghec = GhecSite(
            world, token=_token(world, GHEC), port=ports.get(GHEC, 0), latency=latency
        )
        self.instances = {
            instance.host_name: GhesSite(
                world,
                instance,
                token=_token(world, instance.host_name),
                port=ports.get(instance.host_name, 0),
                latency=latency,
            )
            for instance in world.read_instances()
        }

    @property
    def sites(self) -> list[Site]:
        return [self.ghec, *self.instances.values()]

    def start(self) -> Fleet:
        """Listen on every port."""
        for site in self.sites:
            site.start()
        return self

    def stop(self) -> None:
        """Stop every site and let go of what hangs."""
        for site in self.sites:
            site.stop()

    def addresses(self) -> dict[str, object]:
        """Where everything is and with which token, ready for JSON."""
        return {
            "enterprise": self.world.slug,
            "ghec": {"url": self.ghec.url, "token": self.ghec.token},
            "instances": {
                host: {"url": site.url, "username": site.username, "token": site.token}
                for host, site in self.instances.items()
            },
        }

    def __enter__(self) -> Fleet:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def serve(world: World, *, latency: float = 0.0, ports: Mapping[str, int] | None = None) -> Fleet:
    """A fleet for the world, not started yet: ``with serve(world) as fleet`` or ``start()``.

    ``latency`` is how many seconds an answer takes at the least; ``ports`` maps ``"ghec"`` or a host
    name to a port, any other site takes a free one.
    """
    return Fleet(world, latency=latency, ports=ports or {})


def _token(world: World, site: str) -> str:
    digest = hashlib.sha256(f"{world.seed} {world.slug} {site}".encode()).hexdigest()
    return f"ghp_{digest[:36]}"
