"""Why two persons are probably one, what to change, and which rules could not be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from enterprise.counting import duplicates
from enterprise.services import duplicate_inputs

NAMES: dict[str, str | Promise] = {
    duplicates.SECONDARY: _("Further e-mail address"),
    duplicates.PLUS_TAG: _("Plus tag"),
    duplicates.DOTS: _("Dots"),
    duplicates.OWN_DOMAIN: _("Another own domain"),
    duplicates.SAML_LOCAL: _("SAML or SCIM value"),
    duplicates.OTHER_DOMAIN: _("Another domain"),
    duplicates.LOGIN: _("Login"),
}
"""The rules, as filters and labels name them."""

_REASONS: dict[str, str | Promise] = {
    duplicates.SECONDARY: _("%(account)s also has the e-mail address %(one)s of the other person."),
    duplicates.PLUS_TAG: _("%(one)s and %(other)s differ by a plus tag only."),
    duplicates.DOTS: _("%(one)s and %(other)s differ by dots only, or by dots and a plus tag."),
    duplicates.OWN_DOMAIN: _(
        "%(one)s and %(other)s differ by the domain only, and both domains are the enterprise's."
    ),
    duplicates.SAML_LOCAL: _(
        "The SAML or SCIM value %(other)s names the same account as %(one)s, but for the domain."
    ),
    duplicates.OTHER_DOMAIN: _(
        "%(one)s and %(other)s differ by the domain only; one of the domains is the enterprise's."
    ),
    duplicates.LOGIN: _(
        "The logins of %(one)s and %(other)s differ by separators, case or suffix only."
    ),
}

UNAVAILABLE: dict[str, str | Promise] = {
    duplicate_inputs.NO_CLOUD: _("not available, because the cloud has not been read"),
    duplicate_inputs.NO_DOMAINS: _(
        "not available, because the enterprise has no verified or approved domain"
    ),
    duplicate_inputs.NO_IDENTITIES: _(
        "not available, because no SAML or SCIM value is linked or could be read"
    ),
    duplicate_inputs.NO_LOGINS: _("not available, because no instance's logins are kept"),
    duplicate_inputs.NO_SECONDARIES: _(
        "not available, because no further e-mail addresses were read (a site-admin report has"
        " primary ones only)"
    ),
}


def reason_sentence(evidence: Mapping[str, Any]) -> str:
    """One piece of evidence in one sentence."""
    return str(_REASONS[evidence["rule"]]) % evidence


def weight_sentence(evidence: Mapping[str, Any]) -> str:
    """How much one piece of evidence tells, and why not more."""
    name = {"rule": str(NAMES[evidence["rule"]]), "weight": evidence["weight"]}
    if evidence["rivals"] == 1:
        return gettext("%(rule)s: %(weight)s %%.") % name
    full = duplicates.WEIGHTS[evidence["rule"]]
    return gettext(
        "%(rule)s: %(weight)s %%, which is %(full)s %% shared among %(rivals)s persons whom it fits."
    ) % {**name, "full": full, "rivals": evidence["rivals"]}


def change_sentences(change: Mapping[str, Any]) -> list[str]:
    """What to change where, one way a sentence; the first is the better one."""
    accounts = pgettext("between names", ", ").join(change["accounts"])
    if change["shared"]:
        hosts = pgettext("between names", ", ").join(change["shared"])
        return [
            gettext(
                "Both have an account on %(hosts)s, where an e-mail address can be used once only:"
                " if it is one person, suspend one of the two accounts (%(accounts)s is one)."
            )
            % {"hosts": hosts, "accounts": accounts}
        ]
    ways = []
    if change["email"]:
        ways.append(
            gettext("Set the primary e-mail address of %(accounts)s to %(email)s.")
            % {"accounts": accounts, "email": change["email"]}
        )
    if change["verify"] and change["login"]:
        ways.append(
            gettext("Verify %(email)s on the cloud account %(login)s.")
            % {"email": change["verify"], "login": change["login"]}
        )
    if not ways:
        ways.append(
            gettext("Set the same primary e-mail address for %(accounts)s as the other has.")
            % {"accounts": accounts}
        )
    return ways
