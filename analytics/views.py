"""The page with the table campaign × day."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from analytics.access import may_see_figures
from analytics.domain.campaign_days import CampaignDay, campaign_days
from analytics.domain.goals import goals_of
from analytics.freshness import freshness
from analytics.periods import PRESETS, Period, PeriodForm
from analytics.rendering import campaign_days_csv
from analytics.tables import build_table
from campaigns.models import Campaign


def campaign_days_page(request: HttpRequest) -> HttpResponse:
    """Show the days that are asked for, or with `format=csv` hand them out."""
    if not may_see_figures(request.user):
        raise PermissionDenied
    now = datetime.now(UTC)
    form = PeriodForm(request.GET)
    if not form.is_valid():
        return _page(request, {"form": form, "presets": _presets(None, None)}, status=400)
    period, campaign = form.chosen(at=now), form.cleaned_data["campaign"]
    rows = campaign_days(first=period.first, last=period.last, campaigns=[campaign] if campaign else None)
    if request.GET.get("format") == "csv":
        return _csv(rows, period)
    shown = PeriodForm(initial={"first": period.first, "last": period.last, "campaign": campaign})
    context = {
        "form": shown,
        "period": period,
        "zone": form.zone(),
        "presets": _presets(period, campaign),
        "campaign": campaign,
        "table": build_table(rows) if rows else None,
        "goals": goals_of(campaign, at=now) if campaign else [],
        "freshness": freshness(at=now),
        "csv_query": urlencode(_query(campaign, first=period.first, last=period.last, format="csv")),
        "has_campaigns": campaign is not None or Campaign.objects.exists(),
    }
    return _page(request, context)


def _page(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    everywhere = admin.site.each_context(request) | {"title": "Campaigns by day", "is_fullwidth": "1"}
    return TemplateResponse(request, "analytics/campaign_days.html", everywhere | context, status=status)


def _presets(period: Period | None, campaign: Campaign | None) -> list[dict[str, Any]]:
    return [
        {
            "label": label,
            "query": urlencode(_query(campaign, period=preset)),
            "is_chosen": period is not None and period.preset == preset,
        }
        for preset, label in PRESETS.items()
    ]


def _query(campaign: Campaign | None, **parameters: Any) -> dict[str, Any]:
    return parameters | ({"campaign": campaign.pk} if campaign else {})


def _csv(rows: list[CampaignDay], period: Period) -> HttpResponse:
    response = HttpResponse(campaign_days_csv(rows), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="campaign-days-{period.first}-{period.last}.csv"'
    return response
