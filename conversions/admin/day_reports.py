"""Admin of what platforms say of their days beside what we recorded: a table, a day with its ids, an upload."""

import csv
import io
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from conversions.dialects.totals_file import MOST_BYTES, UnreadableFile, read_totals_file
from conversions.domain.day_comparison import Beside, DayComparison, compare_days, id_differences
from conversions.domain.day_reports import upload_day_reports
from conversions.models import DayReport, Platform
from tracker_project.common.exports import disarm_text
from tracker_project.common.money import format_amount
from tracker_project.common.pages import NOTHING, FactPage, found, list_address

DAYS_SHOWN = 31
_IDS_SHOWN = 100
NAMES = {"registrations": "Registrations", "first_deposits": "First deposits", "deposits": "Deposits"}


class ShownForm(forms.Form):
    platform = forms.ModelChoiceField(Platform.objects.order_by("name"), required=False, empty_label="All")
    until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))


class UploadForm(forms.Form):
    platform = forms.ModelChoiceField(
        Platform.objects.filter(is_active=True).order_by("name"),
        empty_label="Choose a platform",
        widget=UnfoldAdminSelectWidget(),
    )
    file = forms.FileField(
        label="CSV file",
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,text/csv"}),
        help_text="A row a day: day, registrations, first_deposits, deposits, and a column such as EUR for what was "
        "deposited. Or a row an id: day, kind (registration, first_deposit, deposit), id, amount, currency.",
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(f"It has more than {MOST_BYTES // 1024 // 1024} MiB: send fewer days at once.")
        return file


@admin.register(DayReport)
class DayReportAdmin(FactPage):
    purpose = "What platforms say of their days beside what we recorded, so that what is missing is found."

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("upload/", view(self.upload_view), name="conversions_dayreport_upload"),
            path("<int:pk>/ids.csv", view(self.ids_view), name="conversions_dayreport_ids"),
            *super().get_urls(),
        ]

    def has_upload_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("conversions.add_dayreport"))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self._require(self.has_view_permission(request))
        form = ShownForm(request.GET)
        chosen = form.cleaned_data if form.is_valid() else {}
        until = chosen.get("until") or timezone.now().date()
        reports = _standing(chosen.get("platform"), until)
        context = {
            "title": "Their days beside ours",
            "form": form if form.errors else ShownForm(initial={"platform": chosen.get("platform"), "until": until}),
            "until": until,
            "first": until - timedelta(days=DAYS_SHOWN - 1),
            "rows": [_row(comparison) for comparison in compare_days(reports)],
            "is_anything": bool(reports) or DayReport.objects.exists(),
            "may_upload": self.has_upload_permission(request),
        }
        return self._page(request, "tracker/day_reports.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        self._require(self.has_view_permission(request) and request.method in ("GET", "HEAD"))
        report = _whole(found(self, request, object_id).pk)
        (comparison,) = compare_days([report])
        differences = list(islice(id_differences(report), _IDS_SHOWN + 1))
        context = {
            "title": f"{report.platform}, {report.on_date:%-d %b %Y}",
            "report": report,
            "figures": [_figure(figure) for figure in comparison.figures],
            "differences": differences[:_IDS_SHOWN],
            "names": NAMES,
            "are_more": len(differences) > _IDS_SHOWN,
            "has_ids": _has_ids(report),
            "history": _history(report),
            "standing": DayReport.objects.filter(
                platform=report.platform, on_date=report.on_date, is_current=True
            ).first(),
            "back": list_address(DayReport),
        }
        return self._page(request, "tracker/day_report.html", context)

    def ids_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Hand out the ids that only one of us has, all of them, as CSV."""
        self._require(self.has_view_permission(request))
        report = _whole(pk)
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(["counted as", "id", "who has it", "why"])
        for each in id_differences(report):
            writer.writerow([each.counted, disarm_text(each.name), "we" if each.is_ours else "they", each.why])
        response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
        name = f"ids-{report.platform.slug}-{report.on_date}.csv"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        self._require(self.has_upload_permission(request))
        form = UploadForm(request.POST or None, request.FILES or None)
        errors: list[str] = []
        if request.method == "POST" and form.is_valid():
            platform, content = form.cleaned_data["platform"], form.cleaned_data["file"].read()
            try:
                days = read_totals_file(content, at=timezone.now())
            except UnreadableFile as error:
                errors = error.errors
            else:
                new = upload_day_reports(days, platform=platform, by=request.user, at=timezone.now())
                self.message_user(request, _said(len(days), len(new)))
                last = max(day.on_date for day in days)
                return redirect(f"{list_address(DayReport)}?platform={platform.pk}&until={last}")
        context = {"title": "Upload their totals", "form": form, "errors": errors, "back": list_address(DayReport)}
        return self._page(request, "tracker/upload_totals.html", context)

    def _page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        everywhere = self.admin_site.each_context(request) | {"purpose": self.purpose}
        return TemplateResponse(request, template, everywhere | context)

    def _require(self, is_allowed: bool) -> None:
        if not is_allowed:
            raise PermissionDenied


def _whole(pk: int) -> DayReport:
    reports = DayReport.objects.select_related("platform", "uploaded_by").prefetch_related("amounts")
    report = reports.filter(pk=pk).first()  # at most one, by its key
    if report is None:
        raise Http404
    return report


def _standing(platform: Platform | None, until: date) -> list[DayReport]:
    """Return the counts that stand of the month that ends with `until`, newest day first; their ids are not read."""
    reports = DayReport.objects.filter(
        is_current=True, on_date__lte=until, on_date__gt=until - timedelta(days=DAYS_SHOWN)
    )
    if platform is not None:
        reports = reports.filter(platform=platform)
    ids = ("registration_ids", "first_deposit_ids", "deposit_ids")
    return list(
        reports.select_related("platform")
        .prefetch_related("amounts")
        .defer(*ids)
        .order_by("-on_date", "platform__name")
    )


def _row(comparison: DayComparison) -> dict[str, Any]:
    counts = [_figure(figure) for figure in comparison.figures if not figure.currency]
    amounts = [_figure(figure) for figure in comparison.figures if figure.currency]
    address = reverse("admin:conversions_dayreport_change", args=[comparison.report.pk])
    return {
        "report": comparison.report,
        "counts": counts,
        "amounts": amounts,
        "differs": comparison.differs,
        "address": address,
    }


def _figure(figure: Beside) -> dict[str, Any]:
    return {
        "name": f"Deposited {figure.currency}" if figure.currency else NAMES[figure.name],
        "currency": figure.currency,
        "said": _text(figure.said, figure.currency),
        "ours": _text(figure.ours, figure.currency),
        "difference": _signed(figure),
        "differs": bool(figure.difference),
    }


def _text(number: Decimal | int | None, currency: str) -> str:
    if number is None:
        return NOTHING
    return format_amount(Decimal(number), currency) if currency else f"{number:,}"


def _signed(figure: Beside) -> str:
    if figure.difference is None:
        return NOTHING
    text = _text(figure.difference, figure.currency)
    return f"+{text}" if figure.difference > 0 else text


def _history(report: DayReport) -> list[DayReport]:
    """Return every count of the day, the latest first; their ids are not read."""
    ids = ("registration_ids", "first_deposit_ids", "deposit_ids")
    counts = DayReport.objects.filter(platform=report.platform, on_date=report.on_date).defer(*ids)
    return list(counts.select_related("uploaded_by").prefetch_related("amounts").order_by("-counted_at", "-event_id"))


def _has_ids(report: DayReport) -> bool:
    return any(each is not None for each in (report.registration_ids, report.first_deposit_ids, report.deposit_ids))


def _said(days: int, new: int) -> str:
    if not new:
        return "The file says what stands here already: nothing was changed."
    same = f"; {days - new} said what stood already" if days > new else ""
    return f"{new} day{'' if new == 1 else 's'} recorded{same}. Former counts stay in each day's history."
