"""What a run writes into its log, and what a connection test finds."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from enterprise.models import RunPhase
from enterprise.models.sync import phase_code

LOG_LINES: dict[str, str | Promise] = {
    **{phase_code(phase): phase.label for phase in RunPhase if phase},
    "run_started": _("Attempt %(attempt)s started."),
    "run_succeeded": _("Succeeded."),
    "run_retry": _("Trying again in %(seconds)s s (attempt %(next)s of %(of)s)."),
    "worker_lost_requeued": _("The worker stopped; another one takes the run up."),
    "report_waiting": _("The instance is making its report."),
    "facts_unread": _(
        "What the instance tells of itself could not be read (%(part)s), so the accounts read are not compared with it: %(why)s"
    ),
    "walk_restarted": _("GitHub's list changed while it was read: reading it once more."),
    "walk_resumed": _("Going on after %(rows)s rows that are already read."),
    "recount_read_again": _("New data arrived while counting: reading it again."),
    "user_total_gap": _("The instance states %(stated)s users; %(read)s were read."),
    "seats_used_gap": _(
        "The instance states %(stated)s seats used; %(consuming)s accounts read consume one."
    ),
    "stated_not_listed": _("GitHub states %(stated)s consumed licenses and lists %(listed)s."),
    "logins_listed_twice": _(
        "GitHub lists %(rows)s cloud accounts under a login that its list had before. Each of them counts, as listed; compare with the people of your enterprise on GitHub."
    ),
    "organizations_unread": _(
        "The SAML identities of these organizations could not be read: %(organizations)s. The count may be too high."
    ),
    "test_answers": _("%(host)s answers as GitHub Enterprise Server %(version)s."),
    "test_report_readable": _("The token may read the site-admin report."),
    "test_report_being_made": _(
        "The token may read the site-admin report; the instance is making it now."
    ),
    "test_copy_readable": _("GitHub has %(accounts)s users of %(host)s."),
    "test_licenses_readable": _("The token may read consumed licenses: GitHub counts %(total)s."),
    "test_sync_status_readable": _(
        "The token may read GitHub's sync status (instances known: %(instances)s)."
    ),
    "test_identities_readable": _("The token may read SAML identities and verified domains."),
    "test_token_scopes": _("The token's scopes: %(scopes)s."),
    "test_token_over_scoped": _(
        "The token may do more than this console needs: %(scopes)s. A narrower token is safer."
    ),
    "test_token_expires": _("The token expires: %(at)s."),
    "identities_unread": _("SAML identities could not be read: %(why)s The count may be too high."),
    "domains_unread": _("Verified domains could not be read: %(why)s"),
}

FACTS: dict[str, str | Promise] = {
    "meta": _("version"),
    "license": _("license"),
    "user_stats": _("user totals"),
}
"""The parts of what an instance tells of itself, by ``ghes_facts.read_facts``."""

GAPS: dict[str, str | Promise] = {
    "identities": _("SAML identities could not be read: %(why)s The count may be too high."),
    "organizations": "%(why)s",  # a whole sentence by itself
    "domains": _("Verified domains could not be read: %(why)s"),
}
