"""``python -m sandbox``: serve a generated world until SIGTERM or Ctrl-C.

Prints one line of JSON with all addresses and tokens when every site listens.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from datetime import UTC, datetime

from sandbox.generate import generate_world
from sandbox.server import GHEC, serve


def _instance(text: str) -> tuple[str, int]:
    host, _, count = text.rpartition("=")
    if not host or not count.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST=COUNT")
    return host, int(count)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cloud", type=int, default=200, help="cloud accounts")
    parser.add_argument(
        "--instance", type=_instance, action="append", metavar="HOST=COUNT", help="may be repeated"
    )
    parser.add_argument(
        "--latency", type=float, default=0.0, help="seconds an answer takes at least"
    )
    parser.add_argument(
        "--port", type=int, default=0, help="GHEC's port; the instances take the ones after it"
    )
    options = parser.parse_args(arguments)
    world = generate_world(
        options.seed,
        cloud=options.cloud,
        instances=dict(options.instance) if options.instance else None,
        as_of=datetime.now(UTC),  # or GitHub's syncs would look long overdue
    )
    ports = {}
    if options.port:
        ports = {site: options.port + n for n, site in enumerate([GHEC, *world.instances])}
    # Blocked before the first thread starts, so that every thread leaves the signal to sigwait.
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with serve(world, latency=options.latency, ports=ports) as fleet:
        print(json.dumps(fleet.addresses()), flush=True)
        signal.sigwait(signals)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
