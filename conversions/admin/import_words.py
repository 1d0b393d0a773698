"""What is said about imports and their rows, in plain words."""

from typing import Any

from django.urls import reverse

from conversions.admin.endpoints import dropped_in_words
from conversions.domain.imports.counting import UNDOABLE
from conversions.models import Import, ImportRow
from tracker_project.common.pages import NOTHING, list_address

STATE_COLOURS = {
    "Preview is being made": "info",
    "Waits for confirmation": "warning",
    "Being recorded": "info",
    "Recorded": "success",
    "Being undone": "info",
    "Undone": "danger",
    "Discarded": "",
}
VERDICT_COLOURS = {
    "New": "success",
    "Changes a status": "success",
    "Known already": "info",
    "Repeat": "info",
    "Waits": "warning",
    "Conflict": "danger",
    "Not for us": "info",
    "Cannot be read": "danger",
    "Undone": "success",
    "Stays": "warning",
}
_Verdict = ImportRow.Verdict
_State = Import.State
_ATTENTION: dict[str, tuple[str, ...]] = {
    "verdict": (_Verdict.UNREADABLE, _Verdict.CONFLICT, _Verdict.WAITS),
    "outcome": (_Verdict.UNREADABLE, _Verdict.CONFLICT, _Verdict.WAITS),
    "undo": (ImportRow.Undo.KEPT,),
}
_ROWS_SHOWN = 25
_COUNTED = {
    _Verdict.NEW: "new",
    _Verdict.TRANSITION: "changes a status",
    _Verdict.KNOWN: "known already",
    _Verdict.REPEAT: "repeat",
    _Verdict.WAITS: "waits",
    _Verdict.CONFLICT: "conflict",
    _Verdict.IGNORED: "not for us",
    _Verdict.UNREADABLE: "cannot be read",
    ImportRow.Undo.UNDONE: "undone",
    ImportRow.Undo.KEPT: "stays",
    "": "to go",
}
_SENTENCES = {
    _State.PREVIEWING: "Each row is tried, and taken back at once. Nothing is recorded yet.",
    _State.PREVIEWED: "This is what recording would come to now. Nothing is recorded until you confirm.",
    _State.IMPORTING: "Rows are recorded one by one. You may leave this page; it goes on by itself.",
    _State.IMPORTED: "Whatever came of a row stands beside it.",
    _State.UNDOING: "What the rows recorded is taken back, the last first.",
    _State.UNDONE: "Further events took it back; nothing was deleted. What stays says why.",
    _State.DISCARDED: "Dropped before anything was recorded. The file may be uploaded again.",
}


def row_in_words(row: ImportRow) -> str:
    """Return what is to be known of a row, the latest first, or what to mend and in which column."""
    if row.problem:
        said = row.problem.removeprefix(f"{row.problem_column}: ")
        return said if said.startswith(row.problem_column or " ") else said[:1].upper() + said[1:]
    return row.undo_detail or row.outcome_detail or row.verdict_detail or NOTHING


def counts_in_words(file: Import) -> str:
    """Return how many rows came to what, in the stage at which an import is."""
    parts = [f"{word}: {file.counts[key]:,}" for key, word in _COUNTED.items() if file.counts.get(key)]
    if file.rows_passed_over:
        parts.append(f"recorded before or not for us: {file.rows_passed_over:,}")
    return ", ".join(parts) or ("nothing to undo" if file.undo_asked_at else "no rows")


def top_of(file: Import) -> dict[str, Any]:
    """Return what stands above an import's facts: how far it is, and the rows that need a look first."""
    by = "undo" if file.undo_asked_at else "outcome" if file.confirmed_at else "verdict"
    attention = file.rows.filter(**{f"{by}__in": _ATTENTION[by]}).order_by("number")
    rows = list(attention[:_ROWS_SHOWN])
    needs_a_look = bool(rows)
    rows = rows or list(file.rows.order_by("number")[:_ROWS_SHOWN])
    is_working = file.state in (_State.PREVIEWING, _State.IMPORTING, _State.UNDOING)
    for row in rows:
        row.file = file
    return {
        "file": file,
        "not_read": dropped_in_words(file.unread_columns) if file.unread_columns else "",
        "sentence": _SENTENCES[_State(file.state)],
        "counts": counts_in_words(file),
        "is_working": is_working,
        "done": file.rows_count - file.counts.get("", 0),
        "needs_a_look": needs_a_look,
        "shown": [(row, _came_to(row, by), row_in_words(row)) for row in rows],
        "all_rows": f"{list_address(ImportRow)}?file__id__exact={file.pk}",
        "rows_csv": reverse("admin:import_rows_csv", args=[file.pk]),
    }


def _came_to(row: ImportRow, by: str) -> str:
    """Return in a word what a row came to in a stage, or that it is still to go."""
    if by == "undo" and row.outcome not in UNDOABLE:
        return "Nothing to undo"
    return str(getattr(row, f"get_{by}_display")() or "To go")


def consequence_of(file: Import) -> str:
    skipped = file.counts.get(_Verdict.UNREADABLE, 0)
    left_out = f" Rows that cannot be read are left out ({skipped:,})." if skipped else ""
    conflicts = file.counts.get(_Verdict.CONFLICT, 0)
    listed = f" Rows in conflict change nothing and are listed as anomalies ({conflicts:,})." if conflicts else ""
    return (
        f"The preview found: {counts_in_words(file)}.{left_out}{listed} The rest is recorded as "
        "if webhooks had brought it: credit, first deposits, commissions and postbacks follow. You can undo it "
        "afterwards, with a reason."
    )


def known_in_words(earlier: Import) -> str:
    return (
        f"This very file was uploaded on {earlier.uploaded_at:%d %B %Y at %H:%M} UTC by {earlier.uploaded_by}; here it "
        f"is: {earlier.get_state_display().lower()}. Nothing was recorded twice. Discard a preview to read the file in "
        "another way; rows to be corrected go into another file."
    )
