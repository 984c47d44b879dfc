"""Why what a person asked for is not done, and what to do first."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

REFUSALS: dict[str, str | Promise] = {
    "person_consumes": _(
        "Person %(number)s consumes a license. Personal data can be erased once they no longer do."
    ),
    "person_unknown": _("There is no person %(number)s."),
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
    "group_needed": _("Name the group as the identity provider does."),
    "identity_taken": _(
        "This identity is somebody else's here. Sign in with it, or have an owner take that role away first."
    ),
    "identity_needed": _(
        "Your role comes from this provider, or you have no other way to sign in. Set a password first."
    ),
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
    "out_of_range": _(
        "%(value)s is out of range. Enter a whole number from %(least)s to %(most)s."
    ),
    "bad_organization": _("“%(value)s” is no organization. Enter its name as on GitHub."),
    "bad_date": _("“%(value)s” is no date. Enter one such as 2027-06-30."),
    "bad_time": _("“%(value)s” is no time of day. Enter one such as 03:00."),
    "bad_price": _(
        "“%(value)s” is no price. Enter an amount such as 21.00, at most a million, with at most two decimals."
    ),
    "bad_currency": _(
        "“%(value)s” is no currency. Enter its three letters by ISO 4217, such as USD or EUR."
    ),
    "link_not_needed": _(
        "%(username)s can sign in, or has a role elsewhere, and needs no link of yours."
    ),
    # Webhooks
    "webhook_name_taken": _("There is already a webhook with the name %(name)s."),
    "too_many_webhooks": _("An enterprise has at most %(most)s webhooks. Delete one first."),
    "webhook_off": _("The webhook %(name)s is switched off or was disabled. Enable it first."),
    "bad_event": _("“%(value)s” is no event."),
    "bad_webhook_body": _("“%(value)s” is no body. Choose json or slack."),
    "bad_language": _("“%(value)s” is no language of this console."),
    "bad_secret": _("A secret has from %(least)s to %(most)s characters."),
    "delivery_not_ended": _("This delivery still waits or is being sent. Look again later."),
    "reason_needed": _("Say why, so that others need not ask again."),
    "duplicate_not_open": _("This pair has been decided or closed meanwhile. Look at it again."),
    "duplicate_not_dismissed": _("This pair is not dismissed any more. Look at it again."),
    # Alerts
    "too_many_alerts": _("An enterprise has at most %(most)s alerts. Delete one first."),
    "bad_alert": _("“%(value)s” is no kind of alert."),
    "bad_alert_unit": _("“%(value)s” is no unit of this threshold."),
    "threshold_needed": _("Enter the threshold."),
    "no_such_webhook": _("There is no such webhook in this enterprise."),
    "no_such_member": _("Nobody with the username %(name)s has a role in this enterprise."),
    "alert_without_receiver": _(
        "Nobody would be told: choose a role or a person, or a webhook that is on."
    ),
    # The digest
    "bad_digest_rhythm": _("“%(value)s” is no rhythm of a digest. Choose off, weekly or monthly."),
    "digest_not_counted": _("Nothing has been counted yet, so there is nothing to tell."),
    "exemption_reason_needed": _("Say why this person keeps the license."),
    "exemption_bad_end": _("Choose a day from today on, within five years."),
    "nobody_to_reclaim": _(
        "There is nobody to plan: no dormant person is free of a plan and exemption."
    ),
    "plan_contended": _("Another plan was made at the same moment. Look at it, then try again."),
    "plan_ended": _("Plan %(plan)s has ended already."),
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
