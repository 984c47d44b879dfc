"""Every metric by name, without the prefix ``licsync_``: what it means, and its labels.

docs/metrics.md, the dashboard and the alert rules name no other; a test sees to it. The label
``enterprise`` comes first on each. An instance is the label ``host``, since Prometheus keeps
``instance`` for what it scrapes.
"""

from __future__ import annotations

from typing import NamedTuple


class Described(NamedTuple):
    help: str
    labels: tuple[str, ...] = ()


METRICS = {
    "part_up": Described("Whether a part of this scrape could be collected", ("part",)),
    # --- Licenses
    "seats_consumed": Described(
        "Licenses consumed: by GitHub's own total (github), or as this console counts (console)",
        ("basis",),
    ),
    "seats_purchased": Described("Licenses purchased, as GitHub says"),
    "seats_free": Described(
        "Purchased less consumed, on GitHub's basis where its total is known; may be negative",
        ("basis",),
    ),
    "seats_consumed_by_license_type": Described(
        "Persons that this console counts, by license type", ("license_type",)
    ),
    "persons_unmatched": Described("Persons with accounts on servers only, matched with none"),
    "accounts_ambiguous": Described("Accounts that more than one person fitted"),
    "accounts_never_signed_in": Described("Consuming accounts that never signed in"),
    "accounts_excluded": Described("Accounts on servers that do not count", ("reason",)),
    "accounts_not_read": Described(
        "Accounts that GitHub lists on an instance never read here", ("host",)
    ),
    "difference": Described(
        "This console's persons less the rows that GitHub lists, by cause", ("category",)
    ),
    "github_not_listed": Described("Rows that GitHub lists less the total that it states"),
    "snapshot_age_seconds": Described("Since the newest count that found something new"),
    "recount_pending": Described("Whether there is data newer than the count"),
    # --- The cloud
    "cloud_failing": Described("Whether the last run over the cloud failed"),
    "cloud_gaps": Described("Optional parts of the cloud that could not be read"),
    "cloud_last_success_age_seconds": Described("Since the last run over the cloud that succeeded"),
    # --- Instances
    "instance_state": Described("1 for the state of an instance here", ("host", "state")),
    "instance_github_state": Described("1 for GitHub's own state of it", ("host", "state")),
    "instance_github_last_sync_age_seconds": Described("Since GitHub's own last sync", ("host",)),
    "instance_last_success_age_seconds": Described(
        "Since the last run over it that succeeded", ("host",)
    ),
    "instance_last_run_duration_seconds": Described(
        "How long the last run over it took, waiting for another try included", ("host",)
    ),
    "instance_accounts_read": Described("Accounts that the last run over it read", ("host",)),
    "instance_seats_consumed": Described("Its accounts that consume a license", ("host",)),
    "instance_seats_purchased": Described("Seats of its own license; +Inf: unlimited", ("host",)),
    "instance_seats_free": Described("Seats of its own license less those used", ("host",)),
    "instance_license_expires_timestamp_seconds": Described(
        "When its own license expires, as seconds since 1970", ("host",)
    ),
    # --- The engine
    "runs": Described("Runs that wait, work or are held", ("kind", "state")),
    "runs_lost": Described("Running runs whose worker is gone, before the next sweep"),
    "queue_oldest_age_seconds": Described("How long the oldest queued run could have begun"),
    "deliveries_waiting": Described("Deliveries to webhooks and people that wait", ("channel",)),
    "deliveries_oldest_age_seconds": Described("How long the oldest of them could have been sent"),
    "deliveries_failed_last_day": Described(
        "Deliveries given up within the last 24 hours", ("channel",)
    ),
    "digests_failed_last_day": Described("Digests among them"),
    "webhook_failures": Described(
        "Failed attempts at a webhook since its last success", ("webhook",)
    ),
    "webhook_disabled": Described(
        "Whether a webhook was disabled after long failure", ("webhook",)
    ),
    "tick_age_seconds": Described("Since beat's last tick, which sweeps and starts what is due"),
    "worker_seen": Described("Whether a worker was seen of late"),
}
