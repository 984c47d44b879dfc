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
from django.utils import timezone, translation

from enterprise import wording
from enterprise.faults import Fault
from enterprise.models import Delivery, Enterprise, EventKind, Membership, Role, User
from enterprise.services.audit import SYSTEM, audit_record
from enterprise.services.digest_letter import digest_letter
from enterprise.services.letters import letter


def mail_send(delivery: Delivery) -> None:
    """Send the e-mail of one delivery. Raises Fault; none of them tells an address."""
    user = delivery.user
    assert user is not None  # noqa: S101 - its caller looked
    enterprise = delivery.event.enterprise
    member = Membership.objects.filter(enterprise=enterprise, user=user).first()
    if member is None or not user.is_active:
        raise Fault("person_without_role")
    if not user.email:
        raise Fault("person_without_email")
    with as_reader(user, enterprise):
        message = mail_of(delivery, member)
        message.to = [user.email]
    _post(message)
    if message.attachments:  # the report
        params = delivery.event.params
        audit_record(
            enterprise=enterprise,
            actor=SYSTEM,
            action="report.send",
            target=user.username,
            after={
                "file": "licensing.csv",
                "snapshot": params["snapshot"],
                "rows": params["now"]["persons"],
                "masked": _masked(member),
            },
        )


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
    if event.kind == EventKind.DIGEST:
        return digest_letter(delivery, masked=_masked(member))
    sentence = wording.event_sentence(event.kind, event.params)
    return letter(delivery, sentence, "enterprise/mail/event", {"lines": [sentence]})


def _masked(member: Membership) -> bool:
    return member.role == Role.AUDITOR


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
