"""Rows for tests: small factories, traits for variants, no hidden children.

A trait is a flag: ``ServerInstanceFactory(connected=True, syncing=True, with_token=True)``. Whoever
needs a token that opens uses ``services.servers.instance_token_set``; here it is only there.
"""

from __future__ import annotations

import datetime as dt

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from enterprise.models import (
    AuditEvent,
    CloudState,
    Credential,
    CurrentPerson,
    Enterprise,
    GitHubSyncStatus,
    Membership,
    MembershipVersion,
    PersonVersion,
    Rhythm,
    Role,
    RunKind,
    RunLogLine,
    RunState,
    RunTrigger,
    ServerInstance,
    ServerUserAccount,
    Snapshot,
    SyncRun,
    User,
)
from enterprise.services.ledger import pack_anchors

PASSWORD = "correct horse battery staple"


def ago(**units: float) -> dt.datetime:
    """The moment ``timedelta(**units)`` before now."""
    return timezone.now() - dt.timedelta(**units)


class UserFactory(DjangoModelFactory[User]):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.com")
    password = factory.django.Password(PASSWORD)


class EnterpriseFactory(DjangoModelFactory[Enterprise]):
    class Meta:
        model = Enterprise

    slug = factory.Sequence(lambda n: f"acme{n}" if n else "acme")
    name = factory.LazyAttribute(lambda enterprise: enterprise.slug.capitalize())


class CloudStateFactory(DjangoModelFactory[CloudState]):
    class Meta:
        model = CloudState

    class Params:
        read = factory.Trait(
            total=120,
            purchased=200,
            listed=120,
            read_at=factory.LazyFunction(lambda: ago(hours=2)),
            last_success_at=factory.LazyFunction(lambda: ago(hours=2)),
        )

    enterprise = factory.SubFactory(EnterpriseFactory)


class MembershipFactory(DjangoModelFactory[Membership]):
    class Meta:
        model = Membership

    class Params:
        billing_manager = factory.Trait(role=Role.BILLING_MANAGER)
        auditor = factory.Trait(role=Role.AUDITOR)

    enterprise = factory.SubFactory(EnterpriseFactory)
    user = factory.SubFactory(UserFactory)
    role = Role.OWNER


class ServerInstanceFactory(DjangoModelFactory[ServerInstance]):
    class Meta:
        model = ServerInstance
        skip_postgeneration_save = True

    class Params:
        connected = factory.Trait(connect_enabled=True)
        syncing = factory.Trait(
            connect_enabled=True,
            license_sync_enabled=True,
            schedule_weekday=0,
            schedule_time=dt.time(3, 0),
            next_sync_at=factory.LazyFunction(lambda: timezone.now() + dt.timedelta(days=3)),
        )
        synced = factory.Trait(
            applied_version=1,
            applied_as_of=factory.LazyFunction(lambda: ago(hours=3)),
            last_success_at=factory.LazyFunction(lambda: ago(hours=3)),
            version="3.19.2",
        )

    enterprise = factory.SubFactory(EnterpriseFactory)
    host_name = factory.Sequence(lambda n: f"ghes{n}.example.com")
    url = factory.LazyAttribute(lambda instance: f"https://{instance.host_name}")
    rhythm = Rhythm.WEEKLY

    @factory.post_generation
    def with_token(self: ServerInstance, create: bool, extracted: bool, **kwargs: object) -> None:
        if extracted:
            CredentialFactory(enterprise=self.enterprise, instance=self, origin=f"{self.url}:443")


class CredentialFactory(DjangoModelFactory[Credential]):
    """A stored token that nothing can open: enough for what a page shows."""

    class Meta:
        model = Credential

    enterprise = factory.SubFactory(EnterpriseFactory)
    instance = None
    username = "licsync"
    origin = "https://api.github.com:443"
    ciphertext = "unreadable"
    saved_at = factory.LazyFunction(lambda: ago(days=1))


class ServerUserAccountFactory(DjangoModelFactory[ServerUserAccount]):
    class Meta:
        model = ServerUserAccount

    instance = factory.SubFactory(ServerInstanceFactory)
    user_id = factory.Sequence(lambda n: n + 1)
    email = factory.LazyAttribute(lambda account: f"person{account.user_id}@example.com")
    email_key = factory.LazyAttribute(lambda account: account.email.lower())
    digest = factory.Sequence(lambda n: n)


