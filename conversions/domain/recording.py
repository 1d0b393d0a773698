"""Record what a platform reported: inbox, player, conversion, credit, marks and value in one transaction."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from attribution.domain.touches import read_touches
from attribution.models import CreditOutcome
from campaigns.domain.exchange import NoExchangeRate
from conversions.domain.app_tracking import note_earlier_installs
from conversions.domain.crediting import credit_new_player, end_credit_of_late_deposit
from conversions.domain.first_deposit import MarkedDeposit, mark_first_deposit, place_new_deposit
from conversions.domain.inbox import Recorded, Unplaced, record_once, refuse_other_terms
from conversions.domain.lifetime_value import write_lifetime_value
from conversions.domain.outbox import withdraw_postbacks
from conversions.domain.reported import ReportedDeposit, ReportedRegistration, plain_amount
from conversions.domain.reporting_currency import convert_to_reporting_currency
from conversions.domain.statuses import effective_status, is_reversed, is_settled_by, never_held_first
from conversions.domain.subjects import (
    CREDITED_ROWS,
    ask_for_player,
    copy_credit,
    credited_to,
    lock_click,
    locked_player,
    player_id_of,
    proven_click_id,
    read_credited_rows,
    waiting_for_click,
    waiting_for_player,
    waiting_for_transaction,
    wake_waiting_events,
)
from conversions.domain.touchpoints import keep_later_click
from conversions.models import (
    Conversion,
    CreditDecision,
    DailyActivity,
    InboxEvent,
    Milestone,
    Movement,
    Platform,
    Player,
    StatusReport,
)
from tracker_project.common.hints import hint_after_commit
from tracker_project.common.prepared import columns_of, draw_keys, fetch, insert, insert_soon, made, update

log = structlog.get_logger(__name__)

_CREDIT_OF_A_MILESTONE = (*CREDITED_ROWS, "credit_outcome", "click_uuid", "clicked_at", "link", "source")
# Reviews and bookings write to conversions too; whoever locks both locks the player first.
LOCKED_CONVERSIONS = Conversion.objects.select_for_update(of=("self",), no_key=True)
_CONVERSION = columns_of(Conversion)
_LOCK_CONVERSION = f"SELECT {', '.join(_CONVERSION)} FROM conversions WHERE id = %s FOR NO KEY UPDATE"  # noqa: S608
_REPORT = ("id", "status", "occurred_at", "received_at")
_SAID = ("id", "event_id", "terms")
_REPORTS_OF = f"""
    SELECT {", ".join(f"report.{name}" for name in _REPORT)}, {", ".join(f"event.{name}" for name in _SAID)}
      FROM status_reports report JOIN inbox_events event ON event.id = report.event_id
     WHERE report.conversion_id = %s"""  # noqa: S608
_STANDING_DEPOSITS = """
    SELECT known.id, first.occurred_at, first.first_event_id, nextval('conversions_id_seq')
      FROM (VALUES (0)) AS one
      LEFT JOIN conversions AS known ON known.platform_id = %(platform)s AND known.transaction_id = %(transaction)s
                                    AND known.kind = 'deposit'
      LEFT JOIN players ON players.platform_id = %(platform)s AND players.player_id = %(player)s
      LEFT JOIN conversions AS first ON first.player_id = players.id AND first.is_first_deposit"""
_CAME_EARLIER = """
    SELECT EXISTS (SELECT FROM milestones
                    WHERE player_id = %(player)s
                       OR (platform_id = %(platform)s AND click_uuid = ANY(%(clicks)s) AND player_id IS NULL)),
           EXISTS (SELECT FROM conversions WHERE player_id = %(player)s AND kind = 'deposit')"""
# What a registration or a report of a status changes, by the names of fields.
_REGISTERED = tuple(
    field.name for field in Player._meta.concrete_fields if field.name not in ("id", "platform", "player_id")
)
_FOLLOWING_REPORTS = (
    *("status", "is_settled", "occurred_at", "first_event_id", "received_at", "product", "is_test", "reversed_at"),
    *("review_state", "booking_state", "is_valuable", "is_first_deposit", "credit_decision"),
    *_CREDIT_OF_A_MILESTONE,
)


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
    asked = ask_for_player(event.platform, player_id)
    drawn = draw_keys(Player, CreditDecision, Conversion)
    touches = read_touches(reported.claim, at=reported.occurred_at)
    if not reported.player_id and CreditOutcome.UNKNOWN_LINK in [touch.problem for touch in touches]:
        raise Unplaced("unknown_link", waits_for=waiting_for_click(proven_click_id(reported.claim.click_id).uuid.hex))
    [(player_key, decision_key, conversion_key)] = drawn.rows
    player = locked_player(event.platform, player_id, at=at, asked=asked, new_key=player_key)
    if player.registered_at is not None:
        return conversion_answer(_repeated_registration(player, reported))
    _register(player, reported)
    credit_new_player(player, touches, event=event, decision_key=decision_key, at=at)
    if player._state.adding:
        insert(player)
    else:
        update(player, *_REGISTERED)
    note_earlier_installs(player)
    read_credited_rows(player)
    conversion = _registration_conversion(player, event, key=conversion_key)
    insert_soon(_report(conversion, event, conversion.status))
    named_clicks = {touch.click_uuid for touch in touches if touch.click_uuid}
    _credit_what_came_earlier(player, named_clicks, at=at)
    if player.is_test:
        _mark_earlier_facts_as_tests(player)
    waits_for = [waiting_for_player(player.player_id), *(waiting_for_click(uuid.hex) for uuid in named_clicks)]
    wake_waiting_events(player.platform_id, *waits_for, at=at)
    return conversion_answer(conversion)


def place_deposit(reported: ReportedDeposit, event: InboxEvent, *, at: datetime) -> dict[str, Any]:
    """Write what follows from a deposit's inbox event and return its answer."""
    reported = replace(reported, player_id=player_id_of(reported, event.platform))
    asked = ask_for_player(event.platform, reported.player_id)
    known, marked, key = _standing_deposits(event.platform, reported)
    player = locked_player(event.platform, reported.player_id, at=at, asked=asked)
    conversion = _known_deposit(known, player, reported) if known else None
    if conversion is None:
        conversion = _record_new_deposit(player, reported, event, marked=marked, key=key)
        wake_waiting_events(player.platform_id, waiting_for_transaction(reported.transaction_id), at=at)
    else:
        report_status(conversion, reported.status, event, at=at)
    keep_later_click(reported.click_id, event=event, player=player)
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


