"""The database is the truth. One module a subject; import models from here."""

from enterprise.models.account import (
    CloudAccount,
    CloudIdentity,
    EnterpriseDomain,
    GitHubSyncStatus,
    ServerUserAccount,
)
from enterprise.models.alert import AlertKind, AlertRule, AlertState, AlertUnit
from enterprise.models.allocation import Allocation, CostCenterEntry, Dimension, SeatTarget
from enterprise.models.audit import AuditBatch, AuditDoor, AuditEvent
from enterprise.models.delivery import (
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    Event,
    EventKind,
)
from enterprise.models.digest import Digest, DigestRhythm
from enterprise.models.duplicates import (
    Duplicate,
    DuplicateEnding,
    DuplicateSearch,
    DuplicateState,
)
from enterprise.models.enterprise import BillingModel, CloudState, Enterprise
from enterprise.models.ledger import (
    CurrentPerson,
    DifferenceComponent,
    MembershipVersion,
    PersonVersion,
    Snapshot,
)
from enterprise.models.member import GroupRole, Membership, Role, SignInLink, User
from enterprise.models.reclaim import (
    ReclaimCandidate,
    ReclaimExemption,
    ReclaimPlan,
    ReclaimSearch,
    ReclaimSeat,
    SeatState,
)
from enterprise.models.server import Credential, Rhythm, ServerInstance, Source
from enterprise.models.sync import (
    RunChunk,
    RunKind,
    RunLogLine,
    RunPhase,
    RunState,
    RunTrigger,
    SyncRun,
)
from enterprise.models.token import ApiToken
from enterprise.models.webhook import Webhook

__all__ = [
    "AlertKind",
    "AlertRule",
    "AlertState",
    "AlertUnit",
    "Allocation",
    "ApiToken",
    "AuditBatch",
    "AuditDoor",
    "AuditEvent",
    "BillingModel",
    "CloudAccount",
    "CloudIdentity",
    "CloudState",
    "CostCenterEntry",
    "Credential",
    "CurrentPerson",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryState",
    "DifferenceComponent",
    "Digest",
    "DigestRhythm",
    "Dimension",
    "Duplicate",
    "DuplicateEnding",
    "DuplicateSearch",
    "DuplicateState",
    "Enterprise",
    "EnterpriseDomain",
    "Event",
    "EventKind",
    "GitHubSyncStatus",
    "GroupRole",
    "Membership",
    "MembershipVersion",
    "PersonVersion",
    "ReclaimCandidate",
    "ReclaimExemption",
    "ReclaimPlan",
    "ReclaimSearch",
    "ReclaimSeat",
    "Rhythm",
    "Role",
    "RunChunk",
    "RunKind",
    "RunLogLine",
    "RunPhase",
    "RunState",
    "RunTrigger",
    "SeatState",
    "SeatTarget",
    "ServerInstance",
    "ServerUserAccount",
    "SignInLink",
    "Snapshot",
    "Source",
    "SyncRun",
    "User",
    "Webhook",
]
