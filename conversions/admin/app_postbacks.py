"""Admin of Apple's anonymous postbacks, of what contradicted them, and of what source identifiers stand for."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateTimeFilter

from conversions.models import AppPostback, AppPostbackConflict, SourceIdentifier
from tracker_project.common.pages import NOTHING, FactInline, FactPage, Page, label, link_to


class AppPostbackConflictInline(FactInline):
    model = AppPostbackConflict
    fields = ["received_at", "field", "held", "reported"]
    verbose_name_plural = "What came later and said otherwise (answered 409)"


@admin.register(AppPostback)
class AppPostbackAdmin(FactPage):
    purpose = (
        "What Apple's devices told of installs and re-engagements: signed by Apple, about nobody in particular. "
        "Conversion value, coarse value, interaction and country are not under the signature."
    )
    empty = "Nothing came from Apple yet. The page “Apple's anonymous installs” says which addresses the app must name."
    list_display = ["received_at", "sent_by", "ad_network_id", "source", "app", "days", "outcome", "value"]
    list_filter = ["framework", "window", "did_win", "is_test", ("received_at", RangeDateTimeFilter)]
    list_filter_submit = True
    search_fields = ["postback_id"]
    search_help_text = "Transaction id or postback identifier, whole"
    ordering = ["-id"]
    inlines = [AppPostbackConflictInline]
    fieldsets = [
        (
            "Signed by Apple",
            {
                "fields": [
                    ("framework", "version"),
                    "postback_id",
                    ("ad_network_id", "source"),
                    ("app", "marketplace"),
                    ("conversion_type", "outcome"),
                    ("days", "fidelity"),
                    "shown_in",
                    "signature",
                ]
            },
        ),
        (
            "Not signed: never pay on it",
            {"fields": [("conversion_value", "coarse_value"), ("interaction", "country")]},
        ),
        (None, {"fields": [("received_at", "counted")]}),
    ]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        # Each framework's identities have an index of their own.
        either = Q(framework="skadnetwork", postback_id=term) | Q(framework="adattributionkit", postback_id=term)
        return queryset.filter(either), False

    @admin.display(description="Framework")
    def sent_by(self, postback: AppPostback) -> str:
        return f"{postback.get_framework_display()} {postback.version}".strip()

    @admin.display(description="Source")
    def source(self, postback: AppPostback) -> str:
        return postback.source_identifier or f"Campaign {postback.campaign_number}"

    @admin.display(description="Advertised app")
    def app(self, postback: AppPostback) -> str:
        return str(postback.app_id)

    @admin.display(description="Window")
    def days(self, postback: AppPostback) -> str:
        return NOTHING if postback.window is None else AppPostback.Window(postback.window).label

    @admin.display(description="Counted in reports")
    def counted(self, postback: AppPostback) -> str:
        return "No: it comes from a developer's device or build." if postback.is_test else "Yes"

    @admin.display(description="Shown in app or on site")
    def shown_in(self, postback: AppPostback) -> str:
        return postback.source_domain or (NOTHING if postback.source_app_id is None else str(postback.source_app_id))

    @label("Outcome", {"Won": "success", "Lost": "warning", "Test": "info"})
    def outcome(self, postback: AppPostback) -> str:
        if postback.is_test:
            return "Test"
        return "Lost" if postback.did_win is False else "Won"

    @admin.display(description="Value")
    def value(self, postback: AppPostback) -> str:
        if postback.conversion_value is not None:
            return str(postback.conversion_value)
        return postback.get_coarse_value_display() or NOTHING


@admin.register(AppPostbackConflict)
class AppPostbackConflictAdmin(FactPage):
    purpose = (
        "Postbacks that came again and said something else under the same identity; answered 409, the first one "
        "stands. Values that Apple does not sign were changed by whoever passed one of the two on."
    )
    empty = "Good: no postback ever contradicted an earlier one."
    list_display = ["received_at", "of", "field", "held", "reported"]
    list_select_related = ["postback"]
    list_filter = [("received_at", RangeDateTimeFilter)]
    list_filter_submit = True
    ordering = ["-id"]
    fields = ["received_at", "of", "field", "held", "reported"]

    @admin.display(description="Postback")
    def of(self, conflict: AppPostbackConflict) -> str:
        return link_to(conflict.postback)


@admin.register(SourceIdentifier)
class SourceIdentifierAdmin(Page):
    purpose = (
        "What a network's source identifier stands for, so that the page of Apple's anonymous installs can name the "
        "campaign. Nothing is credited or paid by it."
    )
    empty = (
        "Ask the network which identifiers it gave to your campaigns, and enter the last two digits or more of each."
    )
    list_display = ["identifier", "ad_network_id", "campaign"]
    list_select_related = ["campaign"]
    search_fields = ["=identifier", "=ad_network_id"]
    search_help_text = "Identifier or network, whole"
    autocomplete_fields = ["campaign"]
    ordering = ["ad_network_id", "identifier"]
    fields = [("ad_network_id", "identifier"), "campaign"]
