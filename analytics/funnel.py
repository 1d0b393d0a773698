"""The page of the way from click to first deposit, through an app and on the web."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from analytics.access import may_see_figures
from analytics.domain.funnel import ZONE, AppSteps, CampaignFunnel, WebSteps, funnels
from analytics.periods import PRESETS, PeriodForm
from campaigns.models import Campaign

NOTHING = "–"
DEFAULT_QUERY = {"period": "30d"}
COLUMNS = [
    ("Installs", "Devices on which the app was installed in these days."),
    ("Reg.", "App: of these devices, those whose player registered, whenever. Web: registrations of these days."),
    ("FTD", "Of these players, those who made a first deposit, whenever."),
    ("Install → reg.", "The part of installs that registered."),
    ("Reg. → FTD", "The part of registrations that deposited."),
    ("CTIT", "Median time from click to install (CTIT)."),
    ("< 10 s", "The part of installs less than ten seconds after their click: more than a few are suspicious."),
    ("< 1 h", "The part within an hour of the click; about three quarters is usual."),
    ("< 24 h", "The part within a day of the click; about 94 % is usual."),
    ("To reg.", "App: median time from install to registration. Web: from click to registration."),
    ("To FTD", "Median time from registration to first deposit."),
]


class FunnelForm(PeriodForm):
    """Presets or two days, and one campaign or all; days are those of UTC, as devices have no zone of their own."""

    def zone(self) -> str:
        return ZONE


@dataclass(frozen=True, kw_only=True)
class FunnelGroup:
    """One campaign with its lines of text."""

    campaign: Campaign | None
    clicks: int
    lines: list[tuple[str, list[str]]]


def funnel_page(request: HttpRequest) -> HttpResponse:
    """Show the funnels of the days that are asked for."""
    if not may_see_figures(request.user):
        raise PermissionDenied
    form = FunnelForm(request.GET or DEFAULT_QUERY)
    if not form.is_valid():
        return _page(request, {"form": form, "presets": _presets(None, None)}, status=400)
    period, campaign = form.chosen(at=datetime.now(UTC)), form.cleaned_data["campaign"]
    found = funnels(first=period.first, last=period.last, campaign=campaign)
    context = {
        "form": FunnelForm(initial={"first": period.first, "last": period.last, "campaign": campaign}),
        "period": period,
        "presets": _presets(period.preset, campaign),
        "groups": [_group(each) for each in found],
        "columns": COLUMNS,
        "has_campaigns": Campaign.objects.exists(),
    }
    return _page(request, context)


def _page(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    everywhere = admin.site.each_context(request) | {"title": "From click to first deposit", "is_fullwidth": "1"}
    return TemplateResponse(request, "analytics/funnel.html", everywhere | context, status=status)


def _presets(chosen: str | None, campaign: Campaign | None) -> list[dict[str, Any]]:
    named = {"campaign": campaign.pk} if campaign else {}
    return [
        {"label": label, "query": urlencode({"period": preset} | named), "is_chosen": preset == chosen}
        for preset, label in PRESETS.items()
    ]


def _group(funnel: CampaignFunnel) -> FunnelGroup:
    lines = []
    if funnel.app is not None:
        lines.append(("App", _app_cells(funnel.app)))
    if funnel.web is not None:
        lines.append(("Web", _web_cells(funnel.web)))
    return FunnelGroup(campaign=funnel.campaign, clicks=funnel.clicks, lines=lines)


def _app_cells(app: AppSteps) -> list[str]:
    return [
        f"{app.installs:,}",
        f"{app.registrations:,}",
        f"{app.first_deposits:,}",
        _share(app.registrations, app.installs),
        _share(app.first_deposits, app.registrations),
        _time(app.click_to_install_seconds),
        _share(app.within_10_seconds, app.timed),
        _share(app.within_hour, app.timed),
        _share(app.within_day, app.timed),
        _time(app.install_to_registration_seconds),
        _time(app.registration_to_deposit_seconds),
    ]


def _web_cells(web: WebSteps) -> list[str]:
    return [
        NOTHING,
        f"{web.registrations:,}",
        f"{web.first_deposits:,}",
        NOTHING,
        _share(web.first_deposits, web.registrations),
        NOTHING,
        NOTHING,
        NOTHING,
        NOTHING,
        _time(web.click_to_registration_seconds),
        _time(web.registration_to_deposit_seconds),
    ]


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else NOTHING


def _time(seconds: float | None) -> str:
    if seconds is None:
        return NOTHING
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if abs(seconds) >= 2 * unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.0f} s"
