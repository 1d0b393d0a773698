"""What happens around clicks: impressions, landing pages, and landings that are no click yet."""

from uuid import UUID

from django.contrib import admin
from django.db.models import TextChoices
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from attribution.admin.clicks import KIND_COLOURS
from attribution.admin.days import DayFilter
from attribution.click_ids import uuid_time
from attribution.models import Click, Impression, LandingEvent, PreClick
from tracker_project.common.pages import NOTHING, FactPage, change_address, instant, label, plain_list

LANDING_COLOURS = {"Page seen": "info", "Link followed": "success", "Web app installed": "success"}


@admin.register(LandingEvent)
class LandingEventAdmin(FactPage):
    purpose = "Landing pages seen, links on them followed, and web apps installed, by UTC day, newest first."
    empty = "Nothing on this day. Give a flow a landing page, or put /t.js on your own, and look here again."
    list_display = ["happened", "kind_label", "campaign", "landing_page", "offer", "number", "outcome_text", "of_click"]
    list_filter = [DayFilter, ("campaign", AutocompleteSelectFilter), "kind"]
    list_filter_submit = True
    list_select_related = ["campaign", "landing_page", "offer"]
    ordering = ["-id"]
    fieldsets = [
        (None, {"fields": ["happened", "kind_label", "of_click"]}),
        ("Where", {"fields": ["campaign", "link", "landing_page"]}),
        ("Led to", {"fields": ["outcome_text", "offer", "number"]}),
    ]

    @admin.display(description="When (UTC)")
    def happened(self, event: LandingEvent) -> str:
        return instant(uuid_time(event.id))

    @label("What", LANDING_COLOURS)
    def kind_label(self, event: LandingEvent) -> str:
        return event.get_kind_display()

    @admin.display(description="Outcome")
    def outcome_text(self, event: LandingEvent) -> str:
        return _in_words(Click.Outcome, event.outcome)

    @admin.display(description="Link number")
    def number(self, event: LandingEvent) -> str:
        return NOTHING if event.cta is None else str(event.cta)

    @admin.display(description="Click")
    def of_click(self, event: LandingEvent) -> str:
        return _click_link(event.click)


@admin.register(Impression)
class ImpressionAdmin(FactPage):
    purpose = "Advertisements shown, by UTC day, newest first: each is one request of a link's pixel, /i/<code>.gif."
    empty = "No impression on this day. Put the pixel of a tracking link into an advertisement, and look here again."
    list_display = ["shown", "kind_text", "campaign", "creative", "partner", "country", "device", "external_id"]
    list_filter = [DayFilter, ("campaign", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["campaign", "creative", "partner"]
    ordering = ["-id"]
    fieldsets = [
        (None, {"fields": ["shown", "kind_text"]}),
        ("Of", {"fields": ["link", "campaign", "creative", "partner", "source", "external_id"]}),
        ("Seen by", {"fields": ["country", "device"]}),
    ]

    @admin.display(description="Shown (UTC)")
    def shown(self, impression: Impression) -> str:
        return instant(uuid_time(impression.id))

    @label("Seen by", KIND_COLOURS | {"A person": "success"})
    def kind_text(self, impression: Impression) -> str:
        is_counted = impression.kind == Click.Kind.CLICK
        return "A person" if is_counted else _in_words(Click.Kind, impression.kind)


@admin.register(PreClick)
class PreClickAdmin(FactPage):
    purpose = (
        "Landings that /t.js reported, and links that were called in the background, for 24 hours: until one of them "
        "becomes a click, under the same id."
    )
    empty = "Nothing within 24 hours. Put /t.js on a page of a campaign's own hosts, open it, and look here again."
    list_display = ["created_at", "kind", "campaign", "page", "platform_click_id", "consent", "became_a_click"]
    list_filter = ["kind", ("campaign", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["campaign"]
    ordering = ["-created_at"]
    fieldsets = [
        (None, {"fields": ["id", "created_at", "kind", "became_a_click"]}),
        ("Where", {"fields": ["campaign", "link", "page"]}),
        ("What it brought", {"fields": ["platform_click_id", "consent", "fact_list"]}),
    ]

    @admin.display(description="Consent to ads")
    def consent(self, pre_click: PreClick) -> str:
        return {True: "given", False: "refused", None: "not said"}[pre_click.has_ad_consent]

    @admin.display(description="Became a click")
    def became_a_click(self, pre_click: PreClick) -> str:
        return _click_link(pre_click.id, instant(pre_click.promoted_at)) if pre_click.promoted_at else NOTHING

    @admin.display(description="Facts")
    def fact_list(self, pre_click: PreClick) -> str:
        return plain_list(pre_click.facts)


def _click_link(uuid: UUID, text: str = "") -> str:
    return format_html('<a class="tracker-link" href="{}">{}</a>', change_address(Click(id=uuid)), text or uuid)


def _in_words(choices: type[TextChoices], value: str) -> str:
    return str(dict(choices.choices).get(value, value)) or NOTHING
