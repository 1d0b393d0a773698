"""The one first deposit of a player: the earliest ever confirmed, and what it brings us."""

from dataclasses import asdict

import structlog

from campaigns.domain.exchange import NoExchangeRate, convert
from conversions.models import Conversion, Player, Revenue
from tracker_project.common.hints import hint_after_commit
from tracker_project.common.money import Money
from tracker_project.common.time import day_in_zone

log = structlog.get_logger(__name__)


def mark_first_deposit(player: Player) -> Conversion | None:
    """Put the mark on the player's first deposit and return it; call with the player locked.

    First is the earliest settled one by `occurred_at`, then event id, that is neither void, rejected nor a test. A
    reversed one keeps its place. A moved mark sends both deposits through review and booking again; commission and
    postback are keyed on the player, so nothing is paid or sent twice.
    """
    deposits = player.conversions.filter(kind=Conversion.Kind.DEPOSIT)
    first = (
        deposits.filter(is_settled=True, is_test=False)
        .exclude(status__in=[Conversion.Status.REJECTED, Conversion.Status.VOID])
        .order_by("occurred_at", "first_event_id")
        .first()
    )
    if first is not None and first.is_first_deposit:
        write_revenue(first)
        return first
    cleared = deposits.filter(is_first_deposit=True).update(
        is_first_deposit=False, booking_state=Conversion.Booking.DUE
    )
    Revenue.objects.filter(conversion__in=deposits).delete()
    if cleared:
        hint_after_commit("conversion_settled")
    if first is None:
        return None
    deposits.filter(pk=first.pk).update(
        is_first_deposit=True, review_state=Conversion.Review.PENDING, is_valuable=False
    )
    first.refresh_from_db()
    write_revenue(first)
    return first


def write_revenue(first: Conversion) -> None:
    """Keep what a first deposit brings under its offer, converted once to the campaign's currency.

    Does nothing when it stands already, when no campaign is credited, or when no exchange rate is known.
    """
    campaign, offer = first.campaign, first.offer
    if campaign is None or offer is None or not offer.revenue or Revenue.objects.filter(conversion=first).exists():
        return
    on_date = day_in_zone(first.occurred_at, campaign.time_zone)
    try:
        converted = convert(Money(amount=offer.revenue, currency=offer.currency), campaign.currency, on=on_date)
    except NoExchangeRate as missing:
        log.warning("revenue_without_exchange_rate", conversion=first.pk, currency=missing.currency)
        return
    Revenue.objects.create(conversion=first, **asdict(converted))
