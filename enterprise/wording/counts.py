"""Why a person or an account counts or does not, and why GitHub counts otherwise."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from enterprise.counting import compare, match

RULES: dict[str, str | Promise] = {
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
