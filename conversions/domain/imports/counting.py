"""How many rows of an import came to what."""

from typing import Literal

from django.db.models import Count

from conversions.models import Import, ImportRow

# What was recorded of a row, or waits to be: the rest leaves nothing to undo.
UNDOABLE = (ImportRow.Verdict.NEW, ImportRow.Verdict.TRANSITION, ImportRow.Verdict.WAITS)
Column = Literal["verdict", "outcome", "undo"]


def count_rows(file: Import, *, by: Column) -> dict[str, int]:
    """Return the number of rows by what stands in one column; "" counts those that wait."""
    rows = file.rows.filter(outcome__in=UNDOABLE) if by == "undo" else file.rows.all()
    return dict(rows.order_by().values_list(by).annotate(Count("pk")))
