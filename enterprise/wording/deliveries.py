"""Why a receiver could not be told, and what to do about it."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

DELIVERY_FAULTS: dict[str, str | Promise] = {
    "bad_receiver_address": _(
        "This is no address of a receiver. Enter it as https://HOST/PATH, with plain letters, digits and signs."
    ),
    "private_address_refused": _(
        "%(host)s is on a private network, where this console sends no events. If it shall, name the network in LICSYNC_WEBHOOK_NETWORKS."
    ),
    "receiver_plain_http": _(
        "%(host)s is addressed by plain HTTP, which anybody on the way can read. Use https, or name its network in LICSYNC_WEBHOOK_NETWORKS."
    ),
    "receiver_tls_failed": _(
        "The TLS certificate of %(host)s could not be trusted (%(reason)s). If it is signed by your own authority, add that authority's certificate to the webhook."
    ),
    "receiver_redirects": _(
        "The receiver sends on to another address (status %(status)s), which is not followed. Enter the address that it sends on to."
    ),
    "receiver_gone": _(
        "The receiver says that it is gone for good (status %(status)s). Enter its new address, or delete the webhook."
    ),
    "receiver_failed": _(
        "The receiver failed with status %(status)s. It is tried again a few times; look at the receiver's own log."
    ),
    "receiver_refused": _(
        "The receiver refused the event with status %(status)s. Check its address and its log, then redeliver."
    ),
    "webhook_unreadable": _(
        "The webhook's address cannot be decrypted with the keys of this console. Restore the key, or enter address and secret again."
    ),
    "webhook_disabled": _(
        "Not sent: the webhook failed for too long and was disabled. Mend the receiver, enable the webhook, then redeliver."
    ),
    "webhook_inactive": _("Not sent: the webhook is switched off. Switch it on, then redeliver."),
    "delivery_worker_lost": _(
        "The worker stopped before it could note the answer. The event may have been received; it is sent again under the same delivery id."
    ),
    "person_without_role": _(
        "Not sent: the person has no role in this enterprise any more, or no account here."
    ),
    "person_without_email": _(
        "Not sent: the person has no e-mail address here. Add one to the account."
    ),
    "mail_refused": _(
        "The mail server refused the message with status %(status)s. Check the person's e-mail address and what the server's log says."
    ),
    "mail_not_admitted": _(
        "The mail server does not accept this console's name and password (status %(status)s). Check LICSYNC_EMAIL_URL."
    ),
    "mail_failed": _(
        "The mail server did not answer, or broke the connection. Check LICSYNC_EMAIL_URL and that the server is up."
    ),
}
