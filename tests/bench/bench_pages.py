"""Pages under the console's own server, beside a view there that returns a fixed body of their size.

    python -m tests.bench.bench_pages [--database sqlite|postgres] [--persons N] [--requests N]

The view passes the whole middleware and asks for the same sign-in. GitHub Connect has 10 instances;
the ledger is inserted as it would be counted. Requests come one after another over one connection,
page and view in turn; of each the median counts, and of the searches the 95th percentile. A search
is for a part, 3 to 8 characters long, of somebody's login or e-mail address.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import quote

from tests.bench.stage import arguments, console, report, settle, timed

SYLLABLES = re.findall("..[rltns]?", "anberchidoelfaguhalinjokalimonorospequirasantoulviwaxeyuzo")
FIRST, DEEP = 1, 9000
VERSION = "enterprise number key cloud_key license_type accounts digest report from_snapshot"
CURRENT = "enterprise number key kind license_type accounts ambiguous words public_words"


class Persons:
    """People with names such as people have: some common, most rare; always the same ones."""

    def __init__(self, count: int) -> None:
        drawn = random.Random(11)
        names = ["".join(drawn.choices(SYLLABLES, k=drawn.choice((2, 3, 3)))) for _ in range(4000)]
        self.people = sorted(
            (
                f"{first}-{last}{number}",
                f"{first} {last}".title(),
                f"{first}.{last}{number}@dep{number % 20}.example.com",
                number,
            )
            for number in range(1, count + 1)
            for first, last in [(drawn.choice(names[:500]), drawn.choice(names))]
        )

    def versions(self, enterprise: int, snapshot: int) -> Iterator[tuple[Any, ...]]:
        from enterprise.records import CloudRow
        from enterprise.services.cloud_rows import report_of

        for login, name, email, number in self.people:
            row = report_of(
                CloudRow(
                    login=login,
                    name=name,
                    cloud_user=True,
                    profile=f"https://github.com/{login}",
                    member_roles=("octo-org:Member",),
                    verified_emails=(email,),
                    saml_name_id=email,
                    two_factor=True,
                    total_accounts=2,
                )
            )
            row["enterprise_server_user"] = True
            row["enterprise_server_user_ids"] = [f"ghes{number % 10}.example.com:{number}"]
            row["enterprise_server_emails"] = row["enterprise_server_primary_emails"] = [email]
            text = json.dumps(row)
            yield enterprise, number, login, login, "enterprise", 1, number, text, snapshot

    def current(self, enterprise: int) -> Iterator[tuple[Any, ...]]:
        for login, name, email, number in self.people:
            public = f"{login}\n{name.lower()}\nghes{number % 10}.example.com:{number}"
            kind = "cloud_and_server"
            words = f"{public}\n{email}"
            yield enterprise, number, login, kind, "enterprise", 1, False, words, public


def fill(persons: int) -> tuple[Persons, str]:
    """An enterprise with ten instances and a ledger; the people in it, and a session's key."""
    from django.db import transaction
    from django.test import Client

    from enterprise.models import CurrentPerson, Enterprise, PersonVersion
    from enterprise.services.bulk import bulk_insert
    from enterprise.services.ledger import pack_anchors
    from enterprise.services.search_index import words_index_add
    from tests.factories import (
        CloudStateFactory,
        CredentialFactory,
        EnterpriseFactory,
        GitHubSyncStatusFactory,
        MembershipFactory,
        ServerInstanceFactory,
        SnapshotFactory,
        SyncRunFactory,
    )

    enterprise: Enterprise = EnterpriseFactory(slug="bench")
    CloudStateFactory(enterprise=enterprise, read=True)
    CredentialFactory(enterprise=enterprise)
    for number in range(10):
        instance = ServerInstanceFactory(
            enterprise=enterprise,
            host_name=f"ghes{number}.example.com",
            connected=True,
            syncing=True,
            with_token=True,
        )
        GitHubSyncStatusFactory(enterprise=enterprise, host_name=instance.host_name)
        SyncRunFactory(instance=instance, succeeded=True)
    owner = MembershipFactory(enterprise=enterprise).user
    people = Persons(persons)
    snapshot = SnapshotFactory(
        enterprise=enterprise,
        persons=persons,
        anchors=pack_anchors([login for login, _, _, _ in people.people]),
    )
    with transaction.atomic():
        bulk_insert(PersonVersion, VERSION.split(), people.versions(enterprise.pk, snapshot.pk))
    with transaction.atomic():
        plain, _ = timed(
            lambda: bulk_insert(CurrentPerson, CURRENT.split(), people.current(enterprise.pk))
        )
        indexed, _ = timed(lambda: words_index_add(after=0))
    print(f"{persons:,} persons to search: inserted in {plain:.1f} s, indexed in {indexed:.1f} s")
    settle()
    client = Client()
    client.force_login(owner)
    return people, client.cookies["licsync_session"].value


