"""Admin of endpoints in others' dialects, of the requests that arrived, and of the fields that we drop."""

from collections import Counter
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextareaWidget

from conversions.admin.intake import REASONS
from conversions.admin.platform_health import ShowsSilence
from conversions.api.console import Tried, try_request
from conversions.api.errors import WebhookError
from conversions.dialects.registry import known_fields
from conversions.domain.endpoint_keys import end_key_changeover, hash_key, new_key, rotate_key
from conversions.domain.subjects import wake_unnamed_events
from conversions.models import DroppedField, Endpoint, IntakeRequest
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
    plain_list,
)

STATUS_COLOURS = {"Recorded": "success", "Waits": "warning", "Refused": "danger", "Array": "info"}
_KEY_STANDS_FOR = "<key>"
_WITHOUT_STATUS = (Endpoint.Dialect.KEITARO, Endpoint.Dialect.VOLUUM, Endpoint.Dialect.BINOM)


class EndpointForm(forms.ModelForm[Endpoint]):
    signing_secret_to_set = forms.CharField(
        label="Signing secret",
        required=False,
        max_length=200,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}),
        help_text="Affilka: the secret that it signs with. Never shown; leave it empty to keep the one that is set.",
    )

    class Meta:
        model = Endpoint
        fields = [
            "name",
            "slug",
            "platform",
            "dialect",
            "is_active",
            "amounts",
            "default_status",
            "currency",
            "player_parameter",
            "event_names",
            "duplicates",
            "field_paths",
            "events_path",
            "amount_unit",
            "time_format",
            "time_zone",
            "statuses",
            "allowed_addresses",
        ]
        widgets = {
            name: UnfoldAdminTextareaWidget(attrs={"rows": 3, "spellcheck": "false"})
            for name in ("event_names", "field_paths", "statuses")
        }

    def clean_field_paths(self) -> Any:
        return self.cleaned_data.get("field_paths") or {}

    def clean_statuses(self) -> Any:
        return self.cleaned_data.get("statuses") or {}

    def clean_event_names(self) -> Any:
        return self.cleaned_data.get("event_names") or {}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        secret = cleaned.get("signing_secret_to_set") or self.instance.signing_secret
        if cleaned.get("dialect") == Endpoint.Dialect.AFFILKA and not secret:
            self.add_error("signing_secret_to_set", "Affilka signs what it sends: paste its secret.")
        if cleaned.get("dialect") == Endpoint.Dialect.MAPPED and "event" not in (cleaned.get("field_paths") or {}):
            self.add_error("field_paths", 'Say at least where the event is named, such as {"event": "type"}.')
        takes_deposits = cleaned.get("amounts") == Endpoint.Amounts.DEPOSIT
        if takes_deposits and not cleaned.get("default_status") and cleaned.get("dialect") in _WITHOUT_STATUS:
            self.add_error("default_status", "This tracker names no status of a deposit: say what a deposit is.")
        return cleaned


class TryForm(forms.Form):
    pasted = forms.CharField(
        label="The request",
        max_length=100_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8, "spellcheck": "false"}),
        help_text="A JSON body, or an address with its parameters. The key is not needed, and nothing is recorded.",
    )


