"""The filter by day of lists whose rows have their time in the id alone."""

from datetime import UTC, date, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.views.main import SEARCH_VAR
from django.http import HttpRequest
from unfold.contrib.filters.admin import TextFilter
from unfold.widgets import UnfoldAdminTextInputWidget

from attribution.models import ByDayQuerySet
from tracker_project.common.time import day_bounds


class DayForm(forms.Form):
    """One day, picked in the browser's own calendar."""

    def __init__(self, name: str, label: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        widget = UnfoldAdminTextInputWidget(attrs={"type": "date"})
        self.fields[name] = forms.CharField(label=label, required=False, widget=widget)


class DayFilter(TextFilter):  # type: ignore[misc]
    """The UTC day of the list: today unless another is asked for. Looking up an id needs no day."""

    title = "day (UTC)"
    parameter_name = "day"
    form_class = DayForm

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        self.looks_up = bool(request.GET.get(SEARCH_VAR))
        super().__init__(request, *args)

    def value(self) -> str:
        return str(super().value() or ("" if self.looks_up else datetime.now(UTC).date()))

    def queryset(self, request: HttpRequest, queryset: ByDayQuerySet[Any]) -> ByDayQuerySet[Any]:
        if not self.value():
            return queryset
        try:
            day = date.fromisoformat(self.value())
        except ValueError:
            messages.error(request, f"“{self.value()}” is no day; write it as in 2026-11-22.")
            return queryset.none()
        return queryset.clicked_between(*day_bounds(day, "UTC"))
