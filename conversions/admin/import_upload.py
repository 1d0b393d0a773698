"""The form by which a list is uploaded."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelect2Widget, UnfoldAdminSelectWidget

from conversions.imports.tables import MOST_BYTES, MOST_ROWS, WINDOWS_1252
from conversions.models import Endpoint, Import, Platform
from tracker_project.common.time import time_zone_names

_MOST_MB = MOST_BYTES // 1024**2


class UploadForm(forms.Form):
    """A file, whose it is, and how it is to be read."""

    layout = forms.ChoiceField(choices=Import.Layout.choices, widget=UnfoldAdminSelectWidget())
    platform: Any = forms.ModelChoiceField(
        Platform.objects.order_by("name"),
        required=False,
        empty_label="Choose a platform",
        widget=UnfoldAdminSelectWidget(),
        help_text="For our template: whose players the list is about.",
    )
    endpoint: Any = forms.ModelChoiceField(
        Endpoint.objects.filter(dialect__in=["appsflyer", "adjust"]).order_by("name"),
        required=False,
        empty_label="Choose an endpoint",
        widget=UnfoldAdminSelectWidget(),
        help_text="For a partner's report: the endpoint at which the partner's own messages arrive.",
    )
    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget(),
        help_text=f"CSV or .xlsx, up to {_MOST_MB} MB and {MOST_ROWS:,} rows. It is read here and not kept.",
    )
    encoding = forms.ChoiceField(
        required=False,
        label="encoding",
        choices=[("", "Automatic: UTF-8 or UTF-16"), (WINDOWS_1252, "Windows-1252")],
        widget=UnfoldAdminSelectWidget(),
        help_text="Of a CSV file. Windows-1252 is what an older Excel saves in Western Europe.",
    )
    decimal_mark = forms.ChoiceField(choices=Import.DecimalMark.choices, widget=UnfoldAdminSelectWidget())
    date_order = forms.ChoiceField(
        label="dates",
        choices=Import.DateOrder.choices,
        widget=UnfoldAdminSelectWidget(),
        help_text="2026-11-22 and 22.11.2026 are always read; dates with slashes as you say here.",
    )
    time_zone = forms.ChoiceField(
        choices=[(name, name) for name in sorted(time_zone_names())],
        initial="UTC",
        widget=UnfoldAdminSelect2Widget(),
        help_text="Of times that are written without an offset.",
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(f"The file has more than {_MOST_MB} MB: split it.")
        return file

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        layout, endpoint = cleaned.get("layout"), cleaned.get("endpoint")
        if layout == Import.Layout.EVENTS:
            cleaned["endpoint"] = None
            if not cleaned.get("platform"):
                self.add_error("platform", "Say whose players the list is about.")
        elif endpoint is None or endpoint.dialect != layout:
            self.add_error("endpoint", "Choose an endpoint in the dialect of the partner whose report this is.")
        else:
            cleaned["platform"] = endpoint.platform
        return cleaned
