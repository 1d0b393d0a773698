"""Admin of the log of postbacks: every attempt, how many are in which state, and sending again."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldBooleanWidget,
)

from conversions.domain.delivery_health import count_postbacks, count_postbacks_by_destination
from conversions.domain.resending import (
    NotResendable,
    count_resendable,
    resend_postback,
    resend_postbacks,
    resendable,
)
from conversions.models import Destination, Postback, PostbackAttempt
from tracker_project.common.pages import (
    NOTHING,
    FactInline,
    FactPage,
    ask_first,
    button,
    change_address,
    found,
    instant,
    label,
    link_to,
    list_address,
    money,
)

STATE_COLOURS = {
    "Delivered": "success",
    "Accepted, not confirmed yet": "info",
    "To be sent": "info",
    "Given up": "danger",
    "Not to be sent any more": "warning",
}
OUTCOME_COLOURS = {
    "Accepted": "success",
    "Accepted, to be confirmed": "info",
    "Too early": "warning",
    "Not understood": "warning",
    "Refused together with others": "warning",
    "Failed for now": "warning",
    "Refused for good": "danger",
    "Destination needs attention": "danger",
}


class RangeForm(forms.Form):
    """Which postbacks are to be sent again."""

    destination = forms.ModelChoiceField(
        Destination.objects.order_by("name"), widget=UnfoldAdminSelectWidget, empty_label="Choose one"
    )
    starts_at = forms.SplitDateTimeField(
        label="Written from", widget=UnfoldAdminSplitDateTimeWidget, help_text="In UTC, as everywhere in the admin."
    )
    ends_at = forms.SplitDateTimeField(label="Until before", widget=UnfoldAdminSplitDateTimeWidget)
    also_delivered = forms.BooleanField(
        label="Those that were delivered, too",
        required=False,
        widget=UnfoldBooleanWidget,
        help_text="For a receiver that lost them. What a platform would count twice is left out.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        starts_at, ends_at = cleaned.get("starts_at"), cleaned.get("ends_at")
        if starts_at and ends_at and ends_at <= starts_at:
            self.add_error("ends_at", "The period must end after it begins.")
        return cleaned


class PostbackAttemptInline(FactInline):
    model = PostbackAttempt
    fields = ["started_at", "outcome", "status_code", "took", "events", "request", "answer"]
    ordering = ["id"]
    verbose_name_plural = "Attempts"

    @admin.display(description="HTTP status")
    def status_code(self, attempt: PostbackAttempt) -> str:
        return "no answer" if attempt.http_status is None else str(attempt.http_status)

    @admin.display(description="Took")
    def took(self, attempt: PostbackAttempt) -> str:
        return f"{attempt.latency_ms:,} ms"


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
    actions_list = ["show_counts", "resend_range"]
    actions_detail = ["resend"]
    inlines = [PostbackAttemptInline]
    fieldsets = [
        (None, {"fields": [("destination", "event_label"), ("conversion_named", "payout_money")]}),
        ("State", {"fields": [("state_label", "tries"), "state_reason", ("next_try", "finished_at")]}),
        ("Confirmation", {"fields": [("accepted_at", "receipt")]}),
        ("Told once by", {"fields": [("fact", "dedup_id"), ("created_at", "leased_until")]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Postback]:
        latest = PostbackAttempt.objects.filter(postback=OuterRef("pk")).order_by("-id")
        postbacks: QuerySet[Postback] = super().get_queryset(request)
        return postbacks.annotate(
            last_http_status=Subquery(latest.values("http_status")[:1]),
            last_outcome=Subquery(latest.values("outcome")[:1]),
        )

    def has_resend_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("conversions.change_postback"))

    @button("Send again…", path="resend", icon="replay", permission="resend")
    def resend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        postback = found(self, request, object_id)
        if request.method != "POST":
            consequence = (
                "It goes out again at once under the same id, with all its tries. Whether it may be sent at all is "
                "asked again first."
            )
            return ask_first(
                self, request, postback, title="Send again", consequence=consequence, button="Send it again"
            )
        try:
            resend_postback(postback, at=timezone.now())
        except NotResendable as error:
            self.message_user(request, f"It was not sent again. {error}", messages.ERROR)
        else:
            self.log_change(request, postback, "Sent again.")
            self.message_user(request, "It is on its way again.")
        return redirect(change_address(postback))

    @button("Counts", path="counts", icon="functions", permission="view")
    def show_counts(self, request: HttpRequest) -> HttpResponse:
        now = timezone.now()
        hours = min(max(int(request.GET["hours"]), 1), 720) if request.GET.get("hours", "").isdecimal() else 24
        period = {"starts_at": now - timedelta(hours=hours), "ends_at": now}
        context = {
            **self.admin_site.each_context(request),
            "title": "Where postbacks stand",
            "hours": hours,
            "periods": [(1, "1 hour"), (24, "24 hours"), (168, "7 days"), (720, "30 days")],
            "rows": count_postbacks_by_destination(**period).items(),
            "sums": count_postbacks(**period),
            "back": list_address(Postback),
        }
        return TemplateResponse(request, "tracker/postback_counts.html", context)

    @button("Send a period again…", path="resend-period", icon="replay", permission="resend")
    def resend_range(self, request: HttpRequest) -> HttpResponse:
        if not self.has_resend_permission(request):
            raise PermissionDenied
        form = RangeForm(request.POST or None, initial=_last_day())
        if request.method == "POST" and form.is_valid():
            period = {name: form.cleaned_data[name] for name in ("starts_at", "ends_at", "also_delivered")}
            destination: Destination = form.cleaned_data["destination"]
            if "confirmed" in request.POST:
                sent = resend_postbacks(destination, **period, at=timezone.now())
                self.log_change(request, destination, f"Sent {sent} postbacks again.")
                self.message_user(request, f"{sent} postbacks to {destination} are on their way again.")
                return redirect(list_address(Postback))
            rows = resendable(destination, **period)
            return self._ask_for_range(request, form, count=count_resendable(rows, at=timezone.now()))
        return self._ask_for_range(request, form)

    def _ask_for_range(self, request: HttpRequest, form: RangeForm, *, count: int | None = None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Send a period again",
            "form": form,
            "count": count,
            "back": list_address(Postback),
        }
        return TemplateResponse(request, "tracker/resend_range.html", context)

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

    @admin.display(description="Conversion")
    def conversion_named(self, postback: Postback) -> str:
        return link_to(postback.conversion)

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
        waits = postback.state in (Postback.State.PENDING, Postback.State.ACCEPTED)
        return instant(postback.next_attempt_at) if waits else NOTHING

    @admin.display(description="Payout told")
    def payout_money(self, postback: Postback) -> str:
        return money(postback.payout, postback.payout_currency)


def _last_day() -> dict[str, Any]:
    now = timezone.now().replace(second=0, microsecond=0)
    return {"starts_at": now - timedelta(days=1), "ends_at": now}
