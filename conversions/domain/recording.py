"""Record what a platform reported: inbox, player, conversion, credit, marks and value in one transaction."""

from collections.abc import Sequence
from datetime import datetime

import structlog

from attribution.domain.credit import Credit, credit_registration
from campaigns.domain.exchange import NoExchangeRate
from conversions.domain.first_deposit import mark_first_deposit, place_new_deposit
from conversions.domain.inbox import Recorded, record_once, refuse_other_terms
from conversions.domain.lifetime_value import write_lifetime_value
from conversions.domain.outbox import withdraw_postbacks
from conversions.domain.reported import ReportedDeposit, ReportedRegistration, plain_amount
from conversions.domain.reporting_currency import convert_to_reporting_currency
from conversions.domain.statuses import effective_status, is_reversed, is_settled_by, never_held_first
from conversions.models import Conversion, InboxEvent, Platform, Player, StatusReport
from tracker_project.common.hints import hint_after_commit

log = structlog.get_logger(__name__)

# The rows that a conversion copies from its player come with him, so that each is read once.
_CREDITED_ROWS = ("campaign", "creative", "partner", "offer")
# Reviews and bookings write to conversions too; whoever locks both locks the player first.
_LOCKED = Conversion.objects.select_for_update(of=("self",), no_key=True)
_CREDITED_VALUES = ("credit_outcome", "click_uuid", "clicked_at", "link_id", "source_id")


def record_registration(
    reported: ReportedRegistration, *, platform: Platform, webhook_id: str, at: datetime
) -> Recorded:
    """Record a registration, lock its credit, and credit the deposits that came before it.

    Idempotent by event id. Raises `ConversionConflict` for other terms, and for a second registration of a player.
    """

    def record(event: InboxEvent) -> Conversion:
        player = _locked_player(platform, reported.player_id, at=at)
        if player.registered_at is not None:
            return _repeated_registration(player, reported)
        _register(player, reported, credit_registration(reported.claim, registered_at=reported.occurred_at))
        conversion = _registration_conversion(player, event)
        _report(conversion, event, conversion.status).save(force_insert=True)
        if _credit_earlier_deposits(player):
            write_lifetime_value(player, at=at)
        return conversion

    return record_once(
        reported, kind=InboxEvent.Kind.REGISTRATION, platform=platform, webhook_id=webhook_id, at=at, record=record
    )


def record_deposit(reported: ReportedDeposit, *, platform: Platform, webhook_id: str, at: datetime) -> Recorded:
    """Record a deposit or a new status of one, with all that follows from it.

    Idempotent by event id; events of one transaction may come in any order and end the same. Raises
    `ConversionConflict` when a known transaction comes with another player, amount or currency.
    """

    def record(event: InboxEvent) -> Conversion:
        player = _locked_player(platform, reported.player_id, at=at)
        conversion = _known_deposit(player, reported)
        if conversion is None:
            conversion = _record_new_deposit(player, reported, event)
        else:
            _record_another_status(conversion, reported.status, event, at=at)
        write_lifetime_value(player, at=at)
        return conversion

    return record_once(
        reported, kind=InboxEvent.Kind.DEPOSIT, platform=platform, webhook_id=webhook_id, at=at, record=record
    )


def _locked_player(platform: Platform, player_id: str, *, at: datetime) -> Player:
    """Return the player, made if he is new, locked until the transaction ends: his events go one by one."""
    players = Player.objects.select_for_update(of=("self",), no_key=True).select_related(*_CREDITED_ROWS)
    known = players.filter(platform=platform, player_id=player_id).first()  # at most one, by constraint
    return known or Player.objects.create(platform=platform, player_id=player_id, created_at=at)


def _repeated_registration(player: Player, reported: ReportedRegistration) -> Conversion:
    """Return the registration that stands, when another event id reports the same one."""
    conversion = player.conversions.get(kind=Conversion.Kind.REGISTRATION)
    first = InboxEvent.objects.get(platform_id=player.platform_id, event_id=conversion.first_event_id)
    refuse_other_terms("player_already_registered", held=first.terms, reported=reported.terms())
    return conversion


def _register(player: Player, reported: ReportedRegistration, credit: Credit) -> None:
    player.registered_at = reported.occurred_at
    player.country = reported.country
    player.region = reported.region
    player.consent_ad_user_data = reported.consent_ad_user_data
    player.consent_ad_personalization = reported.consent_ad_personalization
    player.is_test = player.is_test or reported.is_test
    player.credit_outcome = credit.outcome
    player.click_uuid = credit.click_uuid
    player.clicked_at = credit.clicked_at
    player.link_id = credit.link_id
    player.campaign_id = credit.campaign_id
    player.creative_id = credit.creative_id
    player.partner_id = credit.partner_id
    player.source_id = credit.source_id
    player.offer_id = credit.offer_id
    player.click_facts = credit.click_facts
    player.save()


