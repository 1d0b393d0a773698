"""Work on imports, a piece at a time: whoever is killed leaves a lease behind that ends, and nothing half-written."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q, QuerySet

from conversions.domain.imports.counting import UNDOABLE, Column, count_rows
from conversions.domain.imports.effects import Effect, record_row
from conversions.domain.imports.undoing import undo_row
from conversions.models import Import, ImportRow
from tracker_project.common.hints import hint_after_commit

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=2)
_AT_A_TIME = 50
# So many rows about one player or transaction are tried together; the locks on him end with them.
_MOST_TOGETHER = 500
_LONGEST = 300
_FAILED = "The tracker failed on this row and recorded nothing of it; its log says how. The other rows go on."
_State = Import.State
_Clock = Callable[[], datetime]


def work_on_imports(*, clock: _Clock, for_seconds: float) -> None:
    """Work on imports that wait for it, oldest first, until none is left or the time is over.

    Workers may run side by side, each on an import of its own.
    """
    until = clock() + timedelta(seconds=for_seconds)
    passed: set[int] = set()
    while clock() < until and (file := _claim(passed, at=clock())) is not None:
        passed.add(file.pk)
        work_on(file, clock=clock, until=until)
    if Import.objects.filter(state__in=_STAGES, leased_until__isnull=True).exists():
        hint_after_commit("import_waits")


def work_on(file: Import, *, clock: _Clock, until: datetime) -> None:
    """Work on one import, that we hold, until its stage is over or the time is; then let it go."""
    while (at := clock()) < until:
        if not _STAGES[file.state](file, at):
            break
    Import.objects.filter(pk=file.pk).update(leased_until=None)


def claim(file: Import, *, at: datetime) -> Import | None:
    """Return an import that waits for work, held for us; None where there is nothing to do or somebody is at it."""
    held = _workable(at).filter(pk=file.pk).update(leased_until=at + LEASE)
    return Import.objects.select_related("platform__brand", "endpoint").get(pk=file.pk) if held else None


@transaction.atomic
def _claim(passed: set[int], *, at: datetime) -> Import | None:
    waiting = _workable(at).exclude(pk__in=passed).order_by("pk").select_for_update(skip_locked=True).first()
    return claim(waiting, at=at) if waiting else None


def _workable(at: datetime) -> QuerySet[Import]:
    free = Q(leased_until__isnull=True) | Q(leased_until__lte=at)
    return Import.objects.filter(free, state__in=_STAGES)


def _preview(file: Import, at: datetime) -> bool:
    """Try the next rows and take it all back; whether there may be more. Each subject is a transaction of its own."""
    waiting = file.rows.filter(verdict="").order_by("subject", "number")
    subjects = list(dict.fromkeys(waiting.values_list("subject", flat=True)[:_AT_A_TIME]))
    for subject in subjects:
        _preview_subject(file, subject, at=at)
    return _go_on(file, bool(subjects), then=_State.PREVIEWED, by="verdict", stamp="previewed_at", at=at)


def _preview_subject(file: Import, subject: int, *, at: datetime) -> None:
    rows = list(file.rows.filter(subject=subject, verdict="").order_by("number")[:_MOST_TOGETHER])
    with transaction.atomic(), structlog.contextvars.bound_contextvars(preview_of=file.pk):
        for row in rows:
            row.file = file
            effect = _attempt(row, at=at)
            row.verdict, row.verdict_detail = effect.verdict, effect.detail[:_LONGEST]
            row.problem = row.verdict_detail if effect.verdict == ImportRow.Verdict.UNREADABLE else ""
        transaction.set_rollback(True)
    ImportRow.objects.bulk_update(rows, ["verdict", "verdict_detail", "problem"])


def _attempt(row: ImportRow, *, at: datetime) -> Effect:
    """Record a row; one on which we fail is logged, records nothing and stops no other."""
    try:
        with transaction.atomic():
            return record_row(row, at=at)
    except (OperationalError, InterfaceError):
        raise  # the database is the trouble, not the row
    except Exception:
        log.exception("import_row_failed", import_row=row.pk)
        return Effect(verdict=ImportRow.Verdict.UNREADABLE, detail=_FAILED)


def _record(file: Import, at: datetime) -> bool:
    """Record the next rows, each with what it came to in one transaction; whether there may be more."""
    waiting = file.rows.filter(outcome="").order_by("subject", "number")
    pks = list(waiting.values_list("pk", flat=True)[:_AT_A_TIME])
    for pk in pks:
        _record_one(file, pk, at=at)
    return _go_on(file, bool(pks), then=_State.IMPORTED, by="outcome", stamp="finished_at", at=at)


@transaction.atomic
def _record_one(file: Import, pk: int, *, at: datetime) -> None:
    row = file.rows.select_for_update(skip_locked=True).filter(pk=pk, outcome="").first()  # at most one, by its key
    if row is None:  # a worker whose lease had ended was slower than we thought, and did it
        return
    row.file = file
    effect = _attempt(row, at=at)
    row.outcome, row.outcome_detail = effect.verdict, effect.detail[:_LONGEST]
    row.inbox_event_id, row.tokens = effect.event_pk, []
    row.save(update_fields=["outcome", "outcome_detail", "inbox_event", "tokens"])


def _undo(file: Import, at: datetime) -> bool:
    """Undo the next rows, the last of the file first; whether there may be more."""
    waiting = file.rows.filter(undo="", outcome__in=UNDOABLE).order_by("-number")
    pks = list(waiting.values_list("pk", flat=True)[:_AT_A_TIME])
    for pk in pks:
        undo_row(file, pk, at=at)
    return _go_on(file, bool(pks), then=_State.UNDONE, by="undo", stamp="undone_at", at=at)


def _go_on(file: Import, has_worked: bool, *, then: Import.State, by: Column, stamp: str, at: datetime) -> bool:
    """Write down how far the stage is, or that it is over; whether to go on. A person may have ended it meanwhile."""
    current = Import.objects.filter(pk=file.pk, state=file.state)
    columns: dict[str, Any] = {"counts": count_rows(file, by=by)}
    if has_worked:
        return bool(current.update(**columns, leased_until=at + LEASE))
    current.update(**columns, **{stamp: at}, state=then)
    log.info("import_stage_over", imported_file=file.pk, state=then, **columns["counts"])
    return False


_STAGES: dict[str, Callable[[Import, datetime], bool]] = {
    _State.PREVIEWING: _preview,
    _State.IMPORTING: _record,
    _State.UNDOING: _undo,
}
