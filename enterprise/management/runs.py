"""What the commands ``sync`` and ``recount`` share: doing or following runs, and telling their end."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TextIO

from django.core.management import CommandError
from django.core.management.base import CommandParser, OutputWrapper
from django.utils import timezone
from django.utils.translation import gettext as _

from enterprise.models import Enterprise, RunKind, RunState, RunTrigger, SyncRun
from enterprise.services.audit import Actor
from enterprise.services.recounts import recount_request
from enterprise.services.runs import runs_sweep
from enterprise.services.sync import run_execute
from enterprise.wording import sentence

EXIT_FAILED, EXIT_USAGE, EXIT_HELD_ELSEWHERE = 1, 2, 3
POLL_SECONDS = 0.5


class HeldElsewhere(Exception):
    """Another worker has the run."""

    def __init__(self, run: SyncRun) -> None:
        super().__init__(run.pk)
        self.run = run


def add_run_arguments(parser: CommandParser) -> None:
    """``--enterprise``, ``--wait`` and ``--inline``."""
    parser.add_argument(
        "--enterprise",
        metavar="SLUG",
        help="which enterprise; needed only where there are several",
    )
    parser.add_argument("--wait", action="store_true", help="wait until the runs have ended")
    parser.add_argument(
        "--inline", action="store_true", help="do the work in this process, without a worker"
    )


def enterprise_named(slug: str | None) -> Enterprise:
    """The enterprise with this slug, or the only one. Raises CommandError, exit code 2."""
    found = Enterprise.objects.order_by("slug")
    if slug:
        found = found.filter(slug__iexact=slug)
    enterprises = list(found[:2])
    if not enterprises:
        message = _("There is no enterprise %s.") % slug if slug else _("There is no enterprise.")
        raise CommandError(message, returncode=EXIT_USAGE)
    if len(enterprises) > 1:
        raise CommandError(
            _("There are several enterprises: name one with --enterprise."), returncode=EXIT_USAGE
        )
    return enterprises[0]


def run_line(run: SyncRun) -> str:
    """How a run stands, in one line: what, state, number, and what came of it or why it ended."""
    line = f"{run.host_name or run.kind}: {run.state} ({_('run %s') % run.pk})"
    if run.state == RunState.SUCCEEDED:
        counts = ", ".join(f"{name} {number}" for name, number in run.counts.items())
        return f"{line}: {counts}"
    if run.state == RunState.QUEUED or not run.error_code:
        return line
    return f"{line}: {sentence(run.error_code, run.error_params)}"


class Follower:
    """Brings runs of one enterprise to their end, telling one line for each.

    ``inline`` does them here; else a worker does, and here it is waited for. ``wait`` decides what
    happens to a run that another worker has: wait for it, or leave it and end with exit code 3.
    """

    def __init__(
        self, enterprise: Enterprise, *, inline: bool, wait: bool, out: TextIO | OutputWrapper
    ) -> None:
        self.enterprise = enterprise
        self.inline = inline
        self.wait = wait or not inline
        self.out = out
        self.failed = 0
        self.held_elsewhere = 0
        self.first_run = 0

    def follow(self, runs: Iterable[SyncRun]) -> None:
        for run in runs:
            self.first_run = self.first_run or run.pk
            try:
                ended = self._to_its_end(run.pk, wait=self.wait)
            except HeldElsewhere as held:
                self.held_elsewhere += 1
                self.out.write(f"{run_line(held.run)}: {_('another worker has it')}")
            else:
                self.failed += ended.state != RunState.SUCCEEDED
                self.out.write(run_line(ended))

    def do_cloud_beside(self) -> None:
        """Do the cloud run that an instance's run has queued, once, without answering for it.

        Neither waits for nor fails with the other (domain.md section 5); but without a worker nobody
        else would do it.
        """
        run = SyncRun.objects.filter(
            enterprise=self.enterprise, kind=RunKind.CLOUD, state=RunState.QUEUED
        ).first()
        if run is not None and run_execute(run_id=run.pk) is not None:
            run.refresh_from_db()
            self.out.write(run_line(run))

    def recount(self, actor: Actor) -> None:
        """Bring the count up to date if it is behind; it takes seconds, so a worker's is waited for.

        Where a worker has brought it up to date since the first run, that recount is told.
        """
        self.enterprise.refresh_from_db()
        if self.enterprise.counted_version < self.enterprise.data_version:
            run, _new = recount_request(
                enterprise=self.enterprise, trigger=RunTrigger.COMMAND, actor=actor
            )
        else:
            since = SyncRun.objects.filter(enterprise=self.enterprise, pk__gt=self.first_run)
            done = since.filter(kind=RunKind.RECOUNT).last() if self.first_run else None
            if done is None:
                return
            run = done
        ended = self._to_its_end(run.pk, wait=True)
        self.failed += ended.state != RunState.SUCCEEDED
        self.out.write(run_line(ended))

    def finish(self) -> None:
        """Raise CommandError with the exit code unless every run succeeded."""
        if self.failed:
            raise CommandError(_("Not every run succeeded."), returncode=EXIT_FAILED)
        if self.held_elsewhere:
            raise CommandError(
                _("Another worker has a run; wait for it with --wait."),
                returncode=EXIT_HELD_ELSEWHERE,
            )

    def _to_its_end(self, run_id: int, *, wait: bool) -> SyncRun:
        while True:
            if self.inline:
                run_execute(run_id=run_id)
            run = SyncRun.objects.get(pk=run_id)
            now = timezone.now()
            if not run.is_active:
                return run
            if self.inline and run.state == RunState.QUEUED and run.not_before <= now:
                continue
            if self.inline and run.state == RunState.RUNNING:
                if run.lease_until is None or run.lease_until < now:
                    runs_sweep()  # its worker died, and no tick may be there to see it
                    continue
                if not wait:
                    raise HeldElsewhere(run)
            time.sleep(POLL_SECONDS)
