"""Admin of the rejection reports that are fetched by themselves."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from unfold.widgets import UnfoldAdminPasswordWidget

from conversions.domain.pulling import DIALECTS, pull_soon
from conversions.models import Endpoint, Import, ReportPull
from tracker_project.common.pages import NOTHING, Page, ask_first, button, change_address, found, label, link_to

_BUCKET = ("bucket", "region", "access_key")


class ReportPullForm(forms.ModelForm[ReportPull]):
    token_to_set = forms.CharField(
        label="Token",
        required=False,
        max_length=2000,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}),
        help_text="AppsFlyer: an account admin's V2 API token. Adjust: the secret of the bucket's key. Never shown.",
    )

    class Meta:
        model = ReportPull
        fields = ["endpoint", "app_id", "is_active", "starts_on", "bucket", "region", "access_key", "prefix"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "endpoint" in self.fields:
            endpoints = Endpoint.objects.filter(dialect__in=DIALECTS).order_by("name")
            self.fields["endpoint"].queryset = endpoints  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not cleaned.get("token_to_set") and not self.instance.token:
            self.add_error("token_to_set", "Paste the token: nothing can be fetched without it.")
        endpoint = cleaned.get("endpoint") or getattr(self.instance, "endpoint", None)
        is_adjust = endpoint is not None and endpoint.dialect == Endpoint.Dialect.ADJUST
        for name in _BUCKET:
            if is_adjust and not cleaned.get(name) and name not in self.errors:
                self.add_error(name, "Adjust names refused devices only in the files that it uploads to a bucket.")
            if not is_adjust and cleaned.get(name):
                self.add_error(name, "AppsFlyer's reports need no bucket: leave it empty.")
        return cleaned


@admin.register(ReportPull)
class ReportPullAdmin(Page):
    purpose = (
        "Rejection reports that are fetched every six hours: what AppsFlyer's Protect360 refused, and the refused "
        "installs of Adjust's raw data. What they say is recorded like any import, and fraud sees it."
    )
    empty = "Add one for each app whose installs a measurement partner checks for fraud."
    form = ReportPullForm
    list_display = ["app_id", "endpoint", "state_label", "pulled_until", "last_pulled_at", "next_pull_at", "trouble"]
    list_filter = ["is_active"]
    list_select_related = ["endpoint"]
    search_fields = ["app_id"]
    ordering = ["endpoint__name", "app_id"]
    readonly_fields = ["state_label", "pulled_until", "last_pulled_at", "next_pull_at", "trouble", "what_came"]
    actions_detail = ["pull_now"]
    add_fieldsets = [
        (None, {"fields": [("endpoint", "app_id"), ("starts_on", "is_active"), "token_to_set"]}),
        ("The bucket, for Adjust", {"fields": [("bucket", "region"), ("access_key", "prefix")]}),
    ]
    fieldsets = [
        (None, {"fields": [("endpoint", "app_id"), ("starts_on", "is_active"), "token_to_set"]}),
        ("The bucket, for Adjust", {"fields": [("bucket", "region"), ("access_key", "prefix")]}),
        (
            "How it goes",
            {"fields": [("state_label", "pulled_until"), ("last_pulled_at", "next_pull_at"), "trouble", "what_came"]},
        ),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: ReportPull | None = None) -> Any:
        return self.fieldsets if obj else self.add_fieldsets

    def save_model(self, request: HttpRequest, obj: ReportPull, form: Any, change: bool) -> None:
        if form.cleaned_data.get("token_to_set"):
            obj.token = form.cleaned_data["token_to_set"]
        if not change:
            obj.next_pull_at = timezone.now()
        super().save_model(request, obj, form, change)

    @button("Fetch now…", path="pull", icon="cloud_download", permission="change")
    def pull_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        pull = found(self, request, object_id)
        if request.method == "POST":
            pull_soon(pull, at=timezone.now())
            self.log_change(request, pull, "Had it fetched at once.")
            self.message_user(request, "It is fetched within a minute; what is new comes up under Imports.")
            return redirect(change_address(pull))
        return ask_first(
            self,
            request,
            pull,
            title="Fetch the reports now",
            consequence=(
                "The reports are fetched at once instead of at their time. AppsFlyer allows 12 calls a day for events "
                "in the app, and a round needs one or two of each report."
            ),
            button="Fetch now",
        )

    @label("State", {"Trouble": "danger", "Fetching": "info", "Well": "success", "Off": "", "First round": "info"})
    def state_label(self, pull: ReportPull) -> str:
        if not pull.is_active:
            return "Off"
        if pull.trouble:
            return "Trouble"
        if pull.position.get("started_at"):
            return "Fetching"
        return "Well" if pull.last_pulled_at else "First round"

    @admin.display(description="What came")
    def what_came(self, pull: ReportPull) -> str:
        last = Import.objects.filter(pull=pull).order_by("-pk").first()
        if last is None:
            return NOTHING
        return link_to(last, f"{last.file_name}, {last.rows_count:,} rows")
