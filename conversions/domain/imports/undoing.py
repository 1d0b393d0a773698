"""Undo what a row recorded: a further event that takes it back by the ordinary rules, or a reason why it stays."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from conversions.domain.imports.effects import message_id_of
from conversions.domain.inbox import ConversionConflict
from conversions.domain.intake import discard_event, record_event
from conversions.domain.reported import (
    Reported,
    ReportedActivity,
    ReportedDeposit,
    ReportedMilestone,
    ReportedMovement,
    ReportedPlayerStatus,
    reported_again,
)
from conversions.models import (
    Conversion,
    DailyActivity,
    Import,
    ImportRow,
    InboxEvent,
    Milestone,
    PlayerStatus,
    StatusReport,
)

_Status = Conversion.Status
_GONE = (_Status.REJECTED, _Status.VOID)
_OPPOSITES = {
    PlayerStatus.Status.BLOCKED: PlayerStatus.Status.UNBLOCKED,
    PlayerStatus.Status.DUPLICATE: PlayerStatus.Status.NOT_DUPLICATE,
}
_STAYS = {
    InboxEvent.Kind.WITHDRAWAL: "A withdrawal has no opposite: ask the platform to correct it.",
    InboxEvent.Kind.REFUND: "A refund is final: the deposit stays refunded, as statuses never go back.",
    InboxEvent.Kind.CHARGEBACK: "A chargeback is final: the deposit stays charged back, as statuses never go back.",
    InboxEvent.Kind.REJECTION: "A rejection is final: statuses never go back.",
    InboxEvent.Kind.INSTALL: "What a measurement partner reported of a device stays as a fact.",
}


class Stays(Exception):
    """What the row recorded cannot be taken back; the text says why."""


@transaction.atomic
def undo_row(file: Import, pk: int, *, at: datetime) -> None:
    """Undo one row, in one transaction with what is written of it; does nothing for one that is undone."""
    row = file.rows.select_for_update(skip_locked=True).filter(pk=pk, undo="").first()  # at most one, by its key
    if row is None:
        return
    row.file = file
    try:
        row.undo_detail, row.undo_event_id = _undo(row, at=at)
        row.undo = ImportRow.Undo.UNDONE
    except Stays as stays:
        row.undo, row.undo_detail = ImportRow.Undo.KEPT, str(stays)
    except ConversionConflict as conflict:
        row.undo, row.undo_detail = ImportRow.Undo.KEPT, f"{conflict.field} was changed since: {conflict}."
    row.save(update_fields=["undo", "undo_detail", "undo_event"])


def _undo(row: ImportRow, *, at: datetime) -> tuple[str, int | None]:
    """Take back what a row recorded and return how, with the event that does; raises `Stays`."""
    event = InboxEvent.objects.select_related("platform__brand", "endpoint").get(import_rows=row.pk)
    if event.state == InboxEvent.State.DISCARDED:
        return "It was discarded from the quarantine.", None
    if event.state == InboxEvent.State.QUARANTINED:
        discard_event(event, reason="its import was undone", at=at)
        return "It waited in the quarantine and was discarded.", None
    if event.kind in _STAYS:
        raise Stays(_STAYS[InboxEvent.Kind(event.kind)])
    detail, reversal = _REVERSALS[InboxEvent.Kind(event.kind)](row, event, at)
    recorded = record_event(reversal, platform=event.platform, webhook_id=message_id_of(reversal), at=at)
    if recorded.is_quarantined:
        raise Stays("What it recorded cannot be found any more.")
    return detail, recorded.event_pk


_Reversal = tuple[str, Reported]


def _undo_deposit(row: ImportRow, event: InboxEvent, at: datetime) -> _Reversal:
    """Void a deposit that this import alone reported: it never was."""
    deposit = event.status_report.conversion
    others = _reports_of_others(deposit, row.file)
    if row.outcome == ImportRow.Verdict.TRANSITION and others:
        raise Stays(
            f"It changed a deposit that others reported too; it stays {_in_words(deposit)}, as statuses never go back."
        )
    if others:
        raise Stays("The platform reported the same deposit since: it stays.")
    if deposit.status in (_Status.REFUNDED, _Status.CHARGED_BACK):
        raise Stays(f"The deposit was {_in_words(deposit)} since, which is final.")
    reported = reported_again(event)
    if not isinstance(reported, ReportedDeposit):
        raise Stays("The event is no deposit any more.")
    return "The deposit is void.", replace(reported, status=_Status.VOID, **_of_undo(event, at))


def _undo_registration(row: ImportRow, event: InboxEvent, at: datetime) -> _Reversal:
    """Reject a registration that this import alone reported: it counts for nothing, and its credit is kept to see."""
    registration = event.status_report.conversion
    deposits = registration.player.conversions.filter(kind=Conversion.Kind.DEPOSIT).exclude(status__in=_GONE)
    if any(_reports_of_others(deposit, row.file) for deposit in deposits):
        raise Stays("The platform reported deposits of this player: he exists, and his registration stays.")
    if registration.status == _Status.REJECTED:
        raise Stays("The registration is rejected already.")
    rejection = ReportedMovement(
        kind=InboxEvent.Kind.REJECTION,
        player_id=registration.player.player_id,
        is_test=registration.is_test,
        rejects="registration",
        reason="its import was undone",
        **_of_undo(event, at),
    )
    return "The registration is rejected and counts for nothing.", rejection


def _undo_milestone(row: ImportRow, event: InboxEvent, at: datetime) -> _Reversal:
    report = event.milestone_reports.select_related("milestone").get()
    milestone = report.milestone
    ours = _events_of(row.file)
    others = milestone.reports.exclude(event__in=ours).exclude(event__event_id__startswith=_UNDO)
    if others.exists():
        raise Stays(f"Others reported the same {milestone.get_kind_display().lower()}: it stays.")
    reported = reported_again(event)
    if not isinstance(reported, ReportedMilestone):
        raise Stays("The event is no milestone any more.")
    rejected = replace(reported, status=Milestone.Status.REJECTED, **_of_undo(event, at))
    return f"The {milestone.get_kind_display().lower()} is rejected.", rejected


def _undo_player_status(row: ImportRow, event: InboxEvent, at: datetime) -> _Reversal:
    status = event.player_status
    opposite = _OPPOSITES.get(PlayerStatus.Status(status.status))
    if status.status == PlayerStatus.Status.SELF_EXCLUDED:
        raise Stays("Only the platform may say that a player came back from self-exclusion.")
    if opposite is None:
        raise Stays(f"“{status.get_status_display()}” has no opposite: ask the platform for the right status.")
    same = PlayerStatus.objects.filter(player=status.player, status=status.status).exclude(pk=status.pk)
    if same.exists():
        raise Stays("The same status was reported more than once: it stays.")
    reversal = ReportedPlayerStatus(
        player_id=status.player.player_id,
        status=opposite,
        **_of_undo(event, at) | {"occurred_at": status.occurred_at + timedelta(microseconds=1), "is_time_ours": False},
    )
    return f"The player is “{opposite.label}” from the same moment on.", reversal


def _undo_activity(row: ImportRow, event: InboxEvent, at: datetime) -> _Reversal:
    """Add the negative of a delta; restate a total as what stood before it, or as nothing."""
    report = event.activity_report
    day = report.activity
    reported = reported_again(event)
    if not isinstance(reported, ReportedActivity):
        raise Stays("The event is no activity any more.")
    moment = event.occurred_at + timedelta(microseconds=1)
    if day.mode == DailyActivity.Mode.DELTA:
        figures = {name: _negative(text) for name, text in reported.figures.items()}
        return "The opposite figures were added.", replace(reported, figures=figures, **_of_undo(event, at))
    others = day.reports.exclude(pk=report.pk).order_by("occurred_at", "event__event_id")
    if others.filter(occurred_at__gt=event.occurred_at).exists():
        raise Stays("The platform restated the day since: its figures stand.")
    earlier = others.last()
    before = dict(earlier.figures) if earlier else {}
    figures = {name: before.get(name, "0") for name in reported.figures.keys() | before.keys()}
    times: dict[str, Any] = _of_undo(event, at) | {"occurred_at": moment, "is_time_ours": False}
    return "The day is restated as it was before.", replace(reported, figures=figures, **times)


_REVERSALS: dict[InboxEvent.Kind, Callable[[ImportRow, InboxEvent, datetime], _Reversal]] = {
    InboxEvent.Kind.DEPOSIT: _undo_deposit,
    InboxEvent.Kind.REGISTRATION: _undo_registration,
    InboxEvent.Kind.SIGNUP: _undo_milestone,
    InboxEvent.Kind.LEAD: _undo_milestone,
    InboxEvent.Kind.SALE: _undo_milestone,
    InboxEvent.Kind.QUALIFIED: _undo_milestone,
    InboxEvent.Kind.PLAYER_STATUS: _undo_player_status,
    InboxEvent.Kind.ACTIVITY: _undo_activity,
}
_UNDO = "undo:"


def _of_undo(event: InboxEvent, at: datetime) -> dict[str, Any]:
    """Return the id and time of the event that takes `event` back: there is one, however often it is tried."""
    digest = hashlib.sha256(event.event_id.encode()).hexdigest()[:40]
    return {"event_id": f"{_UNDO}{digest}", "occurred_at": at, "is_time_ours": True}


def _reports_of_others(conversion: Conversion, file: Import) -> list[StatusReport]:
    """Return what was reported of a conversion by anybody but this import and its undoing."""
    ours = _events_of(file)
    reports = conversion.status_reports.exclude(event__in=ours).exclude(event__event_id__startswith=_UNDO)
    return list(reports)


def _in_words(conversion: Conversion) -> str:
    return conversion.get_status_display().lower()


def _negative(text: str) -> str:
    return text.removeprefix("-") if text.startswith("-") or text == "0" else f"-{text}"


def _events_of(file: Import) -> QuerySet[ImportRow, Any]:
    """Return the events that this import itself recorded; a repeat's event is somebody else's."""
    rows = file.rows.filter(inbox_event__isnull=False).exclude(outcome=ImportRow.Verdict.REPEAT)
    return rows.values("inbox_event")
