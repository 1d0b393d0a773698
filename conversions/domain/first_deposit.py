"""The one first deposit of a player: the earliest ever confirmed, and what it brings us."""

from dataclasses import asdict
from datetime import datetime

import structlog
from django.db.models import QuerySet

from campaigns.domain.exchange import NoExchangeRate, convert
from conversions.domain.statuses import never_held_first
from conversions.models import Conversion, Player, Revenue
from tracker_project.common.hints import hint_after_commit
from tracker_project.common.money import Money
from tracker_project.common.prepared import fetch, insert, insert_soon
from tracker_project.common.time import day_in_zone

log = structlog.get_logger(__name__)

# Where the deposit stands that holds the mark: its instant, then the event that gave it.
MarkedDeposit = tuple[datetime, str]
# Which deposit is first, whether it is marked, and whether all that it brings is written. Events of one instant are in
# the order that Python gives them, whatever the database's language.
_FIRST = """
    SELECT id, is_first_deposit,
           campaign_id IS NULL OR offer_id IS NULL
           OR EXISTS (SELECT FROM revenues WHERE revenues.conversion_id = conversions.id)
      FROM conversions
     WHERE player_id = %s AND kind = 'deposit' AND is_settled AND NOT is_test
       AND status NOT IN ('pending', 'rejected', 'void')
     ORDER BY occurred_at, first_event_id COLLATE "C" LIMIT 1"""


def can_be_first(deposit: Conversion) -> bool:
    """Say whether a deposit may hold the mark: settled once, neither void, rejected nor a test."""
    return deposit.is_settled and not deposit.is_test and not never_held_first(deposit.status)


def place_new_deposit(deposit: Conversion, *, marked: MarkedDeposit | None) -> None:
    """Save a new deposit, with the mark if it comes before the `marked` one; call with the player locked."""
    if can_be_first(deposit):
        deposit.is_first_deposit = marked is None or (deposit.occurred_at, deposit.first_event_id) < marked
        if marked is not None and deposit.is_first_deposit:
            _clear_mark(deposit.player)
    insert(deposit)
    revenue = _revenue(deposit) if deposit.is_first_deposit else None
    if revenue is not None:
        insert_soon(revenue)


def mark_first_deposit(player: Player) -> int | None:
    """Put the mark on the player's first deposit and return its key; call with the player locked.

    First is the earliest settled one by `occurred_at`, then event id, that is neither void, rejected nor a test. A
    reversed one keeps its place. A moved mark sends both deposits through review and booking again; commission and
    postback are keyed on the player, so nothing is paid or sent twice.
    """
    found = fetch(_FIRST, [player.pk])
    pk: int | None
    pk, is_marked, is_written = found[0] if found else (None, False, False)
    if not is_marked:
        _clear_mark(player)
    if pk is None or (is_marked and is_written):
        return pk
    first = Conversion.objects.select_related("campaign", "offer").get(pk=pk)
    if not is_marked:
        first.is_first_deposit = True
        first.is_valuable = False
        first.review_state = Conversion.Review.PENDING
        first.save(update_fields=["is_first_deposit", "is_valuable", "review_state"])
    write_revenue(first)
    return first.pk


def write_revenue(first: Conversion) -> None:
    """Keep what a first deposit brings under its offer, converted once to the campaign's currency.

    Does nothing when it stands already, when no campaign is credited, or when no exchange rate is known.
    """
    revenue = _revenue(first)
    if revenue is not None:
        Revenue.objects.bulk_create([revenue], ignore_conflicts=True)


def _revenue(first: Conversion) -> Revenue | None:
    campaign, offer = first.campaign, first.offer
    if campaign is None or offer is None or not offer.revenue:
        return None
    on_date = day_in_zone(first.occurred_at, campaign.time_zone)
    try:
        converted = convert(Money(amount=offer.revenue, currency=offer.currency), campaign.currency, on=on_date)
    except NoExchangeRate as missing:
        log.warning("revenue_without_exchange_rate", conversion=first.pk, currency=missing.currency)
        return None
    return Revenue(conversion=first, **asdict(converted))


def _deposits(player: Player) -> QuerySet[Conversion]:
    return Conversion.objects.filter(player=player, kind=Conversion.Kind.DEPOSIT)


def _clear_mark(player: Player) -> None:
    """Take the mark away, and the revenue with it; whatever was booked for it is looked at again."""
    Revenue.objects.filter(conversion__player=player).delete()
    marked = _deposits(player).filter(is_first_deposit=True)
    if marked.update(is_first_deposit=False, booking_state=Conversion.Booking.DUE):
        hint_after_commit("conversion_settled")
