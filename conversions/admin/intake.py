"""Admin of platforms, of what they reported, and of what contradicted it."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.widgets import UnfoldAdminPasswordWidget

from conversions.domain.platform_secrets import end_changeover, new_secret, rotate_secret
from conversions.models import Anomaly, InboxEvent, Platform
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
    plain_list,
)


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
        fields = ["name", "slug", "brand", "default_status", "allowed_addresses", "is_default", "is_active"]
        help_texts = {"slug": "Its name in the addresses that it posts to, such as /webhooks/gaming/deposit."}

    def clean_is_default(self) -> bool:
        is_default = bool(self.cleaned_data["is_default"])
        other = Platform.objects.filter(is_default=True).exclude(pk=self.instance.pk).first()
        if is_default and other:
            raise forms.ValidationError(f"{other.name} is the default platform: untick it there first.")
        return is_default


@admin.register(Platform)
class PlatformAdmin(Page):
    purpose = "Casinos' back offices that post signed webhooks about their players."
    empty = "Add a platform; its secret and the addresses to post to go to the casino's technicians."
    form = PlatformForm
    list_display = ["name", "slug", "brand", "is_active", "is_default", "default_status"]
    list_filter = ["is_active", "brand"]
    list_select_related = ["brand"]
    search_fields = ["name", "slug"]
    autocomplete_fields = ["brand"]
    prepopulated_fields = {"slug": ["name"]}
    ordering = ["name"]
    readonly_fields = ["registration_address", "deposit_address", "secrets_in_use"]
    actions_detail = ["make_secret", "end_changeover"]
    add_fieldsets = [
        (None, {"fields": [("name", "slug"), "brand", ("is_active", "is_default")]}),
        ("Rules", {"fields": ["default_status", "allowed_addresses", "secret_to_set"]}),
    ]
    fieldsets = [
        (None, {"fields": [("name", "slug"), "brand", ("is_active", "is_default")]}),
        ("For the casino's technicians", {"fields": ["registration_address", "deposit_address", "secrets_in_use"]}),
        ("Rules", {"fields": ["default_status", "allowed_addresses", "secret_to_set"]}),
    ]

    @admin.display(description="Registrations are posted to")
    def registration_address(self, platform: Platform) -> str:
        return copyable(f"{settings.PUBLIC_WEB_URL}/webhooks/{platform.slug}/registration")

    @admin.display(description="Deposits are posted to")
    def deposit_address(self, platform: Platform) -> str:
        return copyable(f"{settings.PUBLIC_WEB_URL}/webhooks/{platform.slug}/deposit")

    @admin.display(description="Secret")
    def secrets_in_use(self, platform: Platform) -> str:
        if platform.previous_secret:
            return "Set; the previous one is still accepted. End the changeover once the platform signs with the new."
        return "Set. It is not shown again; make a new one if it is lost."

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        buttons = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        platform = self.get_object(request, str(object_id))
        is_changing_over = platform is not None and platform.previous_secret
        return [each for each in buttons if is_changing_over or each.path != "end-changeover"]

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


@admin.register(InboxEvent)
class InboxEventAdmin(FactPage):
    purpose = "Every event as a platform reported it, kept for ever, with the answer that each repeat gets again."
    empty = "Nothing was reported yet. Give the casino the platform's addresses and secret."
    list_display = ["received_at", "platform", "kind", "event_id", "occurred_at"]
    list_filter = ["platform", "kind"]
    list_select_related = ["platform"]
    search_fields = ["event_id"]
    search_help_text = "Event id, whole"
    ordering = ["-id"]
    fields = ["platform", "kind", "event_id", "webhook_id", "occurred_at", "received_at", "said", "answered"]

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