class Server:
    """The console's own server on a free port, as ``manage.py up`` runs it, and one connection.

    ``headers`` say who asks.
    """

    def __init__(self, headers: dict[str, str]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        bind = f"127.0.0.1:{self.port}"
        command = ["-m", "gunicorn", "-c", "python:licsync.gunicorn", "-b", bind]
        self._process = subprocess.Popen(
            [sys.executable, *command, "--max-requests", "0", "licsync.wsgi"],
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.bench.pages_settings"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._headers = headers
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        for _ in range(150):
            try:
                self._connection.connect()
            except ConnectionRefusedError:
                time.sleep(0.2)
            else:
                return
        raise SystemExit("the server did not start")

    def get(self, path: str) -> tuple[float, int]:
        """Seconds until the whole answer is there, and its size."""
        begun = time.perf_counter()
        self._connection.request("GET", path, headers=self._headers)
        response = self._connection.getresponse()
        body = response.read()
        seconds = time.perf_counter() - begun
        if response.status != 200:
            raise SystemExit(f"{path} answered {response.status}")
        return seconds, len(body)

    def stream(self, path: str) -> Iterator[bytes]:
        """The body of an answer as it comes, over a connection of its own."""
        self._connection.close()
        self._connection.request("GET", path, headers=self._headers)
        response = self._connection.getresponse()
        if response.status != 200:
            raise SystemExit(f"{path} answered {response.status}")
        while block := response.read1(1 << 16):
            yield block

    def peak_mib(self) -> float:
        """The most memory that a process of the server has held so far, in MiB."""
        main = self._process.pid
        children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        return max(
            int(line.split()[1]) / 1024
            for child in children
            for line in Path(f"/proc/{child}/status").read_text().splitlines()
            if line.startswith("VmHWM:")
        )

    def stop(self) -> None:
        self._connection.close()
        self._process.terminate()
        self._process.wait()


def beside_fixed(server: Server, path: str, requests: int) -> tuple[float, float, int]:
    """Median seconds of a page, and of a fixed body of its size; the size."""
    _, size = server.get(path)
    fixed = f"/fixed/{size}"
    for _ in range(20):
        server.get(path)
        server.get(fixed)
    pairs = [(server.get(path)[0], server.get(fixed)[0]) for _ in range(requests)]
    return median(page for page, _ in pairs), median(base for _, base in pairs), size


def parts(people: Persons, count: int) -> Iterator[str]:
    drawn = random.Random(7)
    for _ in range(count):
        login, _, email, _ = drawn.choice(people.people)
        text = drawn.choice((login, email))
        length = drawn.randint(3, 8)
        start = drawn.randint(0, max(0, len(text) - length))
        yield text[start : start + length]


def measure(server: Server, people: Persons, *, label: str, requests: int) -> None:
    start = "/enterprises/bench"
    deep = min(DEEP, max(1, len(people.people) // 50))
    pages = {
        "GitHub Connect, 10 instances": (f"{start}/settings/connect", 12),
        "Persons, first page": (f"{start}/licensing?page={FIRST}", 15),
        f"Persons, page {deep:,}": (f"{start}/licensing?page={deep}", 15),
    }
    times = {}
    for what, (path, most) in pages.items():
        page, base, size = beside_fixed(server, path, requests)
        times[what] = page
        detail = f"{page * 1000:.1f} ms beside {base * 1000:.2f} ms, {size / 1000:.0f} kB"
        report(f"{what}, {label}", page / base, most, detail)
    first, last = list(times.values())[1:]
    report(f"Deep beside first page, {label}", max(first, last) / min(first, last), 1.3)
    seconds = [
        server.get(f"{start}/licensing?q={quote(part)}")[0] for part in parts(people, requests)
    ]
    p95 = quantiles(seconds, n=20)[-1]
    print(
        f"Search, {label}: 95 % within {p95 * 1000:.0f} ms (at most 200),"
        f" median {median(seconds) * 1000:.0f} ms, longest {max(seconds) * 1000:.0f} ms"
    )


def main() -> None:
    args = arguments(persons=1_000_000, requests=200)
    console(args.database)
    people, session = fill(args.persons)
    server = Server({"Cookie": f"licsync_session={session}"})
    try:
        label = f"{args.database}, {args.persons:,} persons"
        measure(server, people, label=label, requests=args.requests)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