class SyncRunFactory(DjangoModelFactory[SyncRun]):
    class Meta:
        model = SyncRun

    class Params:
        running = factory.Trait(
            state=RunState.RUNNING,
            attempt=1,
            started_at=factory.LazyFunction(lambda: ago(seconds=20)),
            lease_until=factory.LazyFunction(lambda: timezone.now() + dt.timedelta(minutes=5)),
        )
        succeeded = factory.Trait(
            state=RunState.SUCCEEDED,
            attempt=1,
            started_at=factory.LazyFunction(lambda: ago(minutes=2)),
            finished_at=factory.LazyFunction(lambda: ago(minutes=1)),
            counts={"read": 120, "added": 3, "changed": 2, "removed": 1, "consuming": 110},
        )
        failed = factory.Trait(
            state=RunState.FAILED,
            attempt=1,
            started_at=factory.LazyFunction(lambda: ago(minutes=2)),
            finished_at=factory.LazyFunction(lambda: ago(minutes=1)),
            error_code="bad_credentials",
        )
        held = factory.Trait(
            state=RunState.HELD,
            attempt=1,
            started_at=factory.LazyFunction(lambda: ago(minutes=2)),
            finished_at=factory.LazyFunction(lambda: ago(minutes=1)),
            counts={"read": 40, "added": 0, "changed": 0, "removed": 80, "consuming": 40},
            error_code="held_loss",
            error_params={"applied": 120, "removed": 80, "stopped": 0, "moved": 0},
        )
        of_cloud = factory.Trait(instance=None, kind=RunKind.CLOUD, host_name="")

    enterprise = factory.LazyAttribute(
        lambda run: run.instance.enterprise if run.instance else EnterpriseFactory()
    )
    instance = factory.SubFactory(ServerInstanceFactory)
    host_name = factory.LazyAttribute(lambda run: run.instance.host_name if run.instance else "")
    kind = RunKind.INSTANCE
    trigger = RunTrigger.MANUAL
    queued_at = factory.LazyFunction(lambda: ago(minutes=3))
    not_before = factory.LazyFunction(lambda: ago(minutes=3))


class RunLogLineFactory(DjangoModelFactory[RunLogLine]):
    class Meta:
        model = RunLogLine

    run = factory.SubFactory(SyncRunFactory)
    at = factory.LazyFunction(timezone.now)
    attempt = 1
    code = "run_started"
    params = factory.LazyAttribute(lambda line: {"attempt": line.attempt})


class GitHubSyncStatusFactory(DjangoModelFactory[GitHubSyncStatus]):
    class Meta:
        model = GitHubSyncStatus

    enterprise = factory.SubFactory(EnterpriseFactory)
    server_id = factory.Sequence(lambda n: f"server-{n}")
    host_name = factory.Sequence(lambda n: f"ghes{n}.example.com")
    last_sync_at = factory.LazyFunction(lambda: ago(days=2))
    status = "success"


class SnapshotFactory(DjangoModelFactory[Snapshot]):
    """A count of nobody; ``anchors`` has to fit the persons that a test adds."""

    class Meta:
        model = Snapshot

    enterprise = factory.SubFactory(EnterpriseFactory)
    taken_at = factory.LazyFunction(lambda: ago(hours=1))
    data_version = 1
    persons = 0
    anchors = factory.LazyFunction(lambda: pack_anchors([]))


class PersonVersionFactory(DjangoModelFactory[PersonVersion]):
    class Meta:
        model = PersonVersion

    enterprise = factory.SubFactory(EnterpriseFactory)
    number = factory.Sequence(lambda n: n + 1)
    key = factory.LazyAttribute(lambda person: f"person{person.number:06}")
    cloud_key = factory.LazyAttribute(lambda person: person.key)
    license_type = "enterprise"
    accounts = 1
    digest = 0
    report = "{}"
    from_snapshot = 1


class MembershipVersionFactory(DjangoModelFactory[MembershipVersion]):
    class Meta:
        model = MembershipVersion

    enterprise = factory.SubFactory(EnterpriseFactory)
    account = factory.Sequence(lambda n: f"ghes1.example.com:{n}")
    number = 1
    rule = "alone"
    from_snapshot = 1


class CurrentPersonFactory(DjangoModelFactory[CurrentPerson]):
    class Meta:
        model = CurrentPerson

    enterprise = factory.SubFactory(EnterpriseFactory)
    number = factory.Sequence(lambda n: n + 1)
    key = factory.LazyAttribute(lambda person: f"person{person.number:06}")
    kind = CurrentPerson.Kind.CLOUD
    license_type = "enterprise"
    accounts = 1
    words = factory.LazyAttribute(lambda person: person.key)
    public_words = factory.LazyAttribute(lambda person: person.key)


class AuditEventFactory(DjangoModelFactory[AuditEvent]):
    class Meta:
        model = AuditEvent

    enterprise = factory.SubFactory(EnterpriseFactory)
    at = factory.LazyFunction(timezone.now)
    actor = "mona"
    actor_kind = "user"
    action = "instance.connect_enable"
    target = "ghes1.example.com"
