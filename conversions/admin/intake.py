"""Admin of platforms, of what they reported, and of what contradicted it."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from conversions.admin.platform_health import PlatformHealth
from conversions.domain.intake import discard_event, match_again
from conversions.domain.platform_secrets import end_changeover, new_secret, rotate_secret
from conversions.models import Anomaly, InboxEvent, IntakeRequest, Platform
from conversions.signatures import validate_secret
from tracker_project.common.pages import (
    NOTHING,
    FactPage,
    Page,
    ask_first,
    button,
    change_address,
    copyable,
    found,
    label,
    link_to,
    plain_list,
)

_SHORT = 24
STATE_COLOURS = {"Recorded": "success", "Quarantined": "warning", "Discarded": "info"}
REASONS = {
    "names_nobody": "it names neither a player nor a click",
    "malformed_click_id": "its click id is not one of ours",
    "forged_click_id": "its click id is forged",
    "unknown_link": "its click's link does not exist",
    "unknown_player": "nobody has registered by its click yet",
    "not_registered": "its player has not registered yet",
    "several_players": "several players registered by its click",
    "unknown_transaction": "what it takes back was not reported yet",
    "unknown_event_name": "nobody mapped the name of its event",
    "no_amount": "it names no amount",
    "transaction_conflict": "it contradicts what is recorded of its transaction",
    "activity_conflict": "the day was reported in another way before",
}


class PlatformForm(forms.ModelForm[Platform]):
    secret_to_set = forms.CharField(
        label="Secret",
        required=False,
        validators=[validate_secret],
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}),
        help_text="Only if the platform made one: paste it here. Otherwise leave it empty; one is made and shown once.",
    )

    class Meta:
        model = Platform
        fields = [
            "name",
            "slug",
            "brand",
            "default_status",
            "time_zone",
            "allowed_addresses",
            "is_default",
            "is_active",
        ]
        help_texts = {"slug": "Its name in the addresses that it posts to, such as /webhooks/gaming/deposit."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].required = False

    def clean_time_zone(self) -> str:
        return self.cleaned_data["time_zone"] or "UTC"

    def clean_is_default(self) -> bool:
        is_default = bool(self.cleaned_data["is_default"])
        if is_default and self.instance.is_sandbox:
            raise forms.ValidationError("A sandbox takes tests alone: mark the platform itself as default.")
        other = Platform.objects.filter(is_default=True).exclude(pk=self.instance.pk).first()
        if is_default and other:
            raise forms.ValidationError(f"{other.name} is the default platform: untick it there first.")
        return is_default


@admin.register(Platform)
class PlatformAdmin(PlatformHealth, Page):
    purpose = "Casinos' back offices that post signed webhooks about their players."
    empty = "Add a platform; its secret and the addresses to post to go to the casino's technicians."
    form = PlatformForm
    list_display = ["name", "slug", "brand", "is_active", "is_default", "default_status", "is_a_sandbox"]
    list_filter = ["is_active", "brand"]
    list_select_related = ["brand"]
    search_fields = ["name", "slug"]
    autocomplete_fields = ["brand"]
    prepopulated_fields = {"slug": ["name"]}
    ordering = ["name"]
    readonly_fields = [
        "registration_address",
        "deposit_address",
        "events_address",
        "totals_address",
        "secrets_in_use",
        "heard",
        "sandbox_shown",
    ]
    actions_detail = ["make_secret", "end_changeover", *PlatformHealth.health_actions]
    add_fieldsets = [
        (None, {"fields": [("name", "slug"), "brand", ("is_active", "is_default")]}),
        ("Rules", {"fields": [("default_status", "time_zone"), "allowed_addresses", "secret_to_set"]}),
    ]
    fieldsets = [
        (None, {"fields": [("name", "slug"), "brand", ("is_active", "is_default")]}),
        ("Health", {"fields": ["heard", "sandbox_shown"]}),
        (
            "For the casino's technicians",
            {
                "fields": [
                    "registration_address",
                    "deposit_address",
                    "events_address",
                    "totals_address",
                    "secrets_in_use",
                ]
            },
        ),
        ("Rules", {"fields": [("default_status", "time_zone"), "allowed_addresses", "secret_to_set"]}),
    ]

    @admin.display(description="Sandbox", boolean=True)
    def is_a_sandbox(self, platform: Platform) -> bool:
        return platform.is_sandbox

    @admin.display(description="Registrations are posted to")
    def registration_address(self, platform: Platform) -> str:
        return copyable(f"{settings.PUBLIC_WEB_URL}/webhooks/{platform.slug}/registration")

    @admin.display(description="Deposits are posted to")
    def deposit_address(self, platform: Platform) -> str:
        return copyable(f"{settings.PUBLIC_WEB_URL}/webhooks/{platform.slug}/deposit")

    @admin.display(description="All other events are posted to")
    def events_address(self, platform: Platform) -> str:
        return copyable(f"{settings.PUBLIC_WEB_URL}/webhooks/{platform.slug}/events")

    @admin.display(description="Its totals of a day are posted to")
    def totals_address(self, platform: Platform) -> str:
        return copyable(f"{settings.PUBLIC_WEB_URL}/webhooks/{platform.slug}/totals")

    @admin.display(description="Secret")
    def secrets_in_use(self, platform: Platform) -> str:
        if platform.previous_secret:
            return "Set; the previous one is still accepted. End the changeover once the platform signs with the new."
        return "Set. It is not shown again; make a new one if it is lost."

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        buttons = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        platform = self.get_object(request, str(object_id))
        is_changing_over = platform is not None and platform.previous_secret
        no_more = set() if is_changing_over else {"end-changeover"}
        if platform is not None and platform.is_sandbox:
            no_more.add("sandbox")
        return [each for each in buttons if each.path not in no_more]

    def save_model(self, request: HttpRequest, obj: Platform, form: Any, change: bool) -> None:
        given = form.cleaned_data.get("secret_to_set")
        if not change:
            obj.secret = given or new_secret()
        super().save_model(request, obj, form, change)
        if change and given:
            rotate_secret(obj, secret=given)

    def response_add(self, request: HttpRequest, obj: Platform, post_url_continue: Any = None) -> HttpResponse:
        if "_popup" in request.POST or request.POST.get("secret_to_set"):
            return super().response_add(request, obj, post_url_continue)
        return self._show_secret(request, obj, obj.secret)

    @button("New secret…", path="new-secret", icon="key", permission="change")
    def make_secret(self, request: HttpRequest, object_id: str) -> HttpResponse:
        platform = found(self, request, object_id)
        if request.method == "POST":
            secret = new_secret()
            rotate_secret(platform, secret=secret)
            self.log_change(request, platform, "Made a new secret.")
            return self._show_secret(request, platform, secret)
        consequence = (
            "A new secret is made and shown once. The current one stays valid beside it until you end the changeover, "
            "so that nothing is refused meanwhile."
        )
        if platform.previous_secret:
            consequence += " A changeover is going on: the secret before the current one stops being accepted now."
        return ask_first(
            self, request, platform, title="New secret", consequence=consequence, button="Make a new secret"
        )

    @button("End changeover…", path="end-changeover", icon="key_off", permission="change")
    def end_changeover(self, request: HttpRequest, object_id: str) -> HttpResponse:
        platform = found(self, request, object_id)
        if request.method == "POST":
            end_changeover(platform)
            self.log_change(request, platform, "Ended the changeover: the previous secret is not accepted any more.")
            self.message_user(request, "Only the current secret is accepted now.")
            return redirect(change_address(platform))
        return ask_first(
            self,
            request,
            platform,
            title="End the changeover",
            consequence="Messages signed with the previous secret are refused from now on. This cannot be undone.",
            button="Accept the current secret alone",
        )

    def _show_secret(self, request: HttpRequest, platform: Platform, secret: str) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"Secret of {platform}",
            "secret": copyable(secret),
            "registration": self.registration_address(platform),
            "deposit": self.deposit_address(platform),
            "back": change_address(platform),
        }
        # The admin's views are never cached, so the secret is in nobody's history.
        return TemplateResponse(request, "tracker/secret_shown_once.html", context)


def reason_in_words(event: InboxEvent) -> str:
    """Return why an event is not recorded, "" for one that is."""
    return REASONS.get(event.reason, event.reason)


class DiscardForm(forms.Form):
    reason = forms.CharField(
        max_length=50,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Kept with the event, such as “a test of the network”.",
    )


@admin.register(InboxEvent)
class InboxEventAdmin(FactPage):
    purpose = (
        "Every event as a platform reported it, kept for ever, with the answer that each repeat gets again. "
        "Quarantined: it names nobody whom we can find; it is recorded by itself once what it waits for arrives."
    )
    empty = "Nothing was reported yet. Give the casino the platform's addresses and secret."
    list_display = ["received_at", "platform", "kind", "short_id", "state_label", "why", "occurred_at"]
    list_filter = ["state", "platform", "kind"]
    list_select_related = ["platform"]
    search_fields = ["event_id"]
    search_help_text = "Event id, whole"
    ordering = ["-id"]
    fields = [
        ("platform", "endpoint"),
        ("kind", "event_id"),
        ("state_label", "why"),
        ("next_match_at", "settled_at"),
        ("occurred_at", "received_at"),
        "webhook_id",
        "said",
        "answered",
        "arrived",
    ]
    actions_detail = ["look_again", "discard"]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        event = self.get_object(request, str(object_id))
        is_quarantined = event is not None and event.state == InboxEvent.State.QUARANTINED
        return super().get_actions_detail(request, object_id) if is_quarantined else []  # type: ignore[misc]

    def has_handle_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("conversions.change_inboxevent"))

    @button("Look again now", path="look-again", icon="refresh", permission="handle")
    def look_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        event = found(self, request, object_id)
        if request.method == "POST":
            if match_again(event.pk, at=timezone.now()):
                self.message_user(request, "What it waited for is there: the event is recorded.")
            else:
                event.refresh_from_db()
                self.message_user(request, f"It stays in quarantine: {reason_in_words(event)}.", "warning")
            return redirect(change_address(event))
        return ask_first(
            self,
            request,
            event,
            title="Look again",
            consequence="If its player, click or transaction is known by now, the event is recorded as if it came now.",
            button="Look again",
        )

    @button("Discard…", path="discard", icon="delete", permission="handle")
    def discard(self, request: HttpRequest, object_id: str) -> HttpResponse:
        event = found(self, request, object_id)
        form = DiscardForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            discard_event(event, reason=form.cleaned_data["reason"], at=timezone.now())
            self.log_change(request, event, f"Discarded it: {form.cleaned_data['reason']}")
            self.message_user(request, "The event is out of the way and will never be recorded.")
            return redirect(change_address(event))
        return ask_first(
            self,
            request,
            event,
            title="Discard the event",
            consequence="It stays listed here with your reason and is never recorded. This cannot be undone.",
            button="Discard it",
            form=form,
        )

    @admin.display(description="Event id")
    def short_id(self, event: InboxEvent) -> str:
        return event.event_id if len(event.event_id) <= _SHORT else f"{event.event_id[:_SHORT]}…"

    @label("State", STATE_COLOURS)
    def state_label(self, event: InboxEvent) -> str:
        return event.get_state_display()

    @admin.display(description="Why")
    def why(self, event: InboxEvent) -> str:
        return reason_in_words(event) or NOTHING

    @admin.display(description="As it arrived, without personal fields")
    def arrived(self, event: InboxEvent) -> str:
        requests = IntakeRequest.objects.filter(platform_id=event.platform_id, received_at=event.received_at)
        request = requests.order_by("pk").first()
        return link_to(request, str(request)) if request else "Not kept any more."

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        return queryset.filter(platform__in=list(Platform.objects.values_list("pk", flat=True)), event_id=term), False

    @admin.display(description="What it said")
    def said(self, event: InboxEvent) -> str:
        return plain_list(event.terms)

    @admin.display(description="What we answered")
    def answered(self, event: InboxEvent) -> str:
        return plain_list(event.answer)


@admin.register(Anomaly)
class AnomalyAdmin(FactPage):
    purpose = "Messages that contradicted what we hold and were answered 409: ask the platform which is right."
    empty = "Good: no message ever contradicted an earlier one."
    list_display = ["received_at", "platform", "code", "event_id", "field", "held_value", "reported_value"]
    list_filter = ["platform", "code", ("received_at", RangeDateTimeFilter)]
    list_filter_submit = True
    list_select_related = ["platform"]
    ordering = ["-id"]
    fields = ["platform", "code", "event_id", "field", "held_value", "reported_value", "received_at"]

    @admin.display(description="We hold")
    def held_value(self, anomaly: Anomaly) -> str:
        return NOTHING if anomaly.held is None else str(anomaly.held)

    @admin.display(description="The message said")
    def reported_value(self, anomaly: Anomaly) -> str:
        return NOTHING if anomaly.reported is None else str(anomaly.reported)
