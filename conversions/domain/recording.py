"""Record what a platform reported: inbox, player, conversion, credit, marks and value in one transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.db import IntegrityError, transaction

from attribution.domain.credit import Credit, credit_registration
from campaigns.domain.exchange import NoExchangeRate
from conversions.domain.first_deposit import mark_first_deposit
from conversions.domain.inbox import ConversionConflict, refuse_other_terms, take_event
from conversions.domain.lifetime_value import write_lifetime_value
from conversions.domain.outbox import withdraw_postbacks
from conversions.domain.reported import ReportedDeposit, ReportedRegistration
from conversions.domain.reporting_currency import convert_to_reporting_currency
from conversions.domain.statuses import effective_status, is_reversed, is_settled_by, never_held_first
from conversions.models import Anomaly, Conversion, InboxEvent, Platform, Player, StatusReport
from tracker_project.common.database import broken_constraint
from tracker_project.common.hints import hint_after_commit

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What the sender is answered; a repeat gets the first answer again."""

    answer: dict[str, Any]
    is_repeat: bool


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
        credit = credit_registration(reported.claim, registered_at=reported.occurred_at)
        _register(player, reported, credit)
        conversion = _registration_conversion(player, reported, at=at)
        _report_status(conversion, event, "confirmed")
        _credit_earlier_deposits(player)
        write_lifetime_value(player, at=at)
        return conversion

    return _record(reported, InboxEvent.Kind.REGISTRATION, record, platform=platform, webhook_id=webhook_id, at=at)


def record_deposit(reported: ReportedDeposit, *, platform: Platform, webhook_id: str, at: datetime) -> Recorded:
    """Record a deposit or a new status of one, with all that follows from it.

    Idempotent by event id; events of one transaction may come in any order and end the same. Raises
    `ConversionConflict` when a known transaction comes with another player, amount or currency.
    """

    def record(event: InboxEvent) -> Conversion:
        player = _locked_player(platform, reported.player_id, at=at)
        conversion = _deposit_conversion(player, reported, at=at)
        _report_status(conversion, event, reported.status)
        _follow_status(conversion, at=at)
        mark_first_deposit(player)
        write_lifetime_value(player, at=at)
        conversion.refresh_from_db(fields=["is_first_deposit"])
        return conversion

    return _record(reported, InboxEvent.Kind.DEPOSIT, record, platform=platform, webhook_id=webhook_id, at=at)


def _record(
    reported: ReportedRegistration | ReportedDeposit,
    kind: str,
    record: Callable[[InboxEvent], Conversion],
    *,
    platform: Platform,
    webhook_id: str,
    at: datetime,
) -> Recorded:
    try:
        with transaction.atomic():
            taken = take_event(reported, kind=kind, platform=platform, webhook_id=webhook_id, at=at)
            event = taken.event
            if not taken.is_repeat:
                conversion = record(event)
                event.answer = _answer(conversion)
                event.save(update_fields=["answer"])
                hint_after_commit("conversion_recorded")
                log.info("event_recorded", inbox_event=event.pk, conversion=conversion.pk, kind=kind)
    except ConversionConflict as conflict:
        Anomaly.objects.create(
            platform=platform,
            code=conflict.code,
            event_id=reported.event_id,
            field=conflict.field,
            held=conflict.held,
            reported=conflict.reported,
            received_at=at,
        )
        log.warning("event_conflict", platform=platform.pk, code=conflict.code, field=conflict.field)
        raise
    return Recorded(answer=event.answer, is_repeat=taken.is_repeat)


def _answer(conversion: Conversion) -> dict[str, Any]:
    campaign, creative, partner = conversion.campaign, conversion.creative, conversion.partner
    credited = {
        "campaign": campaign.name if campaign else None,
        "campaign_id": campaign.pk if campaign else None,
        "creative": creative.name if creative else None,
        "partner": partner.tag if partner else None,
    }
    return {
        "status": "recorded",
        "conversion_id": conversion.pk,
        "first_deposit": conversion.is_first_deposit,
        "credited_to": credited if campaign or partner else None,
    }


def _locked_player(platform: Platform, player_id: str, *, at: datetime) -> Player:
    """Return the player, made if he is new, locked until the transaction ends: his events go one by one."""
    Player.objects.bulk_create([Player(platform=platform, player_id=player_id, created_at=at)], ignore_conflicts=True)
    return Player.objects.select_for_update(no_key=True).get(platform=platform, player_id=player_id)


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


def _credit_columns(player: Player) -> dict[str, Any]:
    return {
        "credit_outcome": player.credit_outcome,
        "click_uuid": player.click_uuid,
        "clicked_at": player.clicked_at,
        "link_id": player.link_id,
        "campaign_id": player.campaign_id,
        "creative_id": player.creative_id,
        "partner_id": player.partner_id,
        "source_id": player.source_id,
        "offer_id": player.offer_id,
        "is_test": player.is_test,
    }


