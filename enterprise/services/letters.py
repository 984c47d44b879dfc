"""A letter of one delivery: text and HTML, with an id by which a second copy is known as such."""

from __future__ import annotations

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation

from enterprise.models import Delivery
from enterprise.services.event_bodies import event_url


def letter(
    delivery: Delivery, subject: str, template: str, context: dict[str, object]
) -> EmailMultiAlternatives:
    """Without its recipient, in the active language and zone."""
    event = delivery.event
    host = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")
    shown = {
        "subject": subject,
        "enterprise": event.enterprise,
        "url": event_url(event),
        "language": translation.get_language(),
        **context,
    }
    message = EmailMultiAlternatives(
        subject=f"[{event.enterprise.name}] {' '.join(subject.split())}"[:200],
        body=render_to_string(f"{template}.txt", shown),
        headers={
            "Message-ID": f"<{delivery.guid}@{host}>",
            "X-Licsync-Delivery": str(delivery.guid),
            "X-Licsync-Event": event.kind,
            "Auto-Submitted": "auto-generated",
        },
    )
    message.attach_alternative(render_to_string(f"{template}.html", shown), "text/html")
    return message
