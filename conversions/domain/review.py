"""What a review's verdict does to a conversion: value, postbacks, and the way to the commission."""

from datetime import datetime

import structlog

from attribution.domain.credit import click_facts
from attribution.models import Click
from campaigns.domain.exchange import NoExchangeRate, convert
from conversions.domain.audience import Audience
from conversions.domain.outbox import withdraw_postbacks, write_postbacks
from conversions.models import Conversion, Player
from tracker_project.common.hints import hint_after_commit
from tracker_project.common.money import Money
from tracker_project.common.prepared import update

log = structlog.get_logger(__name__)


def approve_conversion(conversion: Conversion, *, at: datetime, audience: Audience | None = None) -> None:
    """Let a conversion count: postbacks are written, the commission is booked. Call with its row locked.

    `audience` is that of all conversions approved in the same transaction.
    """
    _fill_click_facts(conversion)
    conversion.is_valuable = is_valuable(conversion)
    _decide(conversion, Conversion.Review.APPROVED)
    if conversion.campaign_id is not None:
        write_postbacks(conversion, at=at, audience=audience)


def hold_conversion(conversion: Conversion, *, at: datetime) -> None:
    """Stop a conversion until a person decides: nothing more is sent, and no commission stands for it."""
    conversion.is_valuable = False
    _decide(conversion, Conversion.Review.HELD)
    log.info("conversion_held", conversion=conversion.pk, at=at.isoformat())


def reject_conversion(conversion: Conversion, *, at: datetime) -> None:
    """Refuse a conversion: what is unsent is not sent, and what was told is taken back where that is possible."""
    conversion.is_valuable = False
    _decide(conversion, Conversion.Review.REJECTED)
    withdraw_postbacks(conversion, at=at)


def is_valuable(conversion: Conversion) -> bool:
    """Say whether a deposit is confirmed, real and of at least its brand's threshold, in the brand's currency."""
    if conversion.kind != Conversion.Kind.DEPOSIT or conversion.status != Conversion.Status.CONFIRMED:
        return False
    if conversion.is_test or conversion.amount is None or conversion.currency is None:
        return False
    brand = conversion.platform.brand
    money = Money(amount=conversion.amount, currency=conversion.currency)
    try:
        amount = convert(money, brand.currency, on=conversion.occurred_at.date()).amount
    except NoExchangeRate:
        return False
    return bool(amount >= brand.valuable_deposit_amount)


def _decide(conversion: Conversion, state: Conversion.Review) -> None:
    conversion.review_state = state
    if conversion.kind == Conversion.Kind.DEPOSIT:
        conversion.booking_state = Conversion.Booking.DUE
        hint_after_commit("conversion_settled")
    update(conversion, "review_state", "is_valuable", "booking_state")


def _fill_click_facts(conversion: Conversion) -> None:
    """Copy the facts of a click whose row was still in a spool when the player registered.

    Events lock the player before his conversions; here it is the other way round, so a busy player is passed over.
    """
    player = conversion.player
    if player.click_facts or player.click_uuid is None:
        return
    click = Click.objects.filter(id=player.click_uuid).first()
    if click is not None:
        player.click_facts = click_facts(click)
        if Player.objects.select_for_update(skip_locked=True, no_key=True).filter(pk=player.pk).exists():
            player.save(update_fields=["click_facts"])
