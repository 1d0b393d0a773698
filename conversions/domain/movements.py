"""Money that goes back: withdrawals, and refunds, chargebacks and rejections of what was reported before."""

from datetime import datetime
from typing import Any

from django.db.models import Q

from conversions.domain.inbox import ConversionConflict, Unplaced, refuse_other_terms
from conversions.domain.lifetime_value import write_lifetime_value
from conversions.domain.milestones import report_milestone_status
from conversions.domain.recording import LOCKED_CONVERSIONS, report_status
from conversions.domain.reported import ReportedMovement, plain_amount
from conversions.domain.subjects import (
    CREDITED_ROWS,
    credited_to,
    lock_key,
    locked_player,
    player_id_of,
    proven_click_id,
    waiting_for_player,
    waiting_for_transaction,
)
from conversions.models import Conversion, InboxEvent, Milestone, Movement, Player
from tracker_project.common.money import Money

_REVERSES = {
    InboxEvent.Kind.REFUND: Conversion.Status.REFUNDED,
    InboxEvent.Kind.CHARGEBACK: Conversion.Status.CHARGED_BACK,
    InboxEvent.Kind.REJECTION: Conversion.Status.REJECTED,
}


def place_movement(reported: ReportedMovement, event: InboxEvent, *, at: datetime) -> dict[str, Any]:
    """Write what follows from a withdrawal's, refund's, chargeback's or rejection's inbox event; return its answer.

    What comes before the deposit that it takes back waits for it (`Unplaced`). Raises `ConversionConflict` for a
    known movement with another player, amount or currency, and for more than the deposit's amount.
    """
    if event.kind == InboxEvent.Kind.WITHDRAWAL:
        return _place_withdrawal(reported, event, at=at)
    if reported.rejects == "registration":
        return _reject_registration(reported, event, at=at)
    deposit = _deposit_of(reported, event)
    if deposit is not None:
        return _take_back_deposit(reported, event, deposit, at=at)
    key = _milestone_key(reported)
    lock_key(event.platform_id, key)
    milestones = _milestones_of(event, key)
    if not milestones:
        waits_for = waiting_for_transaction(reported.deposit_transaction_id) if reported.deposit_transaction_id else ""
        raise Unplaced("unknown_transaction", waits_for=waits_for)
    for milestone in milestones:
        report_milestone_status(milestone, Milestone.Status.REJECTED, event)
    return {"status": "recorded", "kind": event.kind, "credited_to": credited_to(milestones[-1])}


def _place_withdrawal(reported: ReportedMovement, event: InboxEvent, *, at: datetime) -> dict[str, Any]:
    player = locked_player(event.platform, player_id_of(reported, event.platform), at=at)
    money = _money(reported)
    if _known_movement(reported, event, player, reported.transaction_id, money) is None:
        _write(reported, event, player, reported.transaction_id, money, deposit=None)
    return {"status": "recorded", "kind": event.kind, "credited_to": credited_to(player)}


def _reject_registration(reported: ReportedMovement, event: InboxEvent, *, at: datetime) -> dict[str, Any]:
    """Report a player's registration as rejected; one that was not heard of yet is waited for."""
    player_id = player_id_of(reported, event.platform)
    registered = Player.objects.filter(platform=event.platform, player_id=player_id, registered_at__isnull=False)
    if not registered.exists():
        raise Unplaced("not_registered", waits_for=waiting_for_player(player_id))
    player = locked_player(event.platform, player_id, at=at)
    registration = LOCKED_CONVERSIONS.select_related("player", *CREDITED_ROWS).get(
        player=player, kind=Conversion.Kind.REGISTRATION
    )
    report_status(registration, _REVERSES[InboxEvent.Kind.REJECTION], event, at=at)
    return {"status": "recorded", "kind": event.kind, "credited_to": credited_to(registration)}


