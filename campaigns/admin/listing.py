"""Lists and pages whose rows have concerns: asked for once for all rows that are shown."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest

from campaigns.domain.concerns import Concern
from tracker_project.common.pages import Page

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList as ThemedChangeList
else:
    from unfold.views import ChangeList as ThemedChangeList


class ConcernedChangeList(ThemedChangeList):
    """A list that looks up the concerns of the rows of its page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        page: Any = self.model_admin
        rows = list(self.result_list)
        at = datetime.now(UTC)
        found = page.concerns_of_page(rows, at.date())
        for row in rows:
            row.concerns_found = found.get(row.pk, [])
        page.look_up(rows, at)
        self.result_list = rows


class ListWithConcerns(Page):
    """A page that says what its rows' buyers are warned of; `concerns_of_page` finds it out."""

    def concerns_of_page(self, rows: Sequence[Any], on: date) -> dict[int, list[Concern]]:
        raise NotImplementedError

    def look_up(self, rows: Sequence[Any], at: datetime) -> None:
        """Look up what else the list shows of its rows, at once for all of them."""

    def concerns_in_list(self, row: Any) -> list[Concern]:
        return list(getattr(row, "concerns_found", []))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return ConcernedChangeList

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        row = self.get_object(request, object_id) if object_id and request.method == "GET" else None
        concerns = self.concerns_of_page([row], datetime.now(UTC).date())[row.pk] if row else []
        context = {"concerns": concerns, **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, context)
