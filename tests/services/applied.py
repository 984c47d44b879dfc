"""An enterprise as its sources were last applied, to be changed by hand and counted."""

from __future__ import annotations

from enterprise.emails import normalize
from enterprise.models import (
    CloudAccount,
    CloudIdentity,
    CurrentPerson,
    Enterprise,
    MembershipVersion,
    PersonVersion,
    RunState,
    ServerInstance,
    ServerUserAccount,
    Snapshot,
    SyncRun,
)
from enterprise.records import CloudRow
from enterprise.services.cloud_rows import row_key, row_kind, row_matching, row_report
from enterprise.services.recounts import recount_mark, recount_request
from enterprise.services.staging import digest_of
from enterprise.services.sync import run_execute
from tests.factories import EnterpriseFactory, ServerInstanceFactory


class Applied:
    """Each method changes what is applied, as an apply would; ``recount`` counts it."""

    def __init__(self) -> None:
        self.enterprise: Enterprise = EnterpriseFactory()
        self.instances: dict[str, ServerInstance] = {}
        self.instance("ghes1.example.com")

    def instance(self, host_name: str, *, server_id: str = "") -> None:
        self.instances[host_name] = ServerInstanceFactory(
            enterprise=self.enterprise, host_name=host_name, server_id=server_id, synced=True
        )

    def account(
        self,
        user_id: int,
        email: str = "",
        *,
        host: str = "ghes1.example.com",
        suspended: bool = False,
        excluded: str = "",
        never_signed_in: bool = False,
    ) -> None:
        """Add an account, or change it."""
        ServerUserAccount.objects.update_or_create(
            instance=self.instances[host],
            user_id=user_id,
            defaults={
                "email": email,
                "email_key": normalize(email),
                "suspended": suspended,
                "excluded": excluded,
                "never_signed_in": never_signed_in,
                "consumes": not suspended and not excluded,
                "digest": digest_of([email, suspended, excluded, never_signed_in]),
            },
        )

    def account_gone(self, user_id: int, *, host: str = "ghes1.example.com") -> None:
        self.instances[host].user_accounts.filter(user_id=user_id).delete()

    def cloud(self, row: CloudRow) -> None:
        """Add a row of GHEC's list, or put it in the place of the one with the same key."""
        key = row_key(row)
        self.cloud_gone(key)
        CloudAccount.objects.create(
            enterprise=self.enterprise,
            key=key,
            kind=row_kind(row),
            counts=row.counts,
            matching=row_matching(row),
            report=row_report(row),
            digest=digest_of(row),
        )

    def member(self, login: str, *emails: str, name: str = "") -> None:
        """Add a cloud account with verified e-mails."""
        self.cloud(CloudRow(login=login, name=name, cloud_user=True, verified_emails=emails))

    def cloud_gone(self, key: str) -> None:
        CloudAccount.objects.filter(enterprise=self.enterprise, key=key).delete()

    def identity(self, login: str, attribute: int, value: str) -> None:
        CloudIdentity.objects.create(
            enterprise=self.enterprise, login_key=login.casefold(), attribute=attribute, value=value
        )

    def recount(self) -> SyncRun:
        """Count; the newest snapshot then tells of what is applied."""
        recount_mark(enterprise=self.enterprise)
        run, _ = recount_request(enterprise=self.enterprise)
        run_execute(run_id=run.pk)
        run.refresh_from_db()
        assert (run.state, run.error_code) == (RunState.SUCCEEDED, "")
        return run

    @property
    def snapshots(self) -> list[Snapshot]:
        """Oldest first."""
        return list(Snapshot.objects.filter(enterprise=self.enterprise).order_by("pk"))

    def persons(self) -> dict[str, int]:
        """The number of each current person, by key."""
        current = PersonVersion.objects.filter(enterprise=self.enterprise, to_snapshot=None)
        return dict(current.order_by("key").values_list("key", "number"))

    def person(self, key: str) -> CurrentPerson:
        return CurrentPerson.objects.get(enterprise=self.enterprise, key=key)

    def accounts_of(self, key: str) -> dict[str, str]:
        """The rule of each account of a current person, by ``HOST:ID``."""
        current = MembershipVersion.objects.filter(
            enterprise=self.enterprise, number=self.persons()[key], to_snapshot=None
        )
        return dict(current.order_by("account").values_list("account", "rule"))
