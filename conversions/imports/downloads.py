"""What people download: the empty template, and an import's rows with what each came to."""

import csv
from collections.abc import Iterator
from typing import Any

from tablib import Databook, Dataset

from conversions.imports.template import COLUMNS
from conversions.models import Import, ImportRow
from tracker_project.common.exports import disarm_text

ROW_HEADER = ["row", "type", "player_id", "transaction_id", "preview", "preview_detail", "recorded", "recorded_detail",
              "column_to_mend", "problem", "undo", "undo_detail"]  # fmt: skip
_AT_A_TIME = 2_000


def template_csv() -> str:
    """Return the template as CSV: the header alone, as UTF-8 with the mark by which Excel knows it."""
    text: str = Dataset(headers=[column.name for column in COLUMNS]).export("csv")
    return "\ufeff" + text


def template_xlsx() -> bytes:
    """Return the template as a workbook: the empty list first, then a sheet that explains its columns."""
    events = Dataset(headers=[column.name for column in COLUMNS], title="Events")
    explained = Dataset(
        *[(column.name, column.meaning, column.example) for column in COLUMNS],
        headers=["Column", "What it means", "Example"],
        title="Columns",
    )
    workbook: bytes = Databook([events, explained]).export("xlsx")
    return workbook


def rows_csv(file: Import) -> Iterator[str]:
    """Yield an import's rows as lines of CSV; text that a spreadsheet would calculate is disarmed."""
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow(ROW_HEADER)
    for row in file.rows.order_by("number").iterator(chunk_size=_AT_A_TIME):
        yield writer.writerow([disarm_text(str(cell)) for cell in _cells(row)])


def _cells(row: ImportRow) -> list[Any]:
    transaction = row.terms.get("transaction_id") or row.terms.get("deposit_transaction_id") or ""
    return [
        row.number,
        row.kind,
        row.terms.get("player_id", ""),
        transaction,
        row.verdict,
        row.verdict_detail,
        row.outcome,
        row.outcome_detail,
        row.problem_column,
        row.problem,
        row.undo,
        row.undo_detail,
    ]


class _Echo:
    """A file for csv.writer that returns what is written."""

    def write(self, line: str) -> str:
        return line
