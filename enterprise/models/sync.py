"""A sync run (the attempt), its log as it happens, and its staged records."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from enterprise.models.enterprise import Enterprise
from enterprise.models.server import ServerInstance, Source


class RunKind(models.TextChoices):
    INSTANCE = "instance", _("Instance")
    CLOUD = "cloud", _("Cloud")
    RECOUNT = "recount", _("Recount")


class RunTrigger(models.TextChoices):
    SCHEDULE = "schedule", _("Schedule")
    MANUAL = "manual", _("By hand")
    UPLOAD = "upload", _("Upload")
    API = "api", _("API")
    COMMAND = "command", _("Command line")


class RunState(models.TextChoices):
    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    HELD = "held", _("Held")
    CANCELLED = "cancelled", _("Cancelled")


ACTIVE = (RunState.QUEUED, RunState.RUNNING)
FINAL = (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED)


class RunPhase(models.TextChoices):
    WAITING = "", _("Waiting")
    READING = "reading", _("Reading users")
    LICENSES = "licenses", _("Reading consumed licenses")
    SYNC_STATUS = "sync_status", _("Reading GitHub's sync status")
    IDENTITIES = "identities", _("Reading identities and domains")
    CHECKING = "checking", _("Checking")
    APPLYING = "applying", _("Applying")
    MATCHING = "matching", _("Matching")
    RECORDING = "recording", _("Recording")


PHASES: dict[str, tuple[RunPhase, ...]] = {
    RunKind.INSTANCE: (RunPhase.READING, RunPhase.CHECKING, RunPhase.APPLYING),
    RunKind.CLOUD: (
        RunPhase.LICENSES,
        RunPhase.SYNC_STATUS,
        RunPhase.IDENTITIES,
        RunPhase.CHECKING,
        RunPhase.APPLYING,
    ),
    RunKind.RECOUNT: (RunPhase.READING, RunPhase.MATCHING, RunPhase.RECORDING),
}
"""What a run of each kind goes through, in order."""


def phase_code(phase: RunPhase) -> str:
    """The code of the log line that says that a phase began."""
    return f"phase_{phase.value}"


RATE_HOLDS = dt.timedelta(seconds=10)
"""How long what a worker has measured of its pace is still so."""


class SyncRun(models.Model):
    """One attempt to bring something up to date (domain.md section 5).

        (new) ──► queued ──claim──► running ──► succeeded
                    ▲ │               │ │ │
                    │ └─cancel─┐      │ │ └───► held ──apply──► succeeded
                    │          ▼      │ │         └──discard, superseded──► cancelled
                    │      cancelled ◄┘ └─────► failed
                    └── retry, lease run out ── running

    Every other arrow is refused. ``attempt`` is the fencing token: each write of a worker carries
    ``state = 'running' AND attempt = mine``; 0 rows means that somebody else has the run now. A
    queued run may be claimed from ``not_before`` on; a running one is lost once ``lease_until`` has
    passed, and the tick queues it again.

    ``error_code`` and ``error_params`` become a sentence in the viewer's language. ``counts`` has
    the keys read, added, changed, removed, consuming, and for a recount persons.
    ``base_version`` is the ``applied_version`` of the data that the staged difference was taken from.

    ``data_version`` is the enterprise's that the run made by applying something, or, of a recount,
    that it counted; null if nothing was applied.

    ``source`` is where an instance's run reads; one that is an upload has its file only in the
    process that received it. ``idempotency_key`` is a digest of what the client sent as such, and
    one of the file that came with it.
    """

    enterprise = models.ForeignKey(Enterprise, on_delete=models.CASCADE, related_name="runs")
    instance = models.ForeignKey(
        ServerInstance, on_delete=models.SET_NULL, null=True, related_name="runs"
    )
    host_name = models.CharField(max_length=253, blank=True)  # stays when the instance goes
    kind = models.CharField(max_length=10, choices=RunKind)
    trigger = models.CharField(max_length=10, choices=RunTrigger)
    actor = models.CharField(max_length=200, blank=True)  # as in the audit log
    source = models.CharField(max_length=20, choices=Source, blank=True)
    idempotency_key = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=10, choices=RunState, default=RunState.QUEUED)
    phase = models.CharField(max_length=12, choices=RunPhase, blank=True, default=RunPhase.WAITING)
    done = models.BigIntegerField(default=0)  # records read in this phase
    expected = models.BigIntegerField(null=True)  # of so many, where that is known
    rate = models.PositiveIntegerField(null=True)  # records a second, as the worker last measured

    attempt = models.PositiveIntegerField(default=0)
    tries = models.PositiveIntegerField(default=0)  # attempts that ended in trouble
    queued_at = models.DateTimeField()
    not_before = models.DateTimeField()
    started_at = models.DateTimeField(null=True)  # of the first attempt
    lease_until = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    cancel_requested = models.BooleanField(default=False)

    base_version = models.BigIntegerField(null=True)
    data_version = models.BigIntegerField(null=True)
    as_of = models.DateTimeField(null=True)  # when the source was read or exported
    facts = models.JSONField(default=dict)  # what is applied beside the records
    counts = models.JSONField(default=dict)
    warnings = models.JSONField(default=list)  # [{"code", "params"}]
    error_code = models.CharField(max_length=50, blank=True)
    error_params = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["instance"],
                condition=Q(state__in=["queued", "running"], kind="instance"),
                name="run_one_active_per_instance",
            ),
            models.UniqueConstraint(
                fields=["enterprise", "kind"],
                condition=Q(state__in=["queued", "running"], kind__in=["cloud", "recount"]),
                name="run_one_active_cloud_and_recount",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["enterprise", "-id"], name="run_by_enterprise"),
            models.Index(fields=["instance", "-id"], name="run_by_instance"),
            # What is active or held is looked for at every page, among years of what has ended.
            models.Index(fields=["enterprise", "state", "kind", "-id"], name="run_by_state"),
            models.Index(fields=["instance", "state", "-id"], name="run_by_instance_and_state"),
            models.Index(
                fields=["state", "not_before"],
                condition=Q(state__in=["queued", "running"]),
                name="run_active",
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.pk} ({self.kind}, {self.state})"

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE


class RunChunk(models.Model):
    """A few thousand staged records of one run, compressed, with the source's cursor after them.

    Invisible to readers; serves resume, ``held`` and its preview; deleted when the run ends.
    """

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField()
    cursor = models.TextField(blank=True)
    payload = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "number"], name="chunk_number_once"),
        ]

    def __str__(self) -> str:
        return f"chunk {self.number} of run {self.run_id}"


class RunLogLine(models.Model):
    """One line of a run's log, written as it happens; a code and parameters, never personal data."""

    class Level(models.TextChoices):
        INFO = "info", _("Info")
        WARNING = "warning", _("Warning")
        ERROR = "error", _("Error")

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="log")
    at = models.DateTimeField()
    attempt = models.PositiveIntegerField()
    level = models.CharField(max_length=8, choices=Level, default=Level.INFO)
    code = models.CharField(max_length=50)
    params = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.level} {self.code}"
