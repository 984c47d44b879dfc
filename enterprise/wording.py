"""Sentences for codes, in the viewer's language.

Whatever is stored (a run's error, a log line, a membership's rule) is a code and its parameters;
here is what a person reads. Each sentence about trouble says what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from enterprise.counting import compare, match
from enterprise.faults import Fault, Refused
from enterprise.wording_uploads import UPLOAD_FAULTS, UPLOAD_LOG_LINES

FAULTS: dict[str, str | Promise] = {
    # The connection
    "connection_failed": _(
        "%(host)s did not answer, or broke the connection. Check that it is up and that this console may reach it."
    ),
    "host_not_found": _(
        "The name %(host)s was not found. Check the address, and the DNS of this machine."
    ),
    "timed_out": _("The server did not answer in time. Check its load and the network between."),
    "tls_failed": _(
        "The TLS certificate of %(host)s could not be trusted (%(reason)s). If it is signed by your own authority, add that authority's certificate to the instance."
    ),
    "proxy_failed": _("The proxy did not answer. Check the proxy's address."),
    "proxy_refused": _("The proxy refused the connection. Check what the proxy allows."),
    "address_refused": _(
        "%(host)s leads to an address that this console never connects to (link-local, metadata or loopback). Check the address and its DNS entry."
    ),
    "plain_http_refused": _(
        "%(host)s is addressed by plain HTTP, over which a token can be read on the way. Use https, or confirm plain HTTP on the instance's page."
    ),
    "bad_address": _(
        "“%(value)s” is no address of a server. Enter it as https://HOST or https://HOST:PORT, without a path."
    ),
    "bad_ca_bundle": _(
        "The certificate authority is not a readable PEM certificate. Paste the whole text, from BEGIN CERTIFICATE to END CERTIFICATE."
    ),
    "bad_proxy": _("The proxy's address is not usable. Enter it as http://HOST:PORT."),
    "bad_token": _(
        "This is no token: a token is one word of plain letters, digits and signs. Copy it again."
    ),
    "bad_server_username": _(
        "The username cannot be used. Enter the login of the site administrator who made the token."
    ),
    # What the server said
    "bad_credentials": _(
        "The server refused the token. Make a new one, as the how-to page shows, and save it here."
    ),
    "missing_scope": _(
        "The token lacks the scope %(needed)s; it has: %(has)s. Make a token with that scope and save it here."
    ),
    "sso_required": _(
        "The token is not authorized for SAML single sign-on. On GitHub, under Settings → Developer settings → Personal access tokens, choose “Configure SSO” beside the token and authorize it."
    ),
    "ip_allow_list": _(
        "GitHub's IP allow list does not include this console. Add its outgoing address to the enterprise's IP allow list."
    ),
    "forbidden": _(
        "The server forbids this to the token. Check that its user is a site administrator or, in the cloud, an enterprise owner or billing manager."
    ),
    "not_found": _(
        "The server knows no such page. Check the address and the enterprise's slug, and that the token's user may see it; GitHub answers the same for both."
    ),
    "rate_limited": _(
        "The server asks to wait: its rate limit is used up. The run goes on later by itself."
    ),
    "server_error": _(
        "The server failed with status %(status)s. If it goes on, look at the server's own status page."
    ),
    "unexpected_status": _(
        "The server answered with the unexpected status %(status)s. Check that the address is a GitHub server."
    ),
    "redirected": _(
        "The server sends on to another address (%(host)s). Enter the server's own address."
    ),
    "report_refused": _(
        "The instance does not show the site-admin report to this token. Use a classic token with the scope site_admin, made by a site administrator."
    ),
    "foreign_link": _(
        "The server named a next page on another host. Nothing was read from there; check for a proxy that rewrites addresses."
    ),
    "sign_in_page": _(
        "Instead of an answer, the server shows a sign-in page: the token was not accepted. For an instance, use a classic token with the scope site_admin, made by a site administrator."
    ),
    "not_a_server_instance": _(
        "This is no GitHub Enterprise Server: it does not tell an installed version. Check the address."
    ),
    "unexpected_content_type": _(
        "The server answered with %(content_type)s, which is neither a report nor data. Check the address, and for a proxy in between."
    ),
    "unexpected_answer": _(
        "The answer does not look as GitHub documents it (%(key)s). Check the address and the server's version."
    ),
    "unreadable_encoding": _(
        "The answer is packed in a way that cannot be read. Check for a proxy that changes it."
    ),
    "too_large": _(
        "The answer is larger than the limit of %(limit)s bytes, and was not read to its end."
    ),
    "not_json": _("The answer is not readable data. Check for a proxy that changes it."),
    "cut_short": _("The answer was cut off before its end. Nothing of it was applied."),
    "graphql_failed": _(
        "GitHub could not answer the question for %(part)s. Check that the token's user is an enterprise owner."
    ),
    "owner_info_missing": _(
        "GitHub does not show the owner's information to this token. Use a token of an enterprise owner with the scope read:enterprise or admin:enterprise."
    ),
    "installation_unknown": _(
        "GitHub knows no connected instance %(host)s. Check that GitHub Connect is enabled there."
    ),
    # The report
    "report_not_ready": _(
        "The instance was still making its report. The run tries again; a large instance may need longer."
    ),
    "not_a_report": _(
        "This is not the site-admin report of all users: these columns are missing: %(columns)s."
    ),
    "not_utf8": _("The report is not UTF-8 text (line %(line)s). Nothing of it was applied."),
    "line_too_long": _(
        "Line %(line)s of the report is too long to be one. Nothing of it was applied."
    ),
    "malformed_line": _(
        "Line %(line)s of the report does not have the columns that its header names. Nothing of it was applied."
    ),
    "invalid_user_id": _(
        "Line %(line)s of the report has no usable user ID. Nothing of it was applied."
    ),
    "invalid_flag": _(
        "Line %(line)s of the report has neither true nor false in %(column)s. Nothing of it was applied."
    ),
    "duplicate_user": _(
        "The user ID %(user_id)s appears twice (line %(line)s). Nothing was applied."
    ),
    "empty_source": _(
        "The answer has no accounts, where %(applied)s are applied. Nothing was applied."
    ),
    "inconsistent_walk": _(
        "GitHub's list changed while it was read, twice. Nothing of it was applied; sync again later."
    ),
    # This console
    "credential_missing": _("No token is stored. Save one on the settings page."),
    "credential_unreadable": _(
        "The stored token cannot be decrypted with the keys of this console. Restore the key, or save the token again."
    ),
    "credential_elsewhere": _(
        "The stored token was saved for %(origin)s and is not sent elsewhere. Save it again for the address that is set now."
    ),
    "instance_removed": _(
        "The instance %(host)s was removed while it was synced. Nothing was applied."
    ),
    "connect_disabled": _("GitHub Connect is disabled for %(host)s. Enable it to sync."),
    "data_changed": _("The data has changed since this result was compared with it. Sync again."),
    "data_moving": _("New data kept arriving while counting. The run tries again."),
    "run_budget_exceeded": _(
        "The run took longer than %(seconds)s seconds and was ended. Check the server's speed, or raise LICSYNC_RUN_BUDGET_SECONDS."
    ),
    "worker_lost": _(
        "The worker stopped in mid-run %(tries)s times. Look at the worker's log and its memory."
    ),
    "internal_error": _(
        "The console failed (%(error)s). Nothing was applied. Look at the worker's log for this run."
    ),
    # Held and cancelled
    "held_loss": _(
        "Held: of %(applied)s applied accounts, %(removed)s would go, %(stopped)s would no longer consume, %(moved)s would have another e-mail address. Apply or discard the result."
    ),
    "held_first_read": _(
        "Held: only %(read)s accounts were read, while the instance itself states %(stated)s. Apply or discard the result."
    ),
    "superseded": _("Superseded by run %(run)s."),
    "discarded": _("Discarded by an owner."),
    "cancelled_by_owner": _("Cancelled by an owner."),
    **UPLOAD_FAULTS,
}

REFUSALS: dict[str, str | Promise] = {
    "connect_first": _(
        "License sync of %(host)s cannot be enabled before GitHub Connect. Enable GitHub Connect first."
    ),
    "connect_needs_token": _(
        "GitHub Connect of %(host)s cannot be enabled without a token: nothing could be read. Save a token first."
    ),
    "license_sync_disabled": _("License sync of %(host)s is disabled. Enable it to sync."),
    "upload_only": _(
        "%(host)s takes uploads only; there is nothing to read. Upload its usage instead."
    ),
    "run_contended": _("Another run is just starting. Try again in a moment."),
    "run_not_active": _("Run %(run)s has already ended."),
    "run_not_held": _("Run %(run)s is not held any more."),
    "bad_host_name": _(
        "“%(value)s” is no host name. Enter it as in HOST:ID, for example ghes.example.com."
    ),
    "loopback_address": _("%(host)s is this machine itself, which is not allowed as an address."),
    "link_local_address": _("%(host)s is a link-local or special address, which is not allowed."),
    "plain_http_unconfirmed": _(
        "%(host)s is addressed by plain HTTP, over which a token can be read on the way. Use https, or confirm plain HTTP."
    ),
    "instance_exists": _("%(host)s is already registered."),
    "bad_source": _(
        "“%(value)s” is no source. Choose one of site_admin_report, cloud_copy and upload."
    ),
    "bad_rhythm": _("“%(value)s” is no rhythm. Choose weekly or daily."),
    "bad_guard_share": _("%(value)s is not a percentage from 0 to 100."),
    "username_needed": _("Enter the login of the site administrator who made the token."),
    "bad_slug": _(
        "“%(value)s” is no slug. Enter the enterprise's name as in github.com/enterprises/SLUG."
    ),
    "enterprise_exists": _("The enterprise %(slug)s is already registered."),
    "name_needed": _("Enter a name."),
    "bad_billing_model": _("“%(value)s” is no billing model. Choose volume or metered."),
    "bad_time_zone": _("“%(value)s” is no time zone. Choose one such as Europe/Berlin."),
    "bad_username": _("“%(value)s” is no username. Use letters, digits and @ . + - _ only."),
    "bad_email": _("This is no e-mail address."),
    "bad_role": _("“%(value)s” is no role. Choose owner, billing_manager or auditor."),
    "last_owner": _(
        "%(username)s is the last owner and cannot be removed. Make somebody else an owner first."
    ),
    "bad_scope": _("“%(value)s” is no scope."),
    "scope_needed": _("Choose at least one scope."),
    "token_too_short": _("A token's value needs at least %(least)s characters."),
    "token_name_taken": _("There is already a token with the name %(name)s."),
    "token_value_taken": _("Another token has this value. Make a new one."),
    "too_long": _("Use at most %(most)s characters."),
    "out_of_range": _("%(value)s is out of range. Enter a whole number from %(least)s to %(most)s."),
    "link_not_needed": _(
        "%(username)s can sign in, or has a role elsewhere, and needs no link of yours."
    ),
    # The provisioning file
    "provision_unreadable": _("The file cannot be read: %(reason)s."),
    "provision_not_toml": _("The file is not TOML: %(reason)s."),
    "provision_unknown_key": _("unknown key '%(key)s'"),
    "provision_unknown_key_near": _("unknown key '%(key)s'; did you mean '%(near)s'?"),
    "provision_missing_key": _("the key '%(key)s' is missing or empty"),
    "provision_not_text": _("'%(key)s' must be text in quotes"),
    "provision_not_flag": _("'%(key)s' must be true or false"),
    "provision_not_number": _("'%(key)s' must be a whole number"),
    "provision_not_texts": _("'%(key)s' must be a list of texts in quotes"),
    "provision_bad_variable": _(
        "'%(key)s' must be the name of an environment variable (capital letters, digits and _), not the secret itself"
    ),
    "provision_not_array": _("must be a list of tables, each beginning with [[%(key)s]]"),
    "provision_twice": _("'%(name)s' is already in the file, at %(first)s"),
    "provision_bad_state": _('\'state\' must be "present" or "absent"'),
    "provision_no_enterprise": _("the file needs exactly one table [enterprise]"),
    "provision_enterprise_absent": _(
        "an enterprise is never removed by a file: its history would go with it"
    ),
    "provision_no_certificate": _("the certificate authority's file %(path)s cannot be read"),
    "provision_needs_value": _(
        "the environment variable %(variable)s is not set, and nothing is stored that could be kept: set it"
    ),
}

LOG_LINES: dict[str, str | Promise] = {
    "run_started": _("Attempt %(attempt)s started."),
    "run_succeeded": _("Succeeded."),
    "run_retry": _("Trying again in %(seconds)s s (attempt %(next)s of %(of)s)."),
    "worker_lost_requeued": _("The worker stopped; another one takes the run up."),
    "report_waiting": _("The instance is making its report."),
    "facts_unread": _("%(part)s could not be read."),
    "walk_restarted": _("GitHub's list changed while it was read: reading it once more."),
    "walk_resumed": _("Going on after %(rows)s rows that are already read."),
    "recount_read_again": _("New data arrived while counting: reading it again."),
    "user_total_gap": _("The instance states %(stated)s users; %(read)s were read."),
    "seats_used_gap": _(
        "The instance states %(stated)s seats used; %(consuming)s accounts read consume one."
    ),
    "stated_not_listed": _("GitHub states %(stated)s consumed licenses and lists %(listed)s."),
    "organizations_unread": _(
        "The SAML identities of these organizations could not be read: %(organizations)s. The count may be too high."
    ),
    "test_answers": _("%(host)s answers as GitHub Enterprise Server %(version)s."),
    "test_report_readable": _("The token may read the site-admin report."),
    "test_report_being_made": _(
        "The token may read the site-admin report; the instance is making it now."
    ),
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
    "identities_unread": _("SAML identities could not be read; the count may be too high."),
    "domains_unread": _("Verified domains could not be read."),
    **UPLOAD_LOG_LINES,
}

GAPS: dict[str, str | Promise] = {
    "identities": _("SAML identities could not be read: %(why)s The count may be too high."),
    "domains": _("Verified domains could not be read: %(why)s"),
}

_RULES: dict[str, str | Promise] = {
    match.SAML: _("%(account)s joins by SAML or SCIM %(attribute)s %(value)s"),
    match.VERIFIED_EMAIL: _("%(account)s joins by the verified e-mail address %(value)s"),
    match.SUBSCRIPTION_EMAIL: _("%(account)s joins by the subscription's e-mail address %(value)s"),
    match.GITHUB_LINK: _(
        "%(account)s joins by GitHub's link (the e-mail address on the cloud account is not visible to the enterprise)"
    ),
    match.SAME_EMAIL: _(
        "%(account)s has the same primary e-mail address %(value)s as the other server accounts"
    ),
    match.ALONE: _("%(account)s stands alone: no other account has its e-mail address %(value)s"),
    match.NO_EMAIL: _("%(account)s stands alone: it has no e-mail address to match"),
}


_TLS_REASONS: dict[str, str | Promise] = {
    "untrusted": _("it is not signed by a known authority"),
    "expired": _("it has expired or is not valid yet"),
    "wrong_host": _("it is for another host name"),
    "handshake": _("the server speaks no acceptable TLS"),
}


EXCLUSIONS: dict[str, str | Promise] = {
    "suspended": _("Consumes no license: the account is suspended on its instance."),
    "scim_admin": _(
        "Consumes no license: it is the setup user for SCIM, whose login is scim-admin."
    ),
    "never_signed_in": _(
        "Consumes no license: nobody has ever signed in to the account, and a setting of the enterprise leaves such accounts out."
    ),
}


class Cause(NamedTuple):
    """A category of the difference with GitHub: its name, what it means, what to do about it."""

    name: str | Promise
    meaning: str | Promise
    advice: str | Promise


CAUSES: dict[str, Cause] = {
    compare.NOT_READ: Cause(
        _("On an instance not read here"),
        _("GitHub lists accounts on an instance that this console has never read."),
        _("Add the instance under GitHub Connect and sync it."),
    ),
    compare.NEW: Cause(
        _("New since GitHub's last sync"),
        _(
            "The account came after GitHub's last sync of its instance, so GitHub does not list it yet."
        ),
        _(
            "Choose “Sync now” on the instance's own License page, or wait for GitHub's weekly sync."
        ),
    ),
    compare.GONE: Cause(
        _("Suspended, excluded or gone since"),
        _("GitHub still lists an account that no longer consumes a license on its instance."),
        _(
            "Choose “Sync now” on the instance's own License page, or wait for GitHub's weekly sync."
        ),
    ),
    compare.EMAIL_CHANGED: Cause(
        _("E-mail address changed since"),
        _(
            "The account's primary e-mail address is another one than GitHub knows, so it is matched otherwise."
        ),
        _(
            "Choose “Sync now” on the instance's own License page, or wait for GitHub's weekly sync."
        ),
    ),
    compare.JOINED_HERE: Cause(
        _("Joined here, apart at GitHub"),
        _("This console finds one person where GitHub lists several rows."),
        _(
            "Look at the person's reason. If it is right, GitHub counts this person more than once: verify the domain of the e-mail address, or link the identity, so that GitHub can match it."
        ),
    ),
    compare.APART_HERE: Cause(
        _("Apart here, joined at GitHub"),
        _(
            "GitHub joins accounts by an e-mail address that the enterprise cannot see, so this console counts them apart."
        ),
        _(
            "Verify the domain of the e-mail address: then it becomes visible, and is matched here too."
        ),
    ),
    compare.SUBSCRIBER: Cause(
        _("Subscriber not linked"),
        _(
            "GitHub lists a Visual Studio subscriber whom no account is linked with, and who therefore consumes no license."
        ),
        _("Ask the subscriber to link their account, or give the subscription to somebody else."),
    ),
    compare.OTHER: Cause(
        _("Other"),
        _("None of the other causes explains it."),
        _(
            "Compare the persons and rows below. If it stays after GitHub's next sync, ask GitHub's support."
        ),
    ),
}
"""By the codes of ``counting.compare``, in their order."""


class _Known(dict[str, Any]):
    """Parameters of a sentence; one that an older version did not store shows as a dash."""

    def __missing__(self, key: str) -> str:
        return "–"


def sentence(code: str, params: Mapping[str, Any] | None = None) -> str:
    """The sentence of a fault, refusal or log line in the active language; an unknown code as it is."""
    template = FAULTS.get(code) or REFUSALS.get(code) or LOG_LINES.get(code)
    if template is None:
        return code
    known = _Known(params or {})
    if code == "tls_failed" and known["reason"] in _TLS_REASONS:
        known["reason"] = str(_TLS_REASONS[known["reason"]])
    return str(template) % known


def fault_sentence(error: Fault | Refused) -> str:
    return sentence(error.code, error.params)


def gap_sentence(gap: Mapping[str, Any]) -> str:
    """What an optional part of the cloud run lacks, from ``CloudState.gaps``."""
    why = sentence(gap["code"], gap.get("params"))
    return str(GAPS[gap["part"]]) % {"why": why}


def membership_sentence(
    *, account: str, rule: str, attribute: int, value: str, candidates: list[str]
) -> str:
    """Why one account is in its person; an ambiguity names all candidates."""
    text = str(_RULES[rule]) % {
        "account": account,
        "attribute": match.ATTRIBUTES[attribute],
        "value": value,
    }
    if candidates:
        others = gettext("more than one person fits: %(names)s; the first was chosen")
        text += "; " + others % {"names": ", ".join(candidates)}
    return text


def person_sentence(*, has_cloud_row: bool, name: str, accounts: list[str]) -> str:
    """Why a person counts, in one sentence; ``accounts`` are ``membership_sentence``s."""
    reasons = "; ".join(accounts)
    if not has_cloud_row:
        return gettext("Counts once: %(reasons)s.") % {"reasons": reasons}
    start = gettext("Counts once: GitHub lists %(name)s as consuming a license") % {"name": name}
    return f"{start}; {reasons}." if reasons else f"{start}."
