"""What recording an imported row comes to: the same for a preview, which takes it back, and for good."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from conversions.domain.inbox import ConversionConflict, Recorded
from conversions.domain.intake import record_event
from conversions.domain.privacy import Scrubbed
from conversions.domain.reported import Reported, reported_again
from conversions.domain.requests import keep_tokens
from conversions.domain.statuses import effective_status
from conversions.models import ImportRow, InboxEvent, MilestoneReport, StatusReport

_Verdict = ImportRow.Verdict
_COLUMNS = {"kind": "type"}
WAITS_FOR = {
    "names_nobody": "it names neither a player nor a click",
    "malformed_click_id": "its click_id is not one of ours",
    "forged_click_id": "its click_id is forged",
    "unknown_link": "its click's link does not exist",
    "unknown_player": "nobody has registered by its click yet",
    "several_players": "several players registered by its click",
    "not_registered": "its player has not registered yet",
    "unknown_transaction": "what it takes back was not reported yet",
    "no_amount": "it names no amount",
}


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a row came to, in a word and in a sentence, and the inbox event that says so."""

    verdict: ImportRow.Verdict
    detail: str
    event_pk: int | None = None


def record_row(row: ImportRow, *, at: datetime) -> Effect:
    """Record what a row reports, as if a webhook had brought it, and return what it came to; `row.file` is at hand."""
    reported = reported_of(row)
    try:
        recorded = record_event(
            reported,
            platform=row.file.platform,
            endpoint=row.file.endpoint,
            webhook_id=message_id_of(reported),
            at=at,
        )
    except ConversionConflict as conflict:
        return Effect(verdict=_Verdict.CONFLICT, detail=_conflict_in_words(conflict))
    _keep_tokens(row, reported, recorded, at=at)
    return _effect_of(reported, recorded)


def reported_of(row: ImportRow) -> Reported:
    """Return the event that a row reports."""
    occurred_at = cast(datetime, row.occurred_at)  # only a row that cannot be read has none
    held = InboxEvent(kind=row.kind, event_id=row.event_id, terms=row.terms, occurred_at=occurred_at)
    return reported_again(held)


def message_id_of(reported: Reported) -> str:
    """Return what the inbox knows a row's message by: the same for the same event in any file."""
    return f"import#{reported.event_id}"


def _keep_tokens(row: ImportRow, reported: Reported, recorded: Recorded, *, at: datetime) -> None:
    keep_tokens(
        Scrubbed(fields={}, content={}, tokens=[(kind, token) for kind, token in row.tokens]),
        platform=row.file.platform,
        player_id=reported.player_id or reported.named_click,
        event_pk=recorded.event_pk,
        at=at,
    )


def _effect_of(reported: Reported, recorded: Recorded) -> Effect:
    pk = recorded.event_pk
    if recorded.is_quarantined:
        reason = str((recorded.answer or {}).get("reason", ""))
        detail = f"Kept until what it names is known: {WAITS_FOR.get(reason, reason)}."
        return Effect(verdict=_Verdict.REPEAT if recorded.is_repeat else _Verdict.WAITS, detail=detail, event_pk=pk)
    if recorded.is_repeat:
        return Effect(
            verdict=_Verdict.REPEAT, detail="The same event was recorded before: nothing changes.", event_pk=pk
        )
    return _effect_on_conversion(reported, pk) or _effect_on_milestone(pk) or _other_effect(reported, recorded)


def _effect_on_conversion(reported: Reported, event_pk: int) -> Effect | None:
    report = StatusReport.objects.filter(event=event_pk).select_related("conversion").first()  # at most one
    if report is None:
        return None
    others = list(report.conversion.status_reports.exclude(pk=report.pk).values_list("status", flat=True))
    name = report.conversion.get_kind_display()
    return _status_effect(name, others, report.status, event_pk, credit=_credit_in_words(report.conversion))


def _effect_on_milestone(event_pk: int) -> Effect | None:
    reports = MilestoneReport.objects.filter(event=event_pk).select_related("milestone__campaign", "milestone__partner")
    report = reports.order_by("pk").first()
    if report is None:
        return None
    others = list(report.milestone.reports.exclude(pk=report.pk).values_list("status", flat=True))
    name = report.milestone.get_kind_display()
    return _status_effect(name, others, report.status, event_pk, credit=_credit_in_words(report.milestone))


def _status_effect(name: str, others: list[str], said: str, event_pk: int, *, credit: str) -> Effect:
    """Say what one more report of a status does beside the reports that were there."""
    if not others:
        return Effect(verdict=_Verdict.NEW, detail=f"{name}, {_words(said)}; {credit}.", event_pk=event_pk)
    before, after = effective_status(others), effective_status([*others, said])
    if before == after:
        detail = f"{name} is {_words(before)} already and stays so."
        return Effect(verdict=_Verdict.KNOWN, detail=detail, event_pk=event_pk)
    detail = f"{name} turns from {_words(before)} to {_words(after)}."
    return Effect(verdict=_Verdict.TRANSITION, detail=detail, event_pk=event_pk)


def _other_effect(reported: Reported, recorded: Recorded) -> Effect:
    event = InboxEvent.objects.get(pk=recorded.event_pk)
    name = event.get_kind_display()
    wrote = [one for one in ("movement", "player_status", "activity_report", "install") if hasattr(event, one)]
    if not wrote:
        detail = f"{name}: the same was recorded under another event id."
        return Effect(verdict=_Verdict.KNOWN, detail=detail, event_pk=event.pk)
    credited = (recorded.answer or {}).get("credited_to")
    detail = f"{name}; {'credited to ' + _credited(credited) if credited else 'credited to nobody'}."
    return Effect(verdict=_Verdict.NEW, detail=detail, event_pk=event.pk)


def _credit_in_words(fact: object) -> str:
    names = [str(each) for each in (getattr(fact, "campaign", None), getattr(fact, "partner", None)) if each]
    return f"credited to {' and '.join(names)}" if names else "credited to nobody"


def _credited(credited: dict[str, object]) -> str:
    return str(credited.get("campaign") or credited.get("partner"))


def _words(status: str) -> str:
    return status.replace("_", " ")


def _conflict_in_words(conflict: ConversionConflict) -> str:
    column = _COLUMNS.get(conflict.field, conflict.field)
    held, said = _shown(conflict.held), _shown(conflict.reported)
    if conflict.code == "player_already_registered":
        return f"The player registered before with another {column}: {held}, and the row says {said}. The first stands."
    if conflict.code == "event_conflict":
        column = "type" if conflict.field == "event_id" else column
        return (
            f"This event id was reported before with another {column}: {held}, here {said}. Give a new event its own."
        )
    return f"{column} is {said} here and {held} in what was recorded before. The first stands; correct the row or ask."


def _shown(value: object) -> str:
    return "empty" if value in (None, "") else str(value)[:60]
