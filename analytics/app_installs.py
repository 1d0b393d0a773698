"""The page of Apple's anonymous installs."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from analytics.access import may_see_app_installs
from analytics.app_install_tables import COLUMNS, app_postback_counts_csv, build_install_table
from analytics.domain.app_installs import ZONE, app_installs, app_postback_counts
from analytics.periods import PRESETS, Period, PeriodForm
from conversions.models import AppPostback
from tracker_project.common.pages import copyable

# The last window closes on day 35, and its postback comes days later: a week would show little.
DEFAULT_QUERY = {"period": "30d"}


class AppInstallsForm(PeriodForm):
    """Presets or two days, and one network or all."""

    campaign = None  # type: ignore[assignment]  # how Django takes a field out of a form
    network = forms.CharField(
        required=False, max_length=100, widget=forms.TextInput(attrs={"placeholder": "All networks", "size": 26})
    )

    def zone(self) -> str:
        return ZONE


def app_installs_page(request: HttpRequest) -> HttpResponse:
    """Show the days that are asked for, or with `format=csv` hand them out."""
    if not may_see_app_installs(request.user):
        raise PermissionDenied
    form = AppInstallsForm(request.GET or DEFAULT_QUERY)
    if not form.is_valid():
        return _page(request, {"form": form, "presets": _presets(None, "")}, status=400)
    period, network = form.chosen(at=datetime.now(UTC)), form.cleaned_data["network"].strip()
    if request.GET.get("format") == "csv":
        return _csv(period, network)
    rows = app_installs(first=period.first, last=period.last, network=network)
    days = {"first": period.first, "last": period.last}
    context = {
        "form": AppInstallsForm(initial={**days, "network": network}),
        "period": period,
        "presets": _presets(period, network),
        "network": network,
        "days_query": urlencode({"period": period.preset} if period.preset else days),
        "csv_query": urlencode(_query(network, **days, format="csv")),
        "table": build_install_table(rows) if rows else None,
        "columns": COLUMNS,
        "has_postbacks": bool(rows) or AppPostback.objects.exists(),
        "addresses": _addresses(),
    }
    return _page(request, context)


def _addresses() -> dict[str, str]:
    known = f"{settings.PUBLIC_WEB_URL}/.well-known"
    return {
        "skadnetwork": copyable(f"{known}/skadnetwork/report-attribution/"),
        "adattributionkit": copyable(f"{known}/appattribution/report-attribution/"),
    }


def _page(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    everywhere = admin.site.each_context(request) | {"title": "Apple's anonymous installs", "is_fullwidth": "1"}
    return TemplateResponse(request, "analytics/app_installs.html", everywhere | context, status=status)


def _presets(period: Period | None, network: str) -> list[dict[str, Any]]:
    return [
        {
            "label": label,
            "query": urlencode(_query(network, period=preset)),
            "is_chosen": period is not None and period.preset == preset,
        }
        for preset, label in PRESETS.items()
    ]


def _query(network: str, **parameters: Any) -> dict[str, Any]:
    return parameters | ({"network": network} if network else {})


def _csv(period: Period, network: str) -> HttpResponse:
    counts = app_postback_counts(first=period.first, last=period.last, network=network)
    response = HttpResponse(app_postback_counts_csv(counts), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="app-postbacks-{period.first}-{period.last}.csv"'
    return response
