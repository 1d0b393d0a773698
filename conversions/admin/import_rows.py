"""Admin of the rows of imports."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from conversions.admin.import_words import VERDICT_COLOURS, row_in_words
from conversions.models import ImportRow
from tracker_project.common.pages import NOTHING, FactPage, label, link_to, plain_list


@admin.register(ImportRow)
class ImportRowAdmin(FactPage):
    purpose = "The rows of imports: what each would record, what it recorded, and what became of undoing it."
    empty = "No import has such rows."
    list_display = ["number", "file_name", "kind", "verdict_label", "outcome_label", "explanation", "undo_label"]
    list_filter = ["verdict", "outcome", "undo", "kind"]
    list_select_related = ["file"]
    ordering = ["-file", "number"]
    fields = [
        ("link_to_file", "number"),
        ("kind", "event_id"),
        "occurred_at",
        "said",
        ("problem_column", "to_mend"),
        ("verdict_label", "would_be"),
        ("outcome_label", "was"),
        "link_to_event",
        ("undo_label", "taken_back"),
        "link_to_undo_event",
    ]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("conversions.view_import"))

    @admin.display(description="Import")
    def file_name(self, row: ImportRow) -> str:
        return row.file.file_name

    @admin.display(description="Import")
    def link_to_file(self, row: ImportRow) -> str:
        return link_to(row.file)

    @label("Preview", VERDICT_COLOURS)
    def verdict_label(self, row: ImportRow) -> str:
        return row.get_verdict_display() or NOTHING

    @label("Recorded", VERDICT_COLOURS)
    def outcome_label(self, row: ImportRow) -> str:
        return row.get_outcome_display() or NOTHING

    @label("Undo", VERDICT_COLOURS)
    def undo_label(self, row: ImportRow) -> str:
        return row.get_undo_display() or NOTHING

    @admin.display(description="In words")
    def explanation(self, row: ImportRow) -> str:
        return row_in_words(row)

    @admin.display(description="What to mend")
    def to_mend(self, row: ImportRow) -> str:
        return row_in_words(row) if row.problem else NOTHING

    @admin.display(description="What recording would do")
    def would_be(self, row: ImportRow) -> str:
        return row.verdict_detail or NOTHING

    @admin.display(description="What recording did")
    def was(self, row: ImportRow) -> str:
        return row.outcome_detail or NOTHING

    @admin.display(description="What undoing did")
    def taken_back(self, row: ImportRow) -> str:
        return row.undo_detail or NOTHING

    @admin.display(description="What it says")
    def said(self, row: ImportRow) -> str:
        return plain_list({name: value for name, value in row.terms.items() if value not in ("", None, False)})

    @admin.display(description="Event in the inbox")
    def link_to_event(self, row: ImportRow) -> str:
        return link_to(row.inbox_event)

    @admin.display(description="Event that took it back")
    def link_to_undo_event(self, row: ImportRow) -> str:
        return link_to(row.undo_event)
