"""Admin of destinations: who is told of what, tried and looked at before anything is sent."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminPasswordWidget, UnfoldAdminTextareaWidget

from conversions.domain.postback_macros import (
    POSTBACK_MACROS,
    validate_form_body,
    validate_json_body,
    validate_postback_headers,
)
from conversions.domain.preview import preview_postback
from conversions.domain.trial import try_destination
from conversions.models import Conversion, Destination
from conversions.postbacks.adapter import Unsendable
from conversions.postbacks.google_tokens import validate_google_credentials
from conversions.postbacks.templates import READY_TEMPLATES
from conversions.signatures import validate_secret
from tracker_project.common.pages import NOTHING, Page, ask_first, button, change_address, found, label

Kind = Destination.Kind
# Longer than a person tests, and shorter than a forgotten test mode does harm.
LONGEST_TEST = timedelta(days=7)
REMOVE = "-"
OUTCOMES = {
    "ok": "It was accepted.",
    "accepted": "It was accepted.",
    "retry": "It did not get through now; a postback would be tried again.",
    "later": "It came too early; a postback would be tried again much later.",
    "unknown": "The answer is not one that is known; a postback would be tried again.",
    "split": "It was refused.",
    "event_refused": "The receiver was reached and let us in, and refused this one event.",
    "destination_refused": "The destination needs attention: nothing would get through.",
}
VALUE_ADVICE = (
    "Meta, Google and TikTok can bid for value only when each conversion carries one in a currency that they know. "
    "Rules of thumb, not promises: Meta's and TikTok's learning wants about 50 conversions a week in an ad set or ad "
    "group, Google's target ROAS 30 to 50 a month in a campaign; with fewer, let them optimise for the count. All "
    "deposits so far tell most where a value is stated anew as it grows, which Google alone can; the others keep what "
    "they heard first."
)
ACCESS_ADVICE = (
    "Adjust is not among the kinds: its server-to-server events require an advertising id (IDFA or GAID), and no "
    "device id ever leaves the tracker. Registrations to Meta are off by default: as website events they would need "
    "the visitor's user agent, which is not sent, so they go as system_generated, and how much such events weigh in "
    "its bidding is not documented. AppsFlyer is told only of players who came with its own id, and of iPhones only "
    "where tracking was allowed. Only Google and addresses can hear that a conversion was taken back."
)


def _secret(name: str, help_text: str, *, rows: int = 0) -> forms.CharField:
    """Return a field for a secret: never shown, kept when it is left empty."""
    widget = (
        UnfoldAdminTextareaWidget(attrs={"rows": rows, "autocomplete": "off", "spellcheck": "false"})
        if rows
        else UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"})
    )
    hint = f"{help_text} Never shown; leave it empty to keep what is set."
    return forms.CharField(label=name, required=False, widget=widget, help_text=hint)


class DestinationForm(forms.ModelForm[Destination]):
    token_to_set = _secret("Token or key", "Meta: the dataset's token. TikTok: the pixel's. AppsFlyer: the S2S key.")
    google_credentials_to_set = _secret(
        "Credentials", "The JSON file of a service account's key, or of a refresh token.", rows=4
    )
    headers_to_set = _secret("Headers", f"One a line, such as X-Api-Key: 42; “{REMOVE}” removes them.", rows=2)
    signing_secret_to_set = _secret("Signing secret", f"Begins with whsec_, for POSTs; “{REMOVE}” removes it.")

    class Meta:
        model = Destination
        fields = [
            "name", "kind", "is_active", "campaign", "source", "partner", "requires_consent",
            "on_registration", "on_first_deposit", "on_deposit", "on_valuable_deposit", "min_value", "max_value",
            "registration_name", "first_deposit_name", "deposit_name", "valuable_deposit_name",
            "value_kind", "fixed_value", "fixed_currency",
            "method", "url_template", "body_template", "tells_corrections",
            "dataset_id", "pixel_code", "app_id", "app_user_sub_id",
            "google_account_id", "google_login_account_id", "conversion_action_id",
            "test_event_code", "test_ends_at",
        ]  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Hidden for some kinds: what is not given stays as it is.
        for name in ("method", "value_kind"):
            self.fields[name].required = False

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        kind = cleaned.get("kind")
        for name in ("method", "value_kind"):
            cleaned[name] = cleaned.get(name) or getattr(self.instance, name)
        self._keep_secrets(cleaned)
        self._check_events(cleaned)
        self._check_value(cleaned)
        if kind != Kind.GENERIC and cleaned.get("partner"):
            vendor = Kind(kind).label.split()[0] if kind else "a platform"
            self._ask_for("partner", f"A partner is told by a generic destination, never through {vendor}.")
        check: dict[str, Callable[[dict[str, Any]], None]] = {
            Kind.GENERIC: self._check_generic,
            Kind.META: self._check_meta,
            Kind.GOOGLE: self._check_google,
            Kind.TIKTOK: self._check_tiktok,
            Kind.APPSFLYER: self._check_appsflyer,
        }
        if kind in check:
            check[kind](cleaned)
        self._check_test_mode(cleaned)
        return cleaned

    def _keep_secrets(self, cleaned: dict[str, Any]) -> None:
        """Set the secrets that were given, checked; what was left empty stays."""
        given = {
            "access_token": ("token_to_set", None),
            "google_credentials": ("google_credentials_to_set", validate_google_credentials),
            "headers": ("headers_to_set", validate_postback_headers),
            "signing_secret": ("signing_secret_to_set", validate_secret),
        }
        for column, (field, validate) in given.items():
            text = cleaned.get(field) or ""
            try:
                if validate and text not in ("", REMOVE):
                    validate(text)
            except ValidationError as error:
                self.add_error(field, error)
                continue
            if text:
                setattr(self.instance, column, "" if text == REMOVE and column != "access_token" else text)

    def _check_events(self, cleaned: dict[str, Any]) -> None:
        deposits = [name for name in ("on_first_deposit", "on_deposit") if cleaned.get(name)]
        if not deposits and not cleaned.get("on_registration") and not cleaned.get("on_valuable_deposit"):
            self._ask_for("on_first_deposit", "Choose at least one event to tell of.")
        if deposits and cleaned.get("on_valuable_deposit"):
            self._ask_for(
                "on_valuable_deposit", "Tell of valuable deposits by a destination of their own, or one counts twice."
            )
        low, high = cleaned.get("min_value"), cleaned.get("max_value")
        if low is not None and low < 0:
            self._ask_for("min_value", "An amount is not negative.")
        if high is not None and high <= (low or 0):
            self._ask_for("max_value", "The band is empty: it must end above its beginning.")

    def _check_value(self, cleaned: dict[str, Any]) -> None:
        kind = cleaned.get("value_kind")
        if kind == Destination.Value.FIXED:
            if cleaned.get("fixed_value") is None or cleaned["fixed_value"] < 0:
                self._ask_for("fixed_value", "Enter the value, not negative.")
            if not cleaned.get("fixed_currency"):
                self._ask_for("fixed_currency", "Enter the value's currency.")
        else:
            self._forget(cleaned, "fixed_value", "fixed_currency")
        if kind == Destination.Value.NGR and cleaned.get("kind") != Kind.GOOGLE:
            self._ask_for("value_kind", "NGR grows after the deposit: only Google can be told of it later.")
        if kind in (Destination.Value.SO_FAR, Destination.Value.NGR) and cleaned.get("on_deposit"):
            self._ask_for("value_kind", "With each deposit the sum so far would count again: untick each deposit.")

    def _check_generic(self, cleaned: dict[str, Any]) -> None:
        url, body, method = (cleaned.get(name) or "" for name in ("url_template", "body_template", "method"))
        if not url:
            self._ask_for("url_template", "A generic destination needs the address to call.")
        if method == Destination.Method.GET:
            if body:
                self._ask_for("body_template", "A GET has no body: choose a POST, or put it into the address.")
            if self.instance.signing_secret:
                self._ask_for("signing_secret_to_set", f"A signature covers a POST's body: enter “{REMOVE}” for a GET.")
        elif body:
            self._check_body(body, method)
        if cleaned.get("tells_corrections") and url and "{status}" not in url + body:
            self._ask_for("tells_corrections", "Without {status} a correction would look like the message itself.")

    def _check_body(self, body: str, method: str) -> None:
        try:
            (validate_json_body if method == Destination.Method.JSON else validate_form_body)(body)
        except ValidationError as error:
            self.add_error("body_template", error)

    def _check_meta(self, cleaned: dict[str, Any]) -> None:
        if not cleaned.get("dataset_id"):
            self._ask_for("dataset_id", "Meta needs the dataset's number.")
        if not self.instance.access_token:
            self._ask_for("token_to_set", "Meta needs the dataset's access token.")

    def _check_google(self, cleaned: dict[str, Any]) -> None:
        if not cleaned.get("google_account_id"):
            self._ask_for("google_account_id", "Google needs the number of the Ads account.")
        if not cleaned.get("conversion_action_id"):
            self._ask_for("conversion_action_id", "Google needs the number of the conversion action.")
        if not self.instance.google_credentials:
            self._ask_for("google_credentials_to_set", "Google needs credentials.")
        kinds = [
            cleaned.get("on_registration"),
            cleaned.get("on_first_deposit") or cleaned.get("on_deposit"),
            cleaned.get("on_valuable_deposit"),
        ]
        if sum(bool(kind) for kind in kinds) > 1:
            why = "Google counts by conversion action: make one destination for registrations and another for deposits."
            self._ask_for("on_registration", why)

    def _check_tiktok(self, cleaned: dict[str, Any]) -> None:
        if not cleaned.get("pixel_code"):
            self._ask_for("pixel_code", "TikTok needs the pixel's code.")
        if not self.instance.access_token:
            self._ask_for("token_to_set", "TikTok needs the pixel's access token.")

    def _check_appsflyer(self, cleaned: dict[str, Any]) -> None:
        if not cleaned.get("app_id"):
            self._ask_for("app_id", "AppsFlyer needs the app's id.")
        if not self.instance.access_token:
            self._ask_for("token_to_set", "AppsFlyer needs the S2S key.")
        if not 1 <= (cleaned.get("app_user_sub_id") or 1) <= 10:
            self._ask_for("app_user_sub_id", "Sub ids are numbered 1 to 10.")

    def _check_test_mode(self, cleaned: dict[str, Any]) -> None:
        if cleaned.get("kind") not in (Kind.META, Kind.TIKTOK) or not cleaned.get("test_event_code"):
            self._forget(cleaned, "test_event_code", "test_ends_at")
            return
        ends_at, now = cleaned.get("test_ends_at"), timezone.now()
        if ends_at is None:
            self._ask_for("test_ends_at", "Say when the test mode ends.")
        elif "test_ends_at" in self.changed_data and not now < ends_at <= now + LONGEST_TEST:
            self._ask_for("test_ends_at", "The test mode ends within seven days from now.")

    def _forget(self, cleaned: dict[str, Any], *names: str) -> None:
        for name in names:
            cleaned[name] = "" if name == "test_event_code" else None
            setattr(self.instance, name, cleaned[name])

    def _ask_for(self, name: str, why: str) -> None:
        if name not in self.errors:
            self.add_error(name, why)


class PreviewForm(forms.Form):
    conversion = forms.IntegerField(
        min_value=1,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Its number, as in the list of conversions. Empty: the latest one of the destination's campaigns.",
        required=False,
    )


@admin.register(Destination)
class DestinationAdmin(Page):
    purpose = "Who is told of registrations and deposits: advertising platforms, partners, anyone with an address."
    empty = "Add one to tell Meta or any other system of first deposits within seconds."
    form = DestinationForm
    change_form_before_template = "tracker/ready_templates.html"
    list_display = ["name", "kind", "state_label", "whose", "partner", "tells_of", "attention"]
    list_filter = ["is_active", "kind", ("campaign", AutocompleteSelectFilter), ("partner", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["campaign", "source", "partner"]
    search_fields = ["name", "campaign__name", "partner__name"]
    autocomplete_fields = ["campaign", "source", "partner"]
    ordering = ["name"]
    readonly_fields = ["attention", "macros", "secrets_set"]
    actions_detail = ["send_test_event", "preview"]
    fieldsets = [
        (None, {"fields": [("name", "kind"), ("is_active", "attention")]}),
        ("Whose conversions", {"fields": [("campaign", "source"), ("partner", "requires_consent")]}),
        (
            "Which events",
            {
                "fields": [
                    ("on_registration", "on_first_deposit"),
                    ("on_deposit", "on_valuable_deposit"),
                    ("min_value", "max_value"),
                ]
            },
        ),
        (
            "What they are told",
            {
                "description": VALUE_ADVICE,
                "fields": [
                    ("registration_name", "first_deposit_name"),
                    ("deposit_name", "valuable_deposit_name"),
                    "value_kind",
                    ("fixed_value", "fixed_currency"),
                ],
            },
        ),
        (
            "Access",
            {
                "description": ACCESS_ADVICE,
                "fields": [
                    "method",
                    "url_template",
                    "body_template",
                    "macros",
                    "tells_corrections",
                    "headers_to_set",
                    "signing_secret_to_set",
                    "dataset_id",
                    "pixel_code",
                    ("app_id", "app_user_sub_id"),
                    ("google_account_id", "google_login_account_id"),
                    "conversion_action_id",
                    "google_credentials_to_set",
                    "token_to_set",
                    "secrets_set",
                    ("test_event_code", "test_ends_at"),
                ],
            },
        ),
    ]
    conditional_fields = {
        **dict.fromkeys(
            ["method", "url_template", "macros", "tells_corrections", "headers_to_set"], "kind == 'generic'"
        ),
        **dict.fromkeys(["body_template", "signing_secret_to_set"], "kind == 'generic' && method != 'get'"),
        "dataset_id": "kind == 'meta'",
        "pixel_code": "kind == 'tiktok'",
        **dict.fromkeys(["app_id", "app_user_sub_id"], "kind == 'appsflyer'"),
        **dict.fromkeys(
            ["google_account_id", "google_login_account_id", "conversion_action_id", "google_credentials_to_set"],
            "kind == 'google'",
        ),
        "token_to_set": "['meta', 'tiktok', 'appsflyer'].includes(kind)",
        **dict.fromkeys(["test_event_code", "test_ends_at"], "['meta', 'tiktok'].includes(kind)"),
        **dict.fromkeys(["fixed_value", "fixed_currency"], "value_kind == 'fixed'"),
    }

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        chosen = next((each for each in READY_TEMPLATES if each.slug == request.GET.get("template")), None)
        if chosen is None:
            return initial
        return {
            "name": chosen.name,
            "kind": Kind.GENERIC,
            "method": chosen.method,
            "url_template": chosen.url,
            "body_template": chosen.body,
            "tells_corrections": chosen.tells_corrections,
        }

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        slug = request.GET.get("template")
        context = {
            "ready_templates": [] if object_id else READY_TEMPLATES,
            "chosen_template": next((each for each in READY_TEMPLATES if each.slug == slug), None),
        }
        return super().changeform_view(request, object_id, form_url, {**context, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: Destination, form: Any, change: bool) -> None:
        if obj.is_active:
            obj.disabled_reason = ""
            obj.failing_since = None
        super().save_model(request, obj, form, change)

    @button("Send a test event…", path="test", icon="science", permission="change")
    def send_test_event(self, request: HttpRequest, object_id: str) -> HttpResponse:
        destination = found(self, request, object_id)
        if request.method != "POST":
            return ask_first(
                self,
                request,
                destination,
                title="Send a test event",
                consequence=self._consequence(destination),
                button="Send a test event",
            )
        try:
            trial = try_destination(destination, at=timezone.now())
        except Unsendable as error:
            return self._show(request, destination, "No test event was sent", sentence=str(error))
        self.log_change(request, destination, "Sent a test event.")
        status = "no answer" if trial.http_status is None else f"HTTP {trial.http_status}"
        return self._show(
            request,
            destination,
            "What came of the test event",
            sentence=f"{OUTCOMES[trial.verdict.outcome]} {trial.verdict.reason}".strip(),
            texts=[("Sent", trial.request), (f"Answered ({status})", trial.answer)],
        )

    @button("Preview…", path="preview", icon="visibility", permission="view")
    def preview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        destination = found(self, request, object_id)
        form = PreviewForm(request.POST or None)
        conversion = self._chosen(destination, form) if request.method == "POST" and form.is_valid() else None
        if conversion is None:
            return ask_first(
                self,
                request,
                destination,
                title="Preview",
                consequence="Shows the exact request for a conversion as it would go out now. Nothing is sent.",
                button="Show the request",
                form=form,
            )
        preview = preview_postback(conversion, destination, at=timezone.now())
        sentence = "It would be sent." if not preview.obstacles else "It would not be sent:"
        return self._show(
            request,
            destination,
            f"Preview of conversion {conversion.pk}",
            sentence=sentence,
            reasons=preview.obstacles,
            texts=[("Request", preview.request)],
        )

    def _chosen(self, destination: Destination, form: PreviewForm) -> Conversion | None:
        number = form.cleaned_data["conversion"]
        rows = Conversion.objects.select_related("player", "platform")
        if number is not None:
            conversion = rows.filter(pk=number).first()
        else:
            if destination.campaign_id is not None:
                rows = rows.filter(campaign=destination.campaign_id)
            conversion = rows.order_by("-pk").first()
        if conversion is None:
            form.add_error("conversion", "There is no such conversion.")
        return conversion

    def _consequence(self, destination: Destination) -> str:
        match destination.kind:
            case Kind.GOOGLE:
                return "Google checks credentials, account and conversion action, and counts nothing."
            case Kind.META | Kind.TIKTOK:
                return (
                    "An event “TrackerTest” about nobody and without a value goes out under the test event code, and "
                    "shows on the platform's test events page. It may be kept there like any other event."
                )
            case Kind.APPSFLYER:
                return "AppsFlyer has no test events: this says so, and sends nothing."
            case _:
                return (
                    "A request about nobody goes to the address: {status} is test, ids begin with test, amounts are "
                    "empty. What the receiver makes of it is its own affair."
                )

    def _show(
        self,
        request: HttpRequest,
        destination: Destination,
        title: str,
        *,
        sentence: str,
        reasons: tuple[str, ...] = (),
        texts: list[tuple[str, str]] | None = None,
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "subject": destination,
            "back": change_address(destination),
            "sentence": sentence,
            "reasons": reasons,
            "texts": [(name, text) for name, text in texts or [] if text],
        }
        return TemplateResponse(request, "tracker/request_shown.html", context)

    @label("State", {"On": "success", "Test mode": "info", "Off": "warning", "Switched off by the tracker": "danger"})
    def state_label(self, destination: Destination) -> str:
        if destination.is_active:
            return "Test mode" if destination.is_in_test_mode(at=timezone.now()) else "On"
        return "Switched off by the tracker" if destination.disabled_reason else "Off"

    @admin.display(description="Whose")
    def whose(self, destination: Destination) -> str:
        parts = [str(part) for part in (destination.campaign, destination.source) if part]
        return ", ".join(parts) or "all campaigns"

    @admin.display(description="Tells of")
    def tells_of(self, destination: Destination) -> str:
        events = [
            ("registration", destination.on_registration),
            ("first deposit", destination.on_first_deposit),
            ("each deposit", destination.on_deposit),
            ("valuable deposit", destination.on_valuable_deposit),
        ]
        return ", ".join(name for name, is_told in events if is_told) or NOTHING

    @admin.display(description="Needs attention")
    def attention(self, destination: Destination) -> str:
        return " ".join(text for text in (destination.disabled_reason, destination.alarm) if text) or NOTHING

    @admin.display(description="Macros that address, headers and body may use")
    def macros(self, destination: Destination) -> str:
        return " ".join("{" + name + "}" for name in POSTBACK_MACROS)

    @admin.display(description="Secrets")
    def secrets_set(self, destination: Destination) -> str:
        held = [
            ("access token or key", destination.access_token),
            ("Google's credentials", destination.google_credentials),
            ("headers", destination.headers),
            ("signing secret", destination.signing_secret),
        ]
        names = [name for name, text in held if text]
        return f"Set and never shown: {', '.join(names)}." if names else "None set."
