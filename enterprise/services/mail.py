"""Telling one person of one event by e-mail, in their language and zone.

The address is looked up when it is sent and kept nowhere; nobody is written to who has no role in the
enterprise any more.
"""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone, translation

from enterprise import wording
from enterprise.faults import Fault
from enterprise.models import Delivery, Enterprise, Membership, User
from enterprise.services.event_bodies import event_url


def mail_send(delivery: Delivery) -> None:
    """Send the e-mail of one delivery. Raises Fault; none of them tells an address."""
    user = delivery.user
    assert user is not None  # noqa: S101 - its caller looked
    enterprise = delivery.event.enterprise
    member = Membership.objects.filter(enterprise=enterprise, user=user).first()
    if member is None or not user.is_active:
        raise Fault("person_without_role")
    if not user.email:
        raise Fault("person_without_email", name=user.username)
    with as_reader(user, enterprise):
        message = mail_of(delivery, member)
        message.to = [user.email]
    _post(message)


@contextmanager
def as_reader(user: User, enterprise: Enterprise) -> Iterator[None]:
    """In this person's language and zone, else the console's language and the enterprise's zone."""
    zone = ZoneInfo(user.time_zone or enterprise.time_zone)
    with (
        translation.override(user.language or settings.LANGUAGE_CODE),
        timezone.override(zone),
    ):
        yield


def mail_of(delivery: Delivery, member: Membership) -> EmailMultiAlternatives:
    """The e-mail of an event without its recipient, in the active language and zone."""
    event = delivery.event
    sentence = wording.event_sentence(event.kind, event.params)
    subject = f"[{event.enterprise.name}] {sentence}"
    context = {
        "subject": sentence,
        "lines": [sentence],
        "event": event,
        "enterprise": event.enterprise,
        "url": event_url(event),
        "language": translation.get_language(),
    }
    return letter(delivery, subject, "enterprise/mail/event", context)


def letter(
    delivery: Delivery, subject: str, template: str, context: dict[str, object]
) -> EmailMultiAlternatives:
    """A letter as text and HTML. Its id is the delivery's: a second copy is known as such."""
    host = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")
    message = EmailMultiAlternatives(
        subject=" ".join(subject.split())[:200],
        body=render_to_string(f"{template}.txt", context),
        headers={
            "Message-ID": f"<{delivery.guid}@{host}>",
            "X-Licsync-Delivery": str(delivery.guid),
            "X-Licsync-Event": delivery.event.kind,
            "Auto-Submitted": "auto-generated",
        },
    )
    message.attach_alternative(render_to_string(f"{template}.html", context), "text/html")
    return message


def _post(message: EmailMultiAlternatives) -> None:
    fault: Fault
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        code = max((code for code, _text in error.recipients.values()), default=500)
        fault = Fault("mail_refused", retry=code < 500, status=code)
    except smtplib.SMTPAuthenticationError as error:
        fault = Fault("mail_not_admitted", retry=True, status=error.smtp_code)
    except smtplib.SMTPResponseException as error:
        fault = Fault("mail_refused", retry=error.smtp_code < 500, status=error.smtp_code)
    except (smtplib.SMTPException, OSError):
        fault = Fault("mail_failed", retry=True)
    else:
        return
    raise fault  # outside of the handler: the original error quotes the recipient
