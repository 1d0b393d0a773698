"""Letters to the owners of destinations: owed with what they tell of, sent once, also when a process dies between."""

import smtplib
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.urls import reverse

from conversions.domain.backoff import MAX_TRIES, next_attempt_at
from conversions.models import Destination, DestinationNotice
from tracker_project.common.egress import refuse_inside_transaction

log = structlog.get_logger(__name__)

# Longer than a mail server may take: whoever held the notice then is dead. It goes again under the same Message-ID.
LEASE = timedelta(minutes=5)
# What comes and goes within a day is told of once.
ALARM_AGAIN_AFTER = timedelta(days=1)
MOST_AT_A_TIME = 50


def tell_of_disabling(destination: Destination, reason: str, *, at: datetime) -> None:
    """Owe the owner word that the tracker switched a destination off; call in the transaction that does so."""
    text = (
        f"The tracker stopped sending to {destination.name}.\n\n{reason}\n\n"
        "Its postbacks wait. Mend what is said above and tick “is active” again; then they are sent:"
    )
    _owe(destination, DestinationNotice.Kind.DISABLED, f"{destination.name} was switched off", text, at=at)


def tell_of_alarm(destination: Destination, alarm: str, *, at: datetime) -> None:
    """Owe the owner word of what is unusual, once a day; call in the transaction that raises the alarm."""
    alarms = DestinationNotice.objects.filter(destination=destination, kind=DestinationNotice.Kind.ALARM)
    if alarms.filter(created_at__gt=at - ALARM_AGAIN_AFTER).exists():
        return
    text = f"Something is unusual about the deliveries to {destination.name}.\n\n{alarm}\n\nLook at it here:"
    _owe(destination, DestinationNotice.Kind.ALARM, f"{destination.name}: {alarm}", text, at=at)


def send_due_notices(*, clock: Callable[[], datetime]) -> int:
    """Send the notices that are due and return how many went out; refuses to work inside a transaction.

    Mail cannot be sent exactly once: one whose sender died before it noted that it was sent goes again, under the same
    Message-ID, by which mail programs know it.
    """
    refuse_inside_transaction()
    sent = 0
    for _ in range(MOST_AT_A_TIME):
        notice = _claim(at=clock())
        if notice is None:
            break
        sent += _send(notice, at=clock())
    return sent


def recipients_of(destination: Destination) -> list[str]:
    """Return the addresses of a destination's owner and of those whom the settings name, each once."""
    owner = destination.owner
    own = [owner.email] if owner is not None and owner.is_active and owner.email else []
    return list(dict.fromkeys([*own, *settings.NOTIFY_EMAILS]))


def _owe(destination: Destination, kind: DestinationNotice.Kind, subject: str, text: str, *, at: datetime) -> None:
    address = settings.PUBLIC_WEB_URL + reverse("admin:conversions_destination_change", args=[destination.pk])
    DestinationNotice.objects.create(
        destination=destination,
        kind=kind,
        subject=" ".join(subject.split())[:200],
        text=f"{text}\n{address}\n",
        next_attempt_at=at,
        created_at=at,
    )


@transaction.atomic
def _claim(*, at: datetime) -> DestinationNotice | None:
    """Lease one notice that is due, and return it; another process passes it over meanwhile."""
    due = DestinationNotice.objects.filter(state=DestinationNotice.State.PENDING, next_attempt_at__lte=at)
    locked = due.select_for_update(of=("self",), skip_locked=True).select_related("destination__owner")
    notice = locked.order_by("next_attempt_at", "pk").first()
    if notice is not None:
        notice.tries, notice.next_attempt_at = notice.tries + 1, at + LEASE
        notice.save(update_fields=["tries", "next_attempt_at"])
    return notice


def _send(notice: DestinationNotice, *, at: datetime) -> bool:
    recipients = recipients_of(notice.destination)
    if not recipients or not settings.EMAIL_HOST:
        _settle(notice, DestinationNotice.State.DEAD, _what_is_missing(recipients), at=at)
        return False
    host = urlsplit(settings.PUBLIC_WEB_URL).hostname
    message = EmailMessage(
        notice.subject, notice.text, to=recipients, headers={"Message-ID": f"<{notice.message_id}@{host}>"}
    )
    try:
        message.send()
    except (smtplib.SMTPException, OSError) as error:
        _try_later(notice, f"The mail server did not take it ({type(error).__name__}).", at=at)
        return False
    _settle(notice, DestinationNotice.State.DONE, "", at=at)
    return True


def _what_is_missing(recipients: list[str]) -> str:
    if not recipients:
        return "Nobody to write to: choose an owner with an e-mail address, or set NOTIFY_EMAILS."
    return "Mail is not set up: set EMAIL_HOST."


def _settle(notice: DestinationNotice, state: DestinationNotice.State, reason: str, *, at: datetime) -> None:
    pending = DestinationNotice.objects.filter(pk=notice.pk, state=DestinationNotice.State.PENDING)
    pending.update(state=state, state_reason=reason[:300], finished_at=at)
    log.info("destination_notice", notice=notice.pk, destination=notice.destination_id, state=state, reason=reason)


def _try_later(notice: DestinationNotice, reason: str, *, at: datetime) -> None:
    if notice.tries >= MAX_TRIES:
        _settle(notice, DestinationNotice.State.DEAD, f"Given up after {notice.tries} tries. {reason}", at=at)
        return
    later = next_attempt_at(at, tries=notice.tries, jitter=0)
    pending = DestinationNotice.objects.filter(pk=notice.pk, state=DestinationNotice.State.PENDING)
    pending.update(next_attempt_at=later, state_reason=reason)