def _registration_conversion(player: Player, reported: ReportedRegistration, *, at: datetime) -> Conversion:
    return Conversion.objects.create(
        platform_id=player.platform_id,
        player=player,
        kind=Conversion.Kind.REGISTRATION,
        status=Conversion.Status.CONFIRMED,
        is_settled=True,
        occurred_at=reported.occurred_at,
        first_event_id=reported.event_id,
        received_at=at,
        **_credit_columns(player),
    )


def _credit_earlier_deposits(player: Player) -> None:
    """Give the deposits that came before the registration its credit, and have them reviewed again."""
    deposits = player.conversions.filter(kind=Conversion.Kind.DEPOSIT)
    columns = _credit_columns(player)
    if not player.is_test:
        columns.pop("is_test")  # a deposit that was sent as a test stays one
    deposits.update(**columns, review_state=Conversion.Review.PENDING, is_valuable=False, is_first_deposit=False)
    mark_first_deposit(player)


def _deposit_conversion(player: Player, reported: ReportedDeposit, *, at: datetime) -> Conversion:
    """Return the transaction's conversion, new or known; raises `ConversionConflict` for other terms."""
    known = _known_deposit(player, reported)
    if known is not None:
        return known
    conversion = Conversion(
        platform_id=player.platform_id,
        player=player,
        kind=Conversion.Kind.DEPOSIT,
        transaction_id=reported.transaction_id,
        status=Conversion.Status.PENDING,
        amount=reported.money.amount,
        currency=reported.money.currency,
        product=reported.product,
        occurred_at=reported.occurred_at,
        first_event_id=reported.event_id,
        received_at=at,
        **_credit_columns(player) | {"is_test": player.is_test or reported.is_test},
    )
    try:
        convert_to_reporting_currency(conversion)
    except NoExchangeRate as missing:  # recorded all the same, and converted when the rate is known
        log.warning("deposit_waits_for_exchange_rate", currency=missing.currency, on=str(missing.on))
    try:
        with transaction.atomic():
            conversion.save(force_insert=True)
    except IntegrityError as error:  # another player's event took the transaction a moment ago
        if broken_constraint(error) != "one_conversion_per_transaction_and_kind":
            raise
        known = _known_deposit(player, reported)
        if known is None:
            raise
        return known
    return conversion


def _known_deposit(player: Player, reported: ReportedDeposit) -> Conversion | None:
    known = (
        Conversion.objects.select_related("player")
        .filter(
            platform_id=player.platform_id,
            transaction_id=reported.transaction_id,
            kind=Conversion.Kind.DEPOSIT,
        )
        .first()  # at most one, by constraint
    )
    if known is None:
        return None
    held = {"player_id": known.player.player_id, "amount": _plain(known.amount), "currency": known.currency}
    refuse_other_terms("transaction_conflict", held=held, reported=reported.terms())
    return known


def _plain(amount: Any) -> str:
    return f"{amount.normalize():f}"


def _report_status(conversion: Conversion, event: InboxEvent, status: str) -> None:
    StatusReport.objects.create(
        conversion=conversion,
        event=event,
        status=status,
        occurred_at=event.occurred_at,
        received_at=event.received_at,
    )


def _follow_status(conversion: Conversion, *, at: datetime) -> None:
    """Set status, instant and reversal from all reports, so that their order does not matter."""
    reports = sorted(conversion.status_reports.select_related("event"), key=lambda r: (r.occurred_at, r.event.event_id))
    before = (conversion.status, conversion.is_settled)
    conversion.status = effective_status([report.status for report in reports])
    conversion.is_settled = any(is_settled_by(report.status) for report in reports)
    conversion.occurred_at = reports[0].occurred_at
    conversion.first_event_id = reports[0].event.event_id
    reversals = [report.occurred_at for report in reports if is_reversed(report.status)]
    conversion.reversed_at = min(reversals) if is_reversed(conversion.status) else None
    columns = ["status", "is_settled", "occurred_at", "first_event_id", "reversed_at"]
    if (conversion.status, conversion.is_settled) != before:
        conversion.review_state = Conversion.Review.PENDING
        conversion.is_valuable = False
        columns += ["review_state", "is_valuable"]
    if never_held_first(conversion.status):
        conversion.is_first_deposit = False
        columns.append("is_first_deposit")
    conversion.save(update_fields=columns)
    if conversion.status != before[0] and before[0] == Conversion.Status.CONFIRMED:
        withdraw_postbacks(conversion, at=at)
        Conversion.objects.filter(pk=conversion.pk).update(booking_state=Conversion.Booking.DUE)
        hint_after_commit("conversion_settled")