@admin.register(Endpoint)
class EndpointAdmin(ShowsSilence, Page):
    purpose = "Addresses for trackers, networks and platforms that speak their own dialect; the key proves the sender."
    empty = "Add an endpoint for each network or platform that cannot send our signed webhooks."
    form = EndpointForm
    list_display = ["name", "platform", "dialect", "is_active", "amounts"]
    list_filter = ["dialect", "is_active"]
    list_select_related = ["platform"]
    search_fields = ["name", "slug"]
    autocomplete_fields = ["platform"]
    prepopulated_fields = {"slug": ["name"]}
    ordering = ["name"]
    readonly_fields = ["address", "parameters", "keys_in_use", "heard"]
    actions_detail = ["try_a_request", "make_key", "end_changeover"]
    _rules: Any = {
        "fields": [
            ("amounts", "default_status"),
            ("currency", "player_parameter"),
            ("event_names", "duplicates"),
            ("allowed_addresses", "signing_secret_to_set"),
        ]
    }
    _map: Any = {
        "classes": ["collapse"],
        "description": "For the dialect “Anything else” alone: where each field stands, and what it means.",
        "fields": [
            "field_paths",
            ("events_path", "amount_unit"),
            ("time_format", "time_zone"),
            "statuses",
        ],
    }
    add_fieldsets = [
        (None, {"fields": [("name", "slug"), ("platform", "dialect"), "is_active"]}),
        ("Rules", _rules),
        ("Map", _map),
    ]
    fieldsets = [
        (None, {"fields": [("name", "slug"), ("platform", "dialect"), "is_active"]}),
        ("Health", {"fields": ["heard"]}),
        ("For the sender's technicians", {"fields": ["address", "parameters", "keys_in_use"]}),
        ("Rules", _rules),
        ("Map", _map),
    ]

    @admin.display(description="It calls")
    def address(self, endpoint: Endpoint) -> str:
        return copyable(f"{settings.PUBLIC_WEB_URL}/postback/{endpoint.slug}/{_KEY_STANDS_FOR}")

    @admin.display(description="Fields that are read")
    def parameters(self, endpoint: Endpoint) -> str:
        return ", ".join(sorted(known_fields(endpoint)))

    @admin.display(description="Key")
    def keys_in_use(self, endpoint: Endpoint) -> str:
        if endpoint.previous_key_hash:
            return "Set; the previous one is still accepted. End the changeover once the sender uses the new one."
        return "Set. Only its hash is kept: make a new one if it is lost."

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        buttons = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        endpoint = self.get_object(request, str(object_id))
        is_changing_over = endpoint is not None and endpoint.previous_key_hash
        return [each for each in buttons if is_changing_over or each.path != "end-changeover"]

    def save_model(self, request: HttpRequest, obj: Endpoint, form: Any, change: bool) -> None:
        if not change:
            request.new_endpoint_key = new_key()  # type: ignore[attr-defined]
            obj.key_hash = hash_key(request.new_endpoint_key)  # type: ignore[attr-defined]
        if form.cleaned_data.get("signing_secret_to_set"):
            obj.signing_secret = form.cleaned_data["signing_secret_to_set"]
        super().save_model(request, obj, form, change)
        woken = wake_unnamed_events(obj.platform_id, at=timezone.now()) if "event_names" in form.changed_data else 0
        if woken:
            self.message_user(request, f"{woken} quarantined events with unknown names are read again now.")

    def response_add(self, request: HttpRequest, obj: Endpoint, post_url_continue: Any = None) -> HttpResponse:
        if "_popup" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        return self._show_key(request, obj, request.new_endpoint_key)  # type: ignore[attr-defined]

    @button("New key…", path="new-key", icon="key", permission="change")
    def make_key(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = found(self, request, object_id)
        if request.method == "POST":
            key = new_key()
            rotate_key(endpoint, key=key)
            self.log_change(request, endpoint, "Made a new key.")
            return self._show_key(request, endpoint, key)
        consequence = (
            "A new key is made and shown once. The current one stays valid beside it until you end the changeover, so "
            "that nothing is refused meanwhile."
        )
        if endpoint.previous_key_hash:
            consequence += " A changeover is going on: the key before the current one stops being accepted now."
        return ask_first(self, request, endpoint, title="New key", consequence=consequence, button="Make a new key")

    @button("End changeover…", path="end-changeover", icon="key_off", permission="change")
    def end_changeover(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = found(self, request, object_id)
        if request.method == "POST":
            end_key_changeover(endpoint)
            self.log_change(request, endpoint, "Ended the changeover: the previous key is not accepted any more.")
            self.message_user(request, "Only the current key is accepted now.")
            return redirect(change_address(endpoint))
        return ask_first(
            self,
            request,
            endpoint,
            title="End the changeover",
            consequence="Requests with the previous key are refused from now on. This cannot be undone.",
            button="Accept the current key alone",
        )

    @button("Try a request…", path="try", icon="science", permission="view")
    def try_a_request(self, request: HttpRequest, object_id: str) -> HttpResponse:
        endpoint = found(self, request, object_id)
        form = TryForm(request.POST or None)
        tried: list[Tried] = []
        if request.method == "POST" and form.is_valid():
            try:
                tried = try_request(endpoint, form.cleaned_data["pasted"], at=timezone.now())
            except WebhookError as error:
                form.add_error("pasted", error.message)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Try a request at {endpoint}",
            "subject": endpoint,
            "form": form,
            "tried": [_shown(each) for each in tried],
            "back": change_address(endpoint),
        }
        return TemplateResponse(request, "tracker/try_request.html", context)

    def _show_key(self, request: HttpRequest, endpoint: Endpoint, key: str) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"Key of {endpoint}",
            "key": copyable(key),
            "intro": "The sender calls this address, by GET or POST, with its own parameters:",
            "advice": "A key in a header is safer than one in an address: X-Api-Key works as well.",
            "address": copyable(f"{settings.PUBLIC_WEB_URL}/postback/{endpoint.slug}/{key}"),
            "back": change_address(endpoint),
        }
        # The admin's views are never cached, so the key is in nobody's history.
        return TemplateResponse(request, "tracker/key_shown_once.html", context)