def _register(player: Player, reported: ReportedRegistration) -> None:
    player.registered_at = reported.occurred_at
    player.country = reported.country
    player.region = reported.region
    player.consent_ad_user_data = reported.consent_ad_user_data
    player.consent_ad_personalization = reported.consent_ad_personalization
    player.is_test = player.is_test or reported.is_test


def _registration_conversion(player: Player, event: InboxEvent, *, key: int) -> Conversion:
    conversion = Conversion(
        pk=key,
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
    insert(conversion)
    return conversion


def _credit_what_came_earlier(player: Player, named_clicks: set[UUID], *, at: datetime) -> None:
    """Give what came before the registration its credit."""
    [(has_milestones, has_deposits)] = fetch(
        _CAME_EARLIER, {"player": player.pk, "platform": player.platform_id, "clicks": list(named_clicks)}
    )
    if has_milestones:
        _credit_earlier_milestones(player, named_clicks)
    if has_deposits:
        _credit_earlier_deposits(player)
        write_lifetime_value(player, at=at)


def _credit_earlier_deposits(player: Player) -> None:
    """Give the player's deposits his credit, and have them reviewed again."""
    for deposit in LOCKED_CONVERSIONS.filter(player=player, kind=Conversion.Kind.DEPOSIT).order_by("pk"):
        copy_credit(deposit, player)
        end_credit_of_late_deposit(deposit, player, occurred_at=deposit.occurred_at)
        deposit.is_test = deposit.is_test or player.is_test
        deposit.is_valuable = False
        deposit.is_first_deposit = False
        deposit.review_state = Conversion.Review.PENDING
        deposit.save()
    mark_first_deposit(player)


def _credit_earlier_milestones(player: Player, named_clicks: set[UUID]) -> None:
    """Give the player's milestones his credit: his own, and those that named his click."""
    his = Milestone.objects.filter(player=player)
    if named_clicks:
        his |= Milestone.objects.filter(
            platform_id=player.platform_id, click_uuid__in=named_clicks, player__isnull=True
        )
    # Locked: a rejection, which knows no player, may report on one of them at this moment.
    for milestone in his.select_for_update(no_key=True).order_by("pk"):
        milestone.player = player
        copy_credit(milestone, player)
        milestone.is_test = milestone.is_test or player.is_test
        milestone.save(update_fields=["player", "is_test", *_CREDIT_OF_A_MILESTONE])


def _standing_deposits(platform: Platform, reported: ReportedDeposit) -> tuple[int | None, MarkedDeposit | None, int]:
    """Return the key of the transaction's deposit, the place of the player's first, and a key for a new one.

    There is at most one of each; the player's first may only be trusted once he is locked.
    """
    [(known, first_at, first_event_id, key)] = fetch(
        _STANDING_DEPOSITS,
        {"platform": platform.pk, "transaction": reported.transaction_id, "player": reported.player_id},
    )
    return known, None if first_at is None else (first_at, first_event_id), key


def _known_deposit(pk: int, player: Player, reported: ReportedDeposit) -> Conversion:
    """Return the transaction's conversion, locked; raises `ConversionConflict` for other terms."""
    known = made(Conversion, _CONVERSION, fetch(_LOCK_CONVERSION, [pk])[0])
    if known.player_id == player.pk:
        known.player = player
        _share_credited_rows(known, player)
    held = {"player_id": known.player.player_id, "amount": plain_amount(known.amount), "currency": known.currency}
    refuse_other_terms("transaction_conflict", held=held, reported=reported.terms())
    return known


def _share_credited_rows(conversion: Conversion, player: Player) -> None:
    """Let a conversion have the rows of its player where both are credited to the same: they are read once."""
    for name in CREDITED_ROWS:
        if getattr(conversion, f"{name}_id") == getattr(player, f"{name}_id"):
            setattr(conversion, name, getattr(player, name))


def _record_new_deposit(
    player: Player, reported: ReportedDeposit, event: InboxEvent, *, marked: MarkedDeposit | None, key: int
) -> Conversion:
    conversion = Conversion(
        pk=key,
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
    end_credit_of_late_deposit(conversion, player, occurred_at=conversion.occurred_at)
    try:
        convert_to_reporting_currency(conversion)
    except NoExchangeRate as missing:  # recorded all the same, and converted when the rate is known
        log.warning("deposit_waits_for_exchange_rate", currency=missing.currency, on=str(missing.on))
    place_new_deposit(conversion, marked=marked)
    report.conversion = conversion
    insert_soon(report)
    return conversion


def report_status(conversion: Conversion, status: str, event: InboxEvent, *, at: datetime) -> None:
    """Add a report to a known deposit, with all that follows; call with the player locked."""
    insert_soon(_report(conversion, event, status))
    before = (conversion.status, conversion.is_settled, conversion.is_test, conversion.credit_outcome)
    _follow_reports(conversion, _reports_of(conversion))
    if conversion.player.credit_ends_at is not None:  # its instant may have moved over the bound
        copy_credit(conversion, conversion.player)
        end_credit_of_late_deposit(conversion, conversion.player, occurred_at=conversion.occurred_at)
    after = (conversion.status, conversion.is_settled, conversion.is_test, conversion.credit_outcome)
    if after != before:
        conversion.review_state = Conversion.Review.PENDING
        conversion.is_valuable = False
    if conversion.is_test or never_held_first(conversion.status):
        conversion.is_first_deposit = False
    was_confirmed = before[0] == Conversion.Status.CONFIRMED
    if was_confirmed and conversion.status != Conversion.Status.CONFIRMED:
        conversion.booking_state = Conversion.Booking.DUE
        withdraw_postbacks(conversion, at=at)
        hint_after_commit("conversion_settled")
    update(conversion, *_FOLLOWING_REPORTS)
    conversion.is_first_deposit = mark_first_deposit(conversion.player) == conversion.pk


def _report(conversion: Conversion, event: InboxEvent, status: str) -> StatusReport:
    return StatusReport(
        conversion=conversion,
        event=event,
        status=status,
        occurred_at=event.occurred_at,
        received_at=event.received_at,
    )


def _reports_of(conversion: Conversion) -> list[StatusReport]:
    """Return all that was reported of a conversion, each with what its event said."""
    reports = []
    for row in fetch(_REPORTS_OF, [conversion.pk]):
        report = made(StatusReport, _REPORT, row[: len(_REPORT)])
        report.event = made(InboxEvent, _SAID, row[len(_REPORT) :])
        reports.append(report)
    return reports


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
