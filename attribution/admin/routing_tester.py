"""The page on which a buyer invents a visitor and sees where he would go, and why not elsewhere."""

from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from attribution.domain.routing_tester import CampaignHasNoLink, InventedVisitor, explain_routing
from attribution.models import Click
from campaigns.models import Campaign

_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0"
_WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
USER_AGENTS = {
    "iPhone, Safari": f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) {_WEBKIT} Version/18.6 Mobile/15E148 "
    "Safari/604.1",
    "iPhone, Instagram": f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) {_WEBKIT} Mobile/22G86 "
    "Instagram 400.0.0.29.109 (iPhone16,2; iOS 18_6; en_GB; en-GB; scale=3.00; 1290x2796; 594964371)",
    "Android, Chrome": f"Mozilla/5.0 (Linux; Android 14; SM-S918B) {_CHROME} Mobile Safari/537.36",
    "Android, Facebook": f"Mozilla/5.0 (Linux; Android 14; SM-S918B; wv) {_CHROME} Mobile Safari/537.36 "
    "[FB_IAB/FB4A;FBAV/520.0.0.57.85;]",
    "Android tablet": f"Mozilla/5.0 (Linux; Android 13; SM-X700) {_CHROME} Safari/537.36",
    "Windows, Chrome": f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36",
    "Mac, Safari": f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_WEBKIT} Version/18.6 Safari/605.1.15",
    "Googlebot": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
}
OUTCOMES = {
    "offer": "The visitor goes to the offer.",
    "landing": "The visitor goes to the landing page; the offer is chosen when he follows a link on it.",
    "paused": "The visitor reads a page: the offer is taking a break.",
    "stopped": "The visitor reads a page: there is nothing here.",
    "elsewhere": "No licence covers the visitor's place.",
    "unknown_place": "The visitor's place is not known, and the campaign does not send such visitors on.",
    "capped": "A cap or the day's budget is reached.",
    "broken": "The campaign has nowhere to send the visitor.",
}


class TesterForm(forms.Form):
    """A visitor, as a buyer describes one."""

    campaign = forms.ModelChoiceField(
        Campaign.objects.exclude(status=Campaign.Status.ARCHIVED).select_related("source").order_by("name"),
        empty_label="Choose a campaign",
    )
    device = forms.ChoiceField(
        choices=[*((name, name) for name in USER_AGENTS), ("", "Another user agent, written below")],
        required=False,
        label="Device and browser",
    )
    user_agent = forms.CharField(required=False, max_length=1000, label="User agent")
    country = forms.RegexField(r"^[A-Za-z]{2}\Z", required=False, help_text="Two letters, such as MT.")
    region = forms.RegexField(
        r"^[A-Za-z0-9]{1,3}\Z", required=False, help_text="The end of its ISO 3166-2 code, such as NJ."
    )
    city = forms.CharField(required=False, max_length=100, help_text="In English.")
    address = forms.CharField(
        required=False,
        max_length=45,
        label="IP address",
        help_text="Looked up in the geography databases, in place of country, region and city.",
    )
    isp = forms.CharField(required=False, max_length=100, label="Provider")
    asn = forms.IntegerField(required=False, min_value=1, max_value=4294967295, label="AS number")
    connection = forms.CharField(required=False, max_length=50, help_text="Such as Cellular or Cable/DSL.")
    language = forms.RegexField(r"^[A-Za-z]{2,3}\Z", required=False, help_text="Two letters, such as de.")
    referrer = forms.CharField(required=False, max_length=253, help_text="A host, such as l.facebook.com.")
    query = forms.CharField(
        required=False,
        max_length=4000,
        label="Parameters of the link",
        help_text="Such as fbclid=abc&sub_id_1=story.",
    )
    is_repeat = forms.BooleanField(required=False, label="Has clicked before (not unique)")
    at = forms.DateTimeField(
        required=False,
        label="When (UTC)",
        help_text="Empty: now. Caps and budgets are those of now.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M"],
    )

    FIRST = ("campaign", "device", "country", "query")

    @property
    def first_fields(self) -> list[forms.BoundField]:
        """Return the fields that most visitors are described by."""
        return [self[name] for name in self.FIRST]

    @property
    def more_fields(self) -> list[forms.BoundField]:
        return [field for field in self if field.name not in self.FIRST]

    @property
    def says_more(self) -> bool:
        """Say whether more than the first fields is filled in, or wrong."""
        return any(field.errors or field.value() for field in self.more_fields)

    def clean_address(self) -> str:
        text = str(self.cleaned_data["address"]).strip()
        if text:
            try:
                ip_address(text)
            except ValueError as error:
                raise ValidationError("Write an address such as 198.51.100.7.") from error
        return text

    def visitor(self) -> InventedVisitor:
        """Return the visitor that the form describes."""
        data = self.cleaned_data
        return InventedVisitor(
            address=data["address"],
            country=data["country"].upper(),
            region=data["region"].upper(),
            city=data["city"],
            isp=data["isp"],
            asn=data["asn"],
            connection=data["connection"],
            user_agent=data["user_agent"] or USER_AGENTS.get(data["device"], ""),
            language=data["language"].lower(),
            referrer=data["referrer"].lower(),
            query=data["query"].lstrip("?"),
            is_repeat=data["is_repeat"],
        )

    def moment(self, *, now: datetime) -> datetime:
        chosen = self.cleaned_data["at"]
        return timezone.make_aware(timezone.make_naive(chosen, UTC), UTC) if chosen else now


def routing_tester_page(request: HttpRequest) -> HttpResponse:
    """Show the form and, once a campaign is chosen, where its visitor goes."""
    if not request.user.has_perm("campaigns.view_campaign"):
        raise PermissionDenied
    is_asked = "device" in request.GET or "user_agent" in request.GET
    form = TesterForm(request.GET if is_asked else None, initial=request.GET.dict())
    context: dict[str, Any] = {"form": form}
    status = 200
    if is_asked and form.is_valid():
        context |= _explained(form)
    elif is_asked:
        status = 400
    everywhere = admin.site.each_context(request) | {"title": "Routing tester", "is_fullwidth": "1"}
    return TemplateResponse(request, "attribution/routing_tester.html", everywhere | context, status=status)


def _explained(form: TesterForm) -> dict[str, Any]:
    campaign = form.cleaned_data["campaign"]
    address = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    common = {"campaign": campaign, "campaign_address": address}
    try:
        explained = explain_routing(campaign, form.visitor(), at=form.moment(now=datetime.now(UTC)))
    except CampaignHasNoLink:
        return common | {"has_no_link": True}
    return common | {
        "explained": explained,
        "meaning": OUTCOMES[explained.outcome],
        "label": Click.Outcome(explained.outcome).label,
    }