@admin.register(IntakeRequest)
class IntakeRequestAdmin(FactPage):
    purpose = (
        "What platforms sent and what we answered, newest first: for the casino's developer. Personal fields are never "
        "kept; the rest is kept for a while."
    )
    empty = "No platform has sent anything yet, or not for a long time."
    list_display = ["received_at", "platform", "address", "outcome", "status", "said_in_short"]
    list_filter = ["platform", "status"]
    list_select_related = ["platform"]
    ordering = ["-id"]
    fields = [
        ("platform", "is_sample"),
        ("address", "endpoint"),
        "received_at",
        ("outcome", "status"),
        "said",
        "not_kept",
        "answered",
    ]

    @label("Outcome", STATUS_COLOURS)
    def outcome(self, request: IntakeRequest) -> str:
        return outcome_of(request.status)

    @admin.display(description="Our answer in short")
    def said_in_short(self, request: IntakeRequest) -> str:
        return f"Our own sample: {_in_short(request)}" if request.is_sample else _in_short(request)

    @admin.display(description="What it said")
    def said(self, request: IntakeRequest) -> SafeString | str:
        return _lists(request.content)

    @admin.display(description="Fields that were not kept")
    def not_kept(self, request: IntakeRequest) -> str:
        return dropped_in_words(request.dropped)

    @admin.display(description="What we answered")
    def answered(self, request: IntakeRequest) -> SafeString | str:
        return _lists(request.answer if isinstance(request.answer, list) else [request.answer])


@admin.register(DroppedField)
class DroppedFieldAdmin(FactPage):
    purpose = (
        "Fields that platforms send and that we drop unread, or keep as a token that only fraud's rules compare. Tell "
        "the casino not to send what is personal."
    )
    empty = "Good: nothing was sent that we do not read."
    list_display = ["name", "platform", "what_we_do", "times", "first_seen_at", "last_seen_at"]
    list_filter = ["platform", "kept_as"]
    list_select_related = ["platform"]
    ordering = ["-times", "pk"]
    fields = [("platform", "name"), ("what_we_do", "times"), ("first_seen_at", "last_seen_at")]

    @admin.display(description="What we do with it")
    def what_we_do(self, dropped: DroppedField) -> str:
        return f"kept as a token of kind {dropped.kept_as}" if dropped.kept_as else "dropped unread"


def _in_short(request: IntakeRequest) -> str:
    """Return our answer in a line."""
    if isinstance(request.answer, list):
        verdicts = Counter(outcome_of(int(result["status"])) for result in request.answer)
        return ", ".join(f"{number} {verdict.lower()}" for verdict, number in verdicts.items())
    error = request.answer.get("error")
    if isinstance(error, dict):
        return str(error.get("message"))
    reason = request.answer.get("reason")
    return REASONS.get(reason, reason) if reason else str(request.answer.get("status") or NOTHING)


def outcome_of(status: int) -> str:
    """Return in a word what became of a request or of an event in it."""
    if status >= 400:
        return "Refused"
    return {202: "Waits", 207: "Array"}.get(status, "Recorded")


def dropped_in_words(dropped: list[str]) -> str:
    """Return the names of fields that were not kept, with the kind of the token that stands for one."""
    parts = [name.partition(":") for name in dropped]
    return ", ".join(f"{name} (a token of kind {kind})" if kind else name for name, _, kind in parts) or NOTHING


def _shown(tried: Tried) -> dict[str, Any]:
    """Return what one tried event would come to, for the page."""
    error = tried.answer.get("error")
    if isinstance(error, dict):
        verdict = f"Refused with {tried.status}: {error['message']}"
    elif tried.status == 202:
        verdict = f"Quarantined: {REASONS.get(tried.answer['reason'], tried.answer['reason'])}."
    elif tried.answer.get("status") == "ignored":
        verdict = "Ignored: this is no event."
    else:
        verdict = "Recorded." if tried.status == 201 else "A repeat: the first answer is given again."
    return {
        "verdict": verdict,
        "is_good": tried.status in (200, 201),
        "kind": tried.kind,
        "terms": plain_list(tried.terms),
        "answer": plain_list(tried.answer),
        "content": plain_list(tried.content),
        "dropped": dropped_in_words(tried.dropped),
    }


def _lists(objects: list[Any]) -> SafeString | str:
    shown = [plain_list(each if isinstance(each, dict) else {"": each}) for each in objects[:20]]
    more = [f"and {len(objects) - 20} more"] if len(objects) > 20 else []
    return format_html("{}" * (len(shown) + len(more)), *shown, *more) if objects else NOTHING
