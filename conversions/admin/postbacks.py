"""Admin of destinations, and the log of postbacks with every attempt."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.widgets import UnfoldAdminPasswordWidget

from conversions.domain.postback_macros import POSTBACK_MACROS
from conversions.models import Destination, Postback, PostbackAttempt
from tracker_project.common.pages import NOTHING, FactInline, FactPage, Page, instant, label, link_to, money

STATE_COLOURS = {
    "Delivered": "success",
    "To be sent": "info",
    "Given up": "danger",
    "Not to be sent any more": "warning",
}
OUTCOME_COLOURS = {
    "Accepted": "success",
    "Failed, will be tried again": "warning",
    "Refused for good": "danger",
    "Destination needs attention": "danger",
}


class DestinationForm(forms.ModelForm[Destination]):
    token_to_set = forms.CharField(
        label="Access token",
        required=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}),
        help_text="Meta: the dataset's token. Never shown; leave it empty to keep the one that is set.",
    )

    class Meta:
        model = Destination
        fields = [
            "name",
            "kind",
            "is_active",
            "campaign",
            "partner",
            "on_registration",
            "on_first_deposit",
            "on_deposit",
            "requires_consent",
            "url_template",
            "dataset_id",
        ]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        token = cleaned.get("token_to_set") or self.instance.access_token
        if cleaned.get("kind") == Destination.Kind.GENERIC and not cleaned.get("url_template"):
            self._ask_for("url_template", "A generic destination needs the address to call.")
        if cleaned.get("kind") == Destination.Kind.META:
            if not cleaned.get("dataset_id"):
                self._ask_for("dataset_id", "Meta needs the dataset's number.")
            if not token:
                self._ask_for("token_to_set", "Meta needs the dataset's access token.")
            if cleaned.get("partner"):
                self._ask_for("partner", "A partner is told by a generic destination, never through Meta.")
        if not any(cleaned.get(name) for name in ("on_registration", "on_first_deposit", "on_deposit")):
            self._ask_for("on_first_deposit", "Choose at least one event to tell of.")
        self.instance.access_token = token
        return cleaned

    def _ask_for(self, name: str, why: str) -> None:
        if name not in self.errors:
            self.add_error(name, why)


@admin.register(Destination)
class DestinationAdmin(Page):
    purpose = "Who is told of registrations and deposits: advertising platforms, partners, anyone with an address."
    empty = "Add one to tell Meta or any other system of first deposits within seconds."
    form = DestinationForm
    list_display = ["name", "kind", "state_label", "campaign", "partner", "tells_of", "disabled_reason"]
    list_filter = ["is_active", "kind", ("campaign", AutocompleteSelectFilter), ("partner", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["campaign", "partner"]
    search_fields = ["name", "campaign__name", "partner__name"]
    autocomplete_fields = ["campaign", "partner"]
    ordering = ["name"]
    readonly_fields = ["disabled_reason", "macros", "token_state"]
    fieldsets = [
        (None, {"fields": [("name", "kind"), ("is_active", "disabled_reason")]}),
        ("Whose conversions", {"fields": ["campaign", "partner", "requires_consent"]}),
        ("Which events", {"fields": [("on_registration", "on_first_deposit", "on_deposit")]}),
        ("Generic S2S", {"fields": ["url_template", "macros"]}),
        ("Meta Conversions API", {"fields": ["dataset_id", "token_to_set", "token_state"]}),
    ]

    def save_model(self, request: HttpRequest, obj: Destination, form: Any, change: bool) -> None:
        if obj.is_active:
            obj.disabled_reason = ""
        super().save_model(request, obj, form, change)

    @label("State", {"On": "success", "Off": "warning", "Switched off by the tracker": "danger"})
    def state_label(self, destination: Destination) -> str:
        if destination.is_active:
            return "On"
        return "Switched off by the tracker" if destination.disabled_reason else "Off"

    @admin.display(description="Tells of")
    def tells_of(self, destination: Destination) -> str:
        events = [
            ("registration", destination.on_registration),
            ("first deposit", destination.on_first_deposit),
            ("each deposit", destination.on_deposit),
        ]
        return ", ".join(name for name, is_told in events if is_told) or NOTHING

    @admin.display(description="Macros that the address may use")
    def macros(self, destination: Destination) -> str:
        return " ".join("{" + name + "}" for name in POSTBACK_MACROS)

    @admin.display(description="Token")
    def token_state(self, destination: Destination) -> str:
        return "Set, and never shown." if destination.access_token else "Not set."


class PostbackAttemptInline(FactInline):
    model = PostbackAttempt
    fields = ["started_at", "outcome", "http_status", "latency_ms", "request", "answer"]
    ordering = ["id"]
    verbose_name_plural = "Attempts"


@admin.register(Postback)
class PostbackAdmin(FactPage):
    purpose = "The postback log: what is owed to whom, every attempt to send it, and what came back."
    empty = "Nothing had to be sent yet. Postbacks are written when a conversion is approved."
    list_display = [
        "created_at",
        "destination",
        "event_label",
        "conversion_link",
        "state_label",
        "tries",
        "last_answer",
        "next_try",
        "state_reason",
    ]
    list_filter = [
        "state",
        "destination",
        "event",
        "is_correction",
        ("created_at", RangeDateTimeFilter),
    ]
    list_filter_submit = True
    list_select_related = ["destination", "conversion"]
    search_fields = ["conversion"]
    search_help_text = "Number of the conversion"
    ordering = ["-id"]
    inlines = [PostbackAttemptInline]
    fieldsets = [
        (None, {"fields": [("destination", "event_label"), ("conversion_link", "payout_money")]}),
        ("State", {"fields": [("state_label", "tries"), "state_reason", ("next_try", "finished_at")]}),
        ("Told once by", {"fields": [("fact", "dedup_id"), ("created_at", "leased_until")]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Postback]:
        latest = PostbackAttempt.objects.filter(postback=OuterRef("pk")).order_by("-id")
        postbacks: QuerySet[Postback] = super().get_queryset(request)
        return postbacks.annotate(
            last_http_status=Subquery(latest.values("http_status")[:1]),
            last_outcome=Subquery(latest.values("outcome")[:1]),
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Postback], search_term: str
    ) -> tuple[QuerySet[Postback], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        return (queryset.filter(conversion=int(term)) if term.isdecimal() else queryset.none()), False

    @admin.display(description="Event")
    def event_label(self, postback: Postback) -> str:
        return postback.get_event_display() + (" (taken back)" if postback.is_correction else "")

    @admin.display(description="Conversion")
    def conversion_link(self, postback: Postback) -> str:
        return link_to(postback.conversion, str(postback.conversion_id))

    @label("State", STATE_COLOURS)
    def state_label(self, postback: Postback) -> str:
        return postback.get_state_display()

    @label("Last answer", OUTCOME_COLOURS)
    def last_answer(self, postback: Any) -> str | tuple[str, str]:
        if postback.last_outcome is None:
            return "not tried yet"
        outcome = str(PostbackAttempt.Outcome(postback.last_outcome).label)
        return outcome if postback.last_http_status is None else (outcome, f"{outcome} ({postback.last_http_status})")

    @admin.display(description="Next try")
    def next_try(self, postback: Postback) -> str:
        return instant(postback.next_attempt_at) if postback.state == Postback.State.PENDING else NOTHING

    @admin.display(description="Payout told")
    def payout_money(self, postback: Postback) -> str:
        return money(postback.payout, postback.payout_currency)
