"""The admin's sidebar: what a person may see, in the order in which people work."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from analytics.access import may_see_app_installs, may_see_figures

# Title, icon, and the model whose list it opens.
_GROUPS: list[tuple[str, list[tuple[str, str, str]]]] = [
    (
        "Running",
        [
            ("Campaigns", "campaign", "campaigns.Campaign"),
            ("Flows", "account_tree", "campaigns.Flow"),
            ("Tracking links", "link", "campaigns.TrackingLink"),
            ("Creatives", "image", "campaigns.Creative"),
            ("Costs", "payments", "campaigns.Cost"),
            ("Alerts", "notifications", "campaigns.CampaignAlert"),
            ("Clicks", "ads_click", "attribution.Click"),
            ("Landing pages seen", "web", "attribution.LandingEvent"),
            ("Impressions", "visibility", "attribution.Impression"),
        ],
    ),
    (
        "Players",
        [
            ("Conversions", "task_alt", "conversions.Conversion"),
            ("Reviews", "gavel", "fraud.Review"),
            ("Players", "group", "conversions.Player"),
            ("Credit by staff", "sell", "conversions.CreditIntervention"),
            ("Merged players", "merge", "conversions.PlayerMerge"),
            ("Lead theft", "policy", "conversions.TheftEvidence"),
            ("Rules of credit", "rule", "attribution.CreditRule"),
            ("Lifetime values", "trending_up", "conversions.CustomerLtv"),
            ("Milestones", "flag", "conversions.Milestone"),
            ("Installs", "install_mobile", "conversions.Install"),
            ("Money taken out", "undo", "conversions.Movement"),
            ("Daily activity", "calendar_month", "conversions.DailyActivity"),
        ],
    ),
    (
        "Telling others",
        [
            ("Postback log", "send", "conversions.Postback"),
            ("Destinations", "outbound", "conversions.Destination"),
        ],
    ),
    (
        "Partners",
        [
            ("Commissions", "receipt_long", "affiliates.Commission"),
            ("Partners", "handshake", "campaigns.Partner"),
            ("Partner accounts", "account_balance", "affiliates.PartnerAccount"),
            ("Commission plans", "percent", "affiliates.CommissionPlan"),
            ("Ledger", "menu_book", "affiliates.LedgerTransfer"),
        ],
    ),
    (
        "Catalogue",
        [
            ("Sources", "hub", "campaigns.TrafficSource"),
            ("Offers", "sell", "campaigns.Offer"),
            ("Landing pages", "web", "campaigns.LandingPage"),
            ("Brands", "casino", "campaigns.Brand"),
            ("Scenarios", "date_range", "campaigns.Scenario"),
            ("Tracking domains", "dns", "campaigns.TrackingDomain"),
            ("Exchange rates", "currency_exchange", "campaigns.ExchangeRate"),
        ],
    ),
    (
        "Permits",
        [
            ("Licences", "verified", "campaigns.Licence"),
            ("Advertising accounts", "badge", "campaigns.AdvertisingAccount"),
            ("Platform permissions", "verified_user", "campaigns.PlatformPermission"),
            ("Prohibited jurisdictions", "block", "conversions.ProhibitedJurisdiction"),
        ],
    ),
    (
        "Intake",
        [
            ("Platforms", "webhook", "conversions.Platform"),
            ("Endpoints", "input", "conversions.Endpoint"),
            ("API keys", "key", "conversions.ApiKey"),
            ("Inbox", "inbox", "conversions.InboxEvent"),
            ("Imports", "upload_file", "conversions.Import"),
            ("Fetched reports", "cloud_download", "conversions.ReportPull"),
            ("Requests", "receipt", "conversions.IntakeRequest"),
            ("Dropped fields", "privacy_tip", "conversions.DroppedField"),
            ("Anomalies", "report", "conversions.Anomaly"),
            ("Their days beside ours", "balance", "conversions.DayReport"),
            ("Sources heard", "hearing", "conversions.SourceWatch"),
            ("Developers' links", "share", "conversions.DeveloperLink"),
            ("Landings before a click", "hourglass_top", "attribution.PreClick"),
            ("Apple postbacks", "phone_iphone", "conversions.AppPostback"),
            ("Source identifiers", "tag", "conversions.SourceIdentifier"),
            ("Set-aside clicks", "pending_actions", "attribution.SetAsideClick"),
        ],
    ),
    (
        "Visitors",
        [
            ("Bot rules", "smart_toy", "attribution.BotRule"),
            ("Staff networks", "lan", "attribution.StaffNetwork"),
        ],
    ),
    ("Staff", [("People", "person", "auth.User"), ("Groups", "groups", "auth.Group")]),
]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sidebar's groups for the theme, without what the person may not see."""
    groups = [{"title": title, "items": _items(request, entries), "separator": True} for title, entries in _GROUPS]
    return [{"items": _first_items(request)}, *(group for group in groups if group["items"])]


def _first_items(request: HttpRequest) -> list[dict[str, Any]]:
    items = [{"title": "Overview", "icon": "dashboard", "link": reverse("admin:index")}]
    if may_see_figures(request.user):
        figures = reverse("analytics:campaign_days")
        items.insert(0, {"title": "Campaigns by day", "icon": "monitoring", "link": figures})
        items.append(
            {"title": "From click to first deposit", "icon": "filter_alt", "link": reverse("analytics:funnel")}
        )
    if request.user.has_perm("campaigns.view_campaign"):
        tester = reverse("routing_tester")
        items.append({"title": "Routing tester", "icon": "alt_route", "link": tester})
    if may_see_app_installs(request.user):
        installs = reverse("analytics:app_installs")
        items.append({"title": "Apple's anonymous installs", "icon": "install_mobile", "link": installs})
    return items


def _items(request: HttpRequest, entries: list[tuple[str, str, str]]) -> list[dict[str, Any]]:
    items = []
    for title, icon, label in entries:
        model = apps.get_model(label)
        page = admin.site._registry.get(model)
        if page is not None and page.has_view_permission(request):
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
            items.append({"title": title, "icon": icon, "link": reverse(name)})
    return items
