"""Record what a platform reported: inbox, player, conversion, credit, marks and value in one transaction."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog

from attribution.domain.credit import Credit, credit_registration
from attribution.models import CreditOutcome
from campaigns.domain.exchange import NoExchangeRate
from conversions.domain.first_deposit import mark_first_deposit, place_new_deposit
from conversions.domain.inbox import Recorded, Unplaced, record_once, refuse_other_terms
from conversions.domain.lifetime_value import write_lifetime_value
from conversions.domain.outbox import withdraw_postbacks
from conversions.domain.reported import ReportedDeposit, ReportedRegistration, plain_amount
from conversions.domain.reporting_currency import convert_to_reporting_currency
from conversions.domain.statuses import effective_status, is_reversed, is_settled_by, never_held_first
from conversions.domain.subjects import (
    CREDITED_ROWS,
    copy_credit,
    credited_to,
    lock_click,
    locked_player,
    player_id_of,
    proven_click_id,
    waiting_for_click,
    waiting_for_transaction,
    wake_waiting_events,
)
from conversions.models import (
    Conversion,
    DailyActivity,
    InboxEvent,
    Milestone,
    Movement,
    Platform,
    Player,
    StatusReport,
)
from tracker_project.common.hints import hint_after_commit

log = structlog.get_logger(__name__)

_CREDIT_OF_A_MILESTONE = (*CREDITED_ROWS, "credit_outcome", "click_uuid", "clicked_at", "link", "source")
# Reviews and bookings write to conversions too; whoever locks both locks the player first.
LOCKED_CONVERSIONS = Conversion.objects.select_for_update(of=("self",), no_key=True)


def record_registration(
    reported: ReportedRegistration, *, platform: Platform, webhook_id: str, at: datetime
) -> Recorded:
    """Record a registration, lock its credit, and credit what came before it.

    Idempotent by event id. Raises `ConversionConflict` for other terms, and for a second registration of a player.
    """
    return record_once(
        reported,
        platform=platform,
        webhook_id=webhook_id,
        at=at,
        place=lambda event: place_registration(reported, event, at=at),
    )


def record_deposit(reported: ReportedDeposit, *, platform: Platform, webhook_id: str, at: datetime) -> Recorded:
    """Record a deposit or a new status of one, with all that follows from it.

    Idempotent by event id; events of one transaction may come in any order and end the same. Raises
    `ConversionConflict` when a known transaction comes with another player, amount or currency.
    """
    return record_once(
        reported,
        platform=platform,
        webhook_id=webhook_id,
        at=at,
        place=lambda event: place_deposit(reported, event, at=at),
    )


def place_registration(reported: ReportedRegistration, event: InboxEvent, *, at: datetime) -> dict[str, Any]:
    """Write what follows from a registration's inbox event and return its answer."""
    lock_click(event.platform_id, reported.claim.click_id)
    player_id = player_id_of(reported, event.platform)
    credit = credit_registration(reported.claim, registered_at=reported.occurred_at)
    if not reported.player_id and credit.outcome == CreditOutcome.UNKNOWN_LINK:
        raise Unplaced("unknown_link", waits_for=waiting_for_click(proven_click_id(reported.claim.click_id).uuid.hex))
    player = locked_player(event.platform, player_id, at=at)
    if player.registered_at is not None:
        return conversion_answer(_repeated_registration(player, reported))
    _register(player, reported, credit)
    conversion = _registration_conversion(player, event)
    _report(conversion, event, conversion.status).save(force_insert=True)
    _credit_earlier_milestones(player)
    if player.is_test:
        _mark_earlier_facts_as_tests(player)
    if _credit_earlier_deposits(player):
        write_lifetime_value(player, at=at)
    named_by = [player.click_uuid.hex] if player.click_uuid else []
    if not reported.player_id:
        named_by.append(proven_click_id(reported.claim.click_id).uuid.hex)
    if named_by:
        wake_waiting_events(player.platform_id, *map(waiting_for_click, named_by), at=at)
    return conversion_answer(conversion)


def place_deposit(reported: ReportedDeposit, event: InboxEvent, *, at: datetime) -> dict[str, Any]:
    """Write what follows from a deposit's inbox event and return its answer."""
    reported = replace(reported, player_id=player_id_of(reported, event.platform))
    player = locked_player(event.platform, reported.player_id, at=at)
    conversion = _known_deposit(player, reported)
    if conversion is None:
        conversion = _record_new_deposit(player, reported, event)
        wake_waiting_events(player.platform_id, waiting_for_transaction(reported.transaction_id), at=at)
    else:
        report_status(conversion, reported.status, event, at=at)
    write_lifetime_value(player, at=at)
    return conversion_answer(conversion)


