"""Admin of destinations: who is told of what, tried and looked at before anything is sent."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from conversions.admin.destination_advice import ACCESS_ADVICE, EVENTS_ADVICE, PREDICTION, VALUE_ADVICE
from conversions.admin.destination_form import DestinationForm, Kind
from conversions.domain.destination_limits import limit_destination, limited_to
from conversions.domain.postback_macros import POSTBACK_MACROS
from conversions.domain.predicted_value import curves_in_words
from conversions.domain.preview import preview_postback
from conversions.domain.trial import try_destination
from conversions.models import Conversion, Destination
from conversions.postbacks.adapter import Unsendable
from conversions.postbacks.templates import READY_TEMPLATES
from tracker_project.common.pages import NOTHING, Page, ask_first, button, change_address, found, instant, label

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
LETTERS_SHOWN = 5
_OF_A_STORED_ONE = ("attention", "letters")
# What stands for fields of the form alone on the page of somebody who only looks.
_SHOWN_AS = {"only_campaigns": "whose", "only_partners": ""}
_GOOGLE = (Kind.GOOGLE, Kind.GOOGLE_ADS)
# The fields that only some kinds have.
_KINDS_OF = {
    **dict.fromkeys(
        "method url_template body_template macros tells_corrections headers_to_set signing_secret_to_set".split(),
        (Kind.GENERIC,),
    ),
    "dataset_id": (Kind.META,),
    "pixel_code": (Kind.TIKTOK,),
    **dict.fromkeys(["app_id", "app_user_sub_id"], (Kind.APPSFLYER,)),
    **dict.fromkeys(
        ["google_account_id", "google_login_account_id", "conversion_action_id", "google_credentials_to_set"], _GOOGLE
    ),
    "token_to_set": (Kind.META, Kind.TIKTOK, Kind.APPSFLYER, Kind.GOOGLE_ADS),
    **dict.fromkeys(["test_event_code", "test_ends_at"], (Kind.META, Kind.TIKTOK)),
    **dict.fromkeys(
        ["registration_name", "first_deposit_name", "deposit_name", "valuable_deposit_name"],
        tuple(kind for kind in Kind if kind not in _GOOGLE),
    ),
}
# The fields that only one choice of the value has.
_VALUE_OF = {
    "fixed_value": Destination.Value.FIXED,
    "fixed_currency": Destination.Value.FIXED,
    "predictable": Destination.Value.PREDICTED,
}


def _where(condition: str) -> str:
    """Return a condition of the form's script that also holds where there is no form: what is shown is chosen here."""
    return f"typeof kind == 'undefined' || {condition}"


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
    list_filter = ["is_active", "kind", ("campaigns", AutocompleteSelectFilter), ("partner", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["source", "partner"]
    search_fields = ["name", "campaigns__name", "partner__name"]
    autocomplete_fields = ["owner", "source", "partner"]
    ordering = ["name"]
    readonly_fields = ["attention", "letters", "macros", "predictable", "secrets_set"]
    actions_detail = ["send_test_event", "preview"]
    fieldsets = [
        (None, {"fields": [("name", "kind"), ("is_active", "owner"), "attention", "letters"]}),
        (
            "Whose conversions",
            {"fields": [("only_campaigns", "source"), ("only_partners", "partner"), "requires_consent"]},
        ),
        (
            "Which events",
            {
                "description": EVENTS_ADVICE,
                "fields": [
                    ("on_registration", "on_first_deposit"),
                    ("on_deposit", "on_valuable_deposit"),
                    ("min_value", "max_value"),
                ],
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
                    "predictable",
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
                    "test_event_code",
                    "test_ends_at",
                ],
            },
        ),
    ]
    conditional_fields = {
        **{name: _where(f"{[kind.value for kind in kinds]}.includes(kind)") for name, kinds in _KINDS_OF.items()},
        **dict.fromkeys(["body_template", "signing_secret_to_set"], _where("kind == 'generic' && method != 'get'")),
        **{name: _where(f"value_kind == '{value.value}'") for name, value in _VALUE_OF.items()},
    }

    def get_fieldsets(self, request: HttpRequest, obj: Destination | None = None) -> Any:
        if obj is not None:
            return self.fieldsets if self.has_change_permission(request, obj) else _for_viewers(self.fieldsets, obj)
        (name, first), *others = self.fieldsets
        return [
            (name, {**first, "fields": [each for each in first["fields"] if each not in _OF_A_STORED_ONE]}),
            *others,
        ]

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
        if not change and obj.owner is None and isinstance(request.user, User):
            obj.owner = request.user
        if obj.is_active:
            obj.disabled_reason = ""
            obj.failing_since = None
        super().save_model(request, obj, form, change)
        campaigns, partners = form.chosen_limits()
        limit_destination(obj, campaigns=campaigns, partners=partners)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Destination]:
        return super().get_queryset(request).prefetch_related("campaigns", "partners")

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
            campaigns, _ = limited_to(destination)
            if campaigns:
                rows = rows.filter(campaign__in=campaigns)
            conversion = rows.order_by("-pk").first()
        if conversion is None:
            form.add_error("conversion", "There is no such conversion.")
        return conversion

    def _consequence(self, destination: Destination) -> str:
        match destination.kind:
            case Kind.GOOGLE_ADS:
                return (
                    "Google Ads checks credentials, developer token and account, and counts nothing. That its click is "
                    "none is then refused: it says that we were let in."
                )
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
        parts = [str(part) for part in (*destination.campaigns.all(), destination.source) if part]
        whose = ", ".join(parts) or "all campaigns"
        partners = ", ".join(str(partner) for partner in destination.partners.all())
        return f"{whose}; players of {partners}" if partners else whose

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

    @admin.display(description="Latest letters to its owner")
    def letters(self, destination: Destination) -> SafeString | str:
        latest = destination.notices.order_by("-created_at")[:LETTERS_SHOWN] if destination.pk else []
        lines = [
            (instant(notice.created_at), notice.subject, notice.get_state_display().lower(), notice.state_reason)
            for notice in latest
        ]
        return format_html_join("", "<div>{}: “{}”, {}. {}</div>", lines) if lines else NOTHING

    @admin.display(description="Macros that address, headers and body may use")
    def macros(self, destination: Destination) -> str:
        return " ".join("{" + name + "}" for name in POSTBACK_MACROS)

    @admin.display(description="Predictions")
    def predictable(self, destination: Destination) -> str:
        return f"{PREDICTION} {curves_in_words()}"

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


def _for_viewers(fieldsets: Any, destination: Destination) -> Any:
    """Return the page's parts for somebody who only looks: what its kind has, no advice, and nothing to be entered."""

    def is_shown(name: str) -> bool:
        is_of_kind = destination.kind in _KINDS_OF.get(name, (destination.kind,))
        is_of_value = destination.value_kind == _VALUE_OF.get(name, destination.value_kind)
        return is_of_kind and is_of_value and not name.endswith("_to_set")

    def lines(fields: Any) -> list[Any]:
        each = [[field] if isinstance(field, str) else field for field in fields]
        named = [[_SHOWN_AS.get(name, name) for name in line if is_shown(name)] for line in each]
        return [tuple(name for name in line if name) for line in named if any(line)]

    return [(name, {"fields": lines(options["fields"])}) for name, options in fieldsets]