def _copy_credit(conversion: Conversion, player: Player) -> None:
    for name in (*_CREDITED_ROWS, *_CREDITED_VALUES):
        setattr(conversion, name, getattr(player, name))


def _registration_conversion(player: Player, event: InboxEvent) -> Conversion:
    conversion = Conversion(
        platform_id=player.platform_id,
        player=player,
        kind=Conversion.Kind.REGISTRATION,
        status=Conversion.Status.CONFIRMED,
        is_settled=True,
        is_test=player.is_test,
        occurred_at=event.occurred_at,
        first_event_id=event.event_id,
        received_at=event.received_at,
    )
    _copy_credit(conversion, player)
    conversion.save(force_insert=True)
    return conversion


def _credit_earlier_deposits(player: Player) -> bool:
    """Give the deposits that came before the registration its credit, and have them reviewed again.

    Return whether there are any.
    """
    deposits = list(_LOCKED.filter(player=player, kind=Conversion.Kind.DEPOSIT).order_by("pk"))
    for deposit in deposits:
        _copy_credit(deposit, player)
        deposit.is_test = deposit.is_test or player.is_test
        deposit.is_valuable = False
        deposit.is_first_deposit = False
        deposit.review_state = Conversion.Review.PENDING
        deposit.save()
    if deposits:
        mark_first_deposit(player)
    return bool(deposits)


def _known_deposit(player: Player, reported: ReportedDeposit) -> Conversion | None:
    """Return the transaction's conversion where there is one; raises `ConversionConflict` for other terms."""
    known = (
        _LOCKED.select_related("player", *_CREDITED_ROWS)
        .filter(platform_id=player.platform_id, transaction_id=reported.transaction_id, kind=Conversion.Kind.DEPOSIT)
        .first()  # at most one, by constraint
    )
    if known is None:
        return None
    held = {"player_id": known.player.player_id, "amount": plain_amount(known.amount), "currency": known.currency}
    refuse_other_terms("transaction_conflict", held=held, reported=reported.terms())
    return known


def _record_new_deposit(player: Player, reported: ReportedDeposit, event: InboxEvent) -> Conversion:
    conversion = Conversion(
        platform_id=player.platform_id,
        player=player,
        kind=Conversion.Kind.DEPOSIT,
        transaction_id=reported.transaction_id,
        amount=reported.money.amount,
        currency=reported.money.currency,
        product=reported.product,
        is_test=player.is_test or reported.is_test,
        received_at=event.received_at,
    )
    _copy_credit(conversion, player)
    report = _report(conversion, event, reported.status)
    _follow_reports(conversion, [report])
    try:
        convert_to_reporting_currency(conversion)
    except NoExchangeRate as missing:  # recorded all the same, and converted when the rate is known
        log.warning("deposit_waits_for_exchange_rate", currency=missing.currency, on=str(missing.on))
    place_new_deposit(conversion)
    report.conversion = conversion
    report.save(force_insert=True)
    return conversion


def _record_another_status(conversion: Conversion, status: str, event: InboxEvent, *, at: datetime) -> None:
    _report(conversion, event, status).save(force_insert=True)
    before = (conversion.status, conversion.is_settled)
    _follow_reports(conversion, list(conversion.status_reports.select_related("event")))
    if (conversion.status, conversion.is_settled) != before:
        conversion.review_state = Conversion.Review.PENDING
        conversion.is_valuable = False
    if never_held_first(conversion.status):
        conversion.is_first_deposit = False
    was_confirmed = before[0] == Conversion.Status.CONFIRMED
    if was_confirmed and conversion.status != Conversion.Status.CONFIRMED:
        conversion.booking_state = Conversion.Booking.DUE
        withdraw_postbacks(conversion, at=at)
        hint_after_commit("conversion_settled")
    conversion.save()
    mark_first_deposit(conversion.player)
    conversion.refresh_from_db(fields=["is_first_deposit"])


def _report(conversion: Conversion, event: InboxEvent, status: str) -> StatusReport:
    return StatusReport(
        conversion=conversion,
        event=event,
        status=status,
        occurred_at=event.occurred_at,
        received_at=event.received_at,
    )


def _follow_reports(conversion: Conversion, reports: Sequence[StatusReport]) -> None:
    """Set status, instant and reversal by all reports, so that their order does not matter."""
    earliest = min(reports, key=lambda report: (report.occurred_at, report.event.event_id))
    conversion.status = effective_status([report.status for report in reports])
    conversion.is_settled = any(is_settled_by(report.status) for report in reports)
    conversion.occurred_at = earliest.occurred_at
    conversion.first_event_id = earliest.event.event_id
    reversals = [report.occurred_at for report in reports if is_reversed(report.status)]
    conversion.reversed_at = min(reversals) if is_reversed(conversion.status) else None
