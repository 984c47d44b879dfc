"""What went wrong while reading, and what to do about it."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

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
        "The server asks to wait: its rate limit is used up. If it goes on, use a token that nothing else uses."
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
        "The instance was still making its report. A large instance may need longer: sync again later."
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
    "disk_full": _(
        "There is no space left on the disk of the database, or of this console's data folder. Nothing was applied. Free some space, then sync again."
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
}

TLS_REASONS: dict[str, str | Promise] = {
    "untrusted": _("it is not signed by a known authority"),
    "expired": _("it has expired or is not valid yet"),
    "wrong_host": _("it is for another host name"),
    "handshake": _("the server speaks no acceptable TLS"),
}
