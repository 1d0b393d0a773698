"""Take a file: each row as an event in our words or a problem with its column, all rows or none of them kept."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

import structlog
from django.db import IntegrityError, transaction

from conversions.dialects.dialect import IgnoredEvent
from conversions.dialects.reading import MalformedEvent
from conversions.domain.imports.counting import count_rows
from conversions.domain.imports.subjects import Subjects
from conversions.domain.privacy import UNPRINTABLE_NAME, scrub
from conversions.imports.layouts import LAYOUTS, known_columns
from conversions.imports.tables import MOST_ROWS, Table, UnreadableFile, normalised_header, read_table
from conversions.models import Import, ImportRow, InboxEvent
from tracker_project.common.database import broken_constraint
from tracker_project.common.hints import hint_after_commit

log = structlog.get_logger(__name__)

_AT_A_TIME = 2_000
_LONGEST_PROBLEM = 300
_MOST_UNREAD = 50


class FileKnown(Exception):
    """The same file was taken before: `earlier` is that import."""

    def __init__(self, earlier: Import) -> None:
        super().__init__("The same file was uploaded before.")
        self.earlier = earlier


def stage_file(content: bytes, file: Import, *, at: datetime, encoding: str = "", most_rows: int = MOST_ROWS) -> Import:
    """Keep a file's rows under `file` (unsaved: platform, layout, name, how to read it) and return it saved.

    What follows is worked on after commit. Of the content nothing is kept but events in our words and keyed tokens.
    Raises `UnreadableFile`, and `FileKnown` for an upload that was made before.
    """
    file.digest, file.size_bytes = hashlib.sha256(content).hexdigest(), len(content)
    file.file_name = _plain_name(file.file_name)
    table = read_table(content, encoding=encoding, most_rows=most_rows)
    names = _names_of(table, file)
    file.encoding, file.unread_columns = table.encoding, _unread(names, file)
    try:
        with transaction.atomic():
            file.save(force_insert=True)
            _keep_rows(table, names, file, at=at)
            file.counts = count_rows(file, by="verdict")
            file.save(update_fields=["rows_count", "rows_passed_over", "counts"])
            hint_after_commit("import_waits")
    except IntegrityError as error:
        if broken_constraint(error) != "one_import_per_file":
            raise
        raise FileKnown(_earlier(file)) from error
    log.info("import_staged", imported_file=file.pk, layout=file.layout, rows=file.rows_count)
    return file


def _earlier(file: Import) -> Import:
    same = Import.objects.filter(platform=file.platform, layout=file.layout, digest=file.digest, origin=file.origin)
    return same.exclude(state=Import.State.DISCARDED).select_related("uploaded_by").get()


def _names_of(table: Table, file: Import) -> list[str]:
    """Return the name under which each column is read; raises when a column is missing or stands there twice."""
    layout = LAYOUTS[file.layout]
    names = [layout.name_of(name) for name in normalised_header(table.header)]
    known = known_columns(file)[0] | known_columns(file)[1]
    twice = sorted({name for name in names if name in known and names.count(name) > 1})
    if twice:
        raise UnreadableFile(f"The header names {', '.join(twice)} twice: take one of the columns out.")
    missing = [name for name in layout.required if name not in names]
    if missing:
        raise UnreadableFile(
            f"The header has no column {' and none '.join(missing)}. Its columns are: {_shown(table.header)}. "
            "Download the template, or choose the layout that the file has."
        )
    return names


def _shown(header: list[str]) -> str:
    return ", ".join(name[:40] for name in header[:12] if name) + (", …" if len(header) > 12 else "")


def _unread(names: list[str], file: Import) -> list[str]:
    known, secrets = known_columns(file)
    unread = scrub({name: "-" for name in names if name}, known=known | secrets).dropped
    return [name for name in unread if name != UNPRINTABLE_NAME][:_MOST_UNREAD]


def _rows_of(table: Table, names: list[str], file: Import, subjects: Subjects, *, at: datetime) -> Iterator[ImportRow]:
    known, secrets = known_columns(file)
    for number, cells in table.rows:
        row = ImportRow(file=file, number=number, subject=number)
        if len(cells) > len(names):
            text = f"The row has {len(cells)} cells, the header {len(names)}: put a cell with a comma in quotes."
            _set_unreadable(row, MalformedEvent("too_many_cells", text, ""))
        else:
            _fill(row, dict(zip(names, cells, strict=False)), file, known=known, secrets=secrets, at=at)
        row.subject = subjects.place(row)
        yield row


def _fill(
    row: ImportRow,
    cells: Mapping[str, str],
    file: Import,
    *,
    known: frozenset[str],
    secrets: frozenset[str],
    at: datetime,
) -> None:
    """Set what a row reports, or why it reports nothing."""
    scrubbed = scrub({name: text for name, text in cells.items() if name and text}, known=known, secret=secrets)
    try:
        reported = LAYOUTS[file.layout].parse(scrubbed.fields, file, at=at)
    except IgnoredEvent as ignored:
        row.verdict = row.outcome = ImportRow.Verdict.IGNORED
        row.verdict_detail = row.outcome_detail = f"Nothing is recorded of {ignored}."[:_LONGEST_PROBLEM]
    except MalformedEvent as error:
        _set_unreadable(row, error)
    else:
        row.kind, row.event_id, row.occurred_at = reported.event_kind, reported.event_id, reported.occurred_at
        row.terms, row.tokens = reported.terms(), [list(token) for token in scrubbed.tokens]


def _set_unreadable(row: ImportRow, error: MalformedEvent) -> None:
    row.verdict = row.outcome = ImportRow.Verdict.UNREADABLE
    row.problem, row.problem_column = str(error)[:_LONGEST_PROBLEM], error.field[:80]


def _keep_rows(table: Table, names: list[str], file: Import, *, at: datetime) -> None:
    """Insert the rows, a batch at a time; of a fetched report only those that say something new."""
    subjects = Subjects()
    rows = _rows_of(table, names, file, subjects, at=at)
    while batch := list(islice(rows, _AT_A_TIME)):
        fresh = batch if file.origin == Import.Origin.UPLOAD else _news(batch, file)
        ImportRow.objects.bulk_create(fresh)
        file.rows_count += len(fresh)
        file.rows_passed_over += len(batch) - len(fresh)
    for joined, root in subjects.merged.items():
        ImportRow.objects.filter(file=file, subject=joined).update(subject=root)


def _news(batch: list[ImportRow], file: Import) -> list[ImportRow]:
    said = [row for row in batch if row.outcome != ImportRow.Verdict.IGNORED]
    events = InboxEvent.objects.filter(platform=file.platform, event_id__in=[row.event_id for row in said])
    recorded = set(events.values_list("event_id", flat=True))
    return [row for row in said if row.event_id not in recorded]


def _plain_name(name: str) -> str:
    """Return a file's name without folder, and without an e-mail address or phone number that it may hold."""
    bare: Any = scrub({"file": name.replace("\\", "/").rpartition("/")[2]}, known=frozenset({"file"})).content["file"]
    return str(bare)[:100] or "without a name"