def conversion_answer(conversion: Conversion) -> dict[str, Any]:
    """Return what the sender of a registration or deposit is answered."""
    return {
        "status": "recorded",
        "conversion_id": conversion.pk,
        "first_deposit": conversion.is_first_deposit,
        "credited_to": credited_to(conversion),
    }


def _repeated_registration(player: Player, reported: ReportedRegistration) -> Conversion:
    """Return the registration that stands, when another event id reports the same one."""
    conversion = player.conversions.get(kind=Conversion.Kind.REGISTRATION)
    if not reported.player_id:  # found by his click, and the message says nothing else of him
        return conversion
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
    copy_credit(conversion, player)
    conversion.save(force_insert=True)
    return conversion


def _credit_earlier_deposits(player: Player) -> bool:
    """Give the deposits that came before the registration its credit, and have them reviewed again.

    Return whether there are any.
    """
    deposits = list(LOCKED_CONVERSIONS.filter(player=player, kind=Conversion.Kind.DEPOSIT).order_by("pk"))
    for deposit in deposits:
        copy_credit(deposit, player)
        deposit.is_test = deposit.is_test or player.is_test
        deposit.is_valuable = False
        deposit.is_first_deposit = False
        deposit.review_state = Conversion.Review.PENDING
        deposit.save()
    if deposits:
        mark_first_deposit(player)
    return bool(deposits)


def _credit_earlier_milestones(player: Player) -> None:
    """Give the milestones that came before the registration its credit: his own, and those that named his click."""
    his = Milestone.objects.filter(player=player)
    if player.click_uuid is not None:
        by_his_click = Milestone.objects.filter(
            platform_id=player.platform_id, click_uuid=player.click_uuid, player__isnull=True
        )
        his = his | by_his_click
    # Locked: a rejection, which knows no player, may report on one of them at this moment.
    for milestone in his.select_for_update(no_key=True).order_by("pk"):
        milestone.player = player
        copy_credit(milestone, player)
        milestone.is_test = milestone.is_test or player.is_test
        milestone.save(update_fields=["player", "is_test", *_CREDIT_OF_A_MILESTONE])


def _known_deposit(player: Player, reported: ReportedDeposit) -> Conversion | None:
    """Return the transaction's conversion where there is one; raises `ConversionConflict` for other terms."""
    known = (
        LOCKED_CONVERSIONS.select_related("player", *CREDITED_ROWS)
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
    copy_credit(conversion, player)
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


def report_status(conversion: Conversion, status: str, event: InboxEvent, *, at: datetime) -> None:
    """Add a report to a known deposit, with all that follows; call with the player locked."""
    _report(conversion, event, status).save(force_insert=True)
    before = (conversion.status, conversion.is_settled, conversion.is_test)
    _follow_reports(conversion, list(conversion.status_reports.select_related("event")))
    if (conversion.status, conversion.is_settled, conversion.is_test) != before:
        conversion.review_state = Conversion.Review.PENDING
        conversion.is_valuable = False
    if conversion.is_test or never_held_first(conversion.status):
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
    """Set all that a conversion has of its reports by all of them, so that their order does not matter.

    One report of a test makes it one: whatever a movement says of that counts as well.
    """
    ordered = sorted(reports, key=lambda report: (report.occurred_at, report.event.event_id))
    earliest, said = ordered[0], [report.event.terms for report in ordered]
    conversion.status = effective_status([report.status for report in reports])
    conversion.is_settled = any(is_settled_by(report.status) for report in reports)
    conversion.occurred_at = earliest.occurred_at
    conversion.first_event_id = earliest.event.event_id
    conversion.received_at = min(report.received_at for report in reports)
    conversion.product = next((terms["product"] for terms in said if terms.get("product")), "")
    conversion.is_test = conversion.is_test or any(terms.get("is_test") for terms in said)
    reversals = [report.occurred_at for report in reports if is_reversed(report.status)]
    conversion.reversed_at = min(reversals) if is_reversed(conversion.status) else None


def _mark_earlier_facts_as_tests(player: Player) -> None:
    Movement.objects.filter(player=player, is_test=False).update(is_test=True)
    DailyActivity.objects.filter(player=player, is_test=False).update(is_test=True)