def _take_back_deposit(
    reported: ReportedMovement, event: InboxEvent, deposit: Conversion, *, at: datetime
) -> dict[str, Any]:
    player = locked_player(event.platform, deposit.player.player_id, at=at)
    deposit = LOCKED_CONVERSIONS.select_related("player", *CREDITED_ROWS).get(pk=deposit.pk)
    if reported.player_id and reported.player_id != player.player_id:
        raise ConversionConflict(
            code="transaction_conflict", field="player_id", held=player.player_id, reported=reported.player_id
        )
    if event.kind == InboxEvent.Kind.REJECTION:
        report_status(deposit, _REVERSES[InboxEvent.Kind(event.kind)], event, at=at)
        write_lifetime_value(player, at=at)
        return {"status": "recorded", "kind": event.kind, "credited_to": credited_to(deposit)}
    money = reported.money or Money(amount=deposit.amount, currency=str(deposit.currency))
    transaction_id = reported.transaction_id or reported.deposit_transaction_id
    if _known_movement(reported, event, player, transaction_id, money) is None:
        _refuse_another_currency_or_too_much(deposit, money)
        _write(reported, event, player, transaction_id, money, deposit=deposit)
        _reverse_if_all_is_back(deposit, event, at=at)
        write_lifetime_value(player, at=at)
    return {"status": "recorded", "kind": event.kind, "credited_to": credited_to(deposit)}


def _deposit_of(reported: ReportedMovement, event: InboxEvent) -> Conversion | None:
    return (
        Conversion.objects.select_related("player")
        .filter(
            platform_id=event.platform_id,
            kind=Conversion.Kind.DEPOSIT,
            transaction_id=reported.deposit_transaction_id or None,
        )
        .first()  # at most one, by constraint
    )


def _milestone_key(reported: ReportedMovement) -> str:
    """Return the key of the milestones that a rejection is about; raises `Unplaced` when it names none."""
    if reported.deposit_transaction_id:
        return f"t:{reported.deposit_transaction_id}"
    return f"c:{proven_click_id(reported.click_id).uuid.hex}"


def _milestones_of(event: InboxEvent, key: str) -> list[Milestone]:
    milestones = Milestone.objects.filter(Q(key=key) | Q(key__startswith=f"{key}#"), platform_id=event.platform_id)
    milestones = milestones.select_for_update(of=("self",), no_key=True)
    return list(milestones.select_related("campaign", "creative", "partner").order_by("pk"))


def _known_movement(
    reported: ReportedMovement, event: InboxEvent, player: Player, transaction_id: str, money: Money
) -> Movement | None:
    known = (
        Movement.objects.select_related("player")
        .filter(platform_id=event.platform_id, kind=event.kind, transaction_id=transaction_id)
        .first()  # at most one, by constraint
    )
    if known is not None:
        held = {
            "player_id": known.player.player_id,
            "amount": plain_amount(known.amount),
            "currency": str(known.currency),
        }
        said = {"player_id": player.player_id, "amount": plain_amount(money.amount), "currency": money.currency}
        refuse_other_terms("transaction_conflict", held=held, reported=said)
    return known


def _write(
    reported: ReportedMovement,
    event: InboxEvent,
    player: Player,
    transaction_id: str,
    money: Money,
    *,
    deposit: Conversion | None,
) -> None:
    Movement.objects.create(
        platform_id=event.platform_id,
        player=player,
        kind=event.kind,
        transaction_id=transaction_id,
        deposit=deposit,
        amount=money.amount,
        currency=money.currency,
        occurred_at=reported.occurred_at,
        is_test=reported.is_test or player.is_test,
        event=event,
    )


def _money(reported: ReportedMovement) -> Money:
    if reported.money is None:
        raise Unplaced("no_amount")
    return reported.money


def _refuse_another_currency_or_too_much(deposit: Conversion, money: Money) -> None:
    if money.currency != deposit.currency:
        raise ConversionConflict(
            code="transaction_conflict", field="currency", held=str(deposit.currency), reported=money.currency
        )
    if money.amount > deposit.amount:
        raise ConversionConflict(
            code="transaction_conflict",
            field="amount",
            held=plain_amount(deposit.amount),
            reported=plain_amount(money.amount),
        )


def _reverse_if_all_is_back(deposit: Conversion, event: InboxEvent, *, at: datetime) -> None:
    """Reverse a deposit once its refunds, or its chargebacks, reach its amount: each of them reports it then.

    So the figures end the same whichever came last.
    """
    movements = list(Movement.objects.filter(deposit=deposit, kind=event.kind).select_related("event"))
    if sum(movement.amount for movement in movements) < deposit.amount:
        return
    reported = set(deposit.status_reports.values_list("event_id", flat=True))
    for movement in movements:
        if movement.event_id not in reported:
            report_status(deposit, _REVERSES[InboxEvent.Kind(event.kind)], movement.event, at=at)
