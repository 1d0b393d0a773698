"""The form of a destination: what its kind needs, said in plain words before the database would refuse it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextareaWidget

from campaigns.models import Campaign, Partner
from conversions.admin.destination_advice import KIND_HELP, TOKEN_HELP
from conversions.domain.destination_limits import limited_to
from conversions.domain.postback_macros import validate_form_body, validate_json_body, validate_postback_headers
from conversions.models import Destination
from conversions.postbacks.google_tokens import validate_google_credentials
from conversions.signatures import validate_secret

Kind = Destination.Kind
LONGEST_TEST = timedelta(days=7)
REMOVE = "-"


def _secret(name: str, help_text: str, *, rows: int = 0) -> forms.CharField:
    """Return a field for a secret: never shown, kept when it is left empty."""
    widget = (
        UnfoldAdminTextareaWidget(attrs={"rows": rows, "autocomplete": "off", "spellcheck": "false"})
        if rows
        else UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"})
    )
    hint = format_html("{} {}", help_text, "Never shown; leave it empty to keep what is set.")
    return forms.CharField(label=name, required=False, widget=widget, help_text=hint)


def _several(relation: str, name: str, help_text: str) -> forms.ModelMultipleChoiceField[Any]:
    """Return a field that chooses several rows of a relation of the destination by searching for them."""
    field = Destination._meta.get_field(relation)
    model: Any = field.related_model
    return forms.ModelMultipleChoiceField(
        queryset=model._default_manager.order_by("name"),
        required=False,
        label=name,
        help_text=help_text,
        widget=AutocompleteSelectMultiple(field, admin.site),
    )


class DestinationForm(forms.ModelForm[Destination]):
    only_campaigns = _several("campaigns", "Only these campaigns", "Empty: all.")
    only_partners = _several(
        "partners", "Only players of these partners", "Empty: all, also those whom nobody brought."
    )
    token_to_set = _secret("Token or key", TOKEN_HELP)
    google_credentials_to_set = _secret(
        "Credentials", "The JSON file of a service account's key, or of a refresh token.", rows=4
    )
    headers_to_set = _secret("Headers", f"One a line, such as X-Api-Key: 42; “{REMOVE}” removes them.", rows=2)
    signing_secret_to_set = _secret("Signing secret", f"Begins with whsec_, for POSTs; “{REMOVE}” removes it.")

    class Meta:
        model = Destination
        fields = [
            "name", "kind", "is_active", "owner", "source", "partner", "requires_consent",
            "on_registration", "on_first_deposit", "on_deposit", "on_valuable_deposit", "min_value", "max_value",
            "registration_name", "first_deposit_name", "deposit_name", "valuable_deposit_name",
            "value_kind", "fixed_value", "fixed_currency",
            "method", "url_template", "body_template", "tells_corrections",
            "dataset_id", "pixel_code", "app_id", "app_user_sub_id",
            "google_account_id", "google_login_account_id", "conversion_action_id",
            "test_event_code", "test_ends_at",
        ]  # fmt: skip
        help_texts = {"kind": KIND_HELP}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Hidden for some kinds: what is not given stays as it is. Who only looks has no fields.
        for name in self.fields.keys() & {"method", "value_kind"}:
            self.fields[name].required = False
        if self.instance.pk is not None:
            self.initial["only_campaigns"], self.initial["only_partners"] = limited_to(self.instance)

    def chosen_limits(self) -> tuple[list[Campaign], list[Partner]]:
        """Return the campaigns and the partners that the destination is to be limited to."""
        return list(self.cleaned_data["only_campaigns"]), list(self.cleaned_data["only_partners"])

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
        if cleaned.get("partner") and cleaned.get("only_partners"):
            self._ask_for("only_partners", "With a partner it hears of that partner's players alone: leave this empty.")
        check: dict[str, Callable[[dict[str, Any]], None]] = {
            Kind.GENERIC: self._check_generic,
            Kind.META: self._check_meta,
            Kind.GOOGLE: self._check_google,
            Kind.GOOGLE_ADS: self._check_google_ads,
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
        if kind == Destination.Value.NGR and cleaned.get("kind") not in Destination.RESTATING:
            self._ask_for("value_kind", "NGR grows after the deposit: only Google can be told of it later.")
        of_the_player = (Destination.Value.SO_FAR, Destination.Value.PREDICTED, Destination.Value.NGR)
        if kind in of_the_player and cleaned.get("on_deposit"):
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

    def _check_google_ads(self, cleaned: dict[str, Any]) -> None:
        self._check_google(cleaned)
        if not self.instance.access_token:
            self._ask_for("token_to_set", "Google Ads needs the developer token, one that Google has on its list.")

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
