"""What is archived stays out of lists and pickers until it is asked for; notes are shown beside names."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from campaigns.domain.archiving import StillAlternative, archive, unarchive
from campaigns.domain.soundness import CampaignBroken
from tracker_project.common.pages import Page

_LONGEST_NOTE = 400


class _DefaultingFilter(admin.SimpleListFilter):
    """A filter that chooses something while nothing is asked for."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        chosen = self.value() or ""
        for value, title in self.lookup_choices:
            query = changelist.get_query_string({self.parameter_name: value} if value else {}, [self.parameter_name])
            yield {"selected": chosen == str(value), "query_string": query, "display": title}


class ArchiveFilter(_DefaultingFilter):
    """Rows in use, unless archived or all are asked for."""

    title = "archive"
    parameter_name = "archive"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("", "In use"), ("archived", "Archived"), ("all", "All")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return queryset
        return queryset.filter(is_archived=self.value() == "archived")


class StatusFilter(_DefaultingFilter):
    """Campaigns that are not archived, unless a status or all are asked for."""

    title = "status"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        states = [("active", "Active"), ("paused", "Paused"), ("archived", "Archived")]
        return [("", "Active and paused"), *states, ("all", "All")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in ("active", "paused", "archived"):
            return queryset.filter(status=self.value())
        return queryset if self.value() == "all" else queryset.exclude(status="archived")


class Archivable(Page):
    """Actions that archive and take out again, and pickers without what is archived."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        return (found.filter(is_archived=False) if is_picker(request) else found), may_repeat

    @admin.action(description="Archive", permissions=["change"])
    def archive(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        try:
            changed = archive(_rows(rows))
        except CampaignBroken as broken:
            for sentence in broken.sentences:
                self.message_user(request, f"Nothing was archived. {sentence}", messages.ERROR)
        except StillAlternative as used:
            self.message_user(request, f"Nothing was archived. {used}", messages.ERROR)
        else:
            self.message_user(request, f"{changed} now archived: lists show them when you ask for the archive.")

    @admin.action(description="Take out of the archive", permissions=["change"])
    def unarchive(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        self.message_user(request, f"{unarchive(_rows(rows))} in use again.")


def is_picker(request: HttpRequest) -> bool:
    """Whether the request fills a picker, not a list."""
    match = request.resolver_match
    return match is not None and match.url_name == "autocomplete"


def with_note(name: str, notes: str) -> str:
    """Return a name with a mark that shows the notes when pointed at; the name alone where there are none."""
    if not notes.strip():
        return name
    shown = notes.strip()
    shown = shown if len(shown) <= _LONGEST_NOTE else f"{shown[:_LONGEST_NOTE]}…"
    return format_html(
        '{} <span class="material-symbols-outlined tracker-note" role="img" title="{}" aria-label="Notes: {}">'
        "sticky_note_2</span>",
        name,
        shown,
        shown,
    )


def _rows(rows: QuerySet[Any]) -> Sequence[Any]:
    return list(rows.order_by("pk"))
