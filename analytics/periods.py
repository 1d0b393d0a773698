"""What a reader of the campaign-day table asks for: a range of days and a campaign."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django import forms

from campaigns.models import Campaign
from tracker_project.common.time import day_in_zone

PRESETS = {
    "today": "Today",
    "yesterday": "Yesterday",
    "7d": "7 days",
    "14d": "14 days",
    "30d": "30 days",
    "mtd": "Month to date",
}
DEFAULT_PRESET = "7d"
_LONGEST_DAYS = 366
_EARLIEST = date(2000, 1, 1)
_LATEST = date(2100, 1, 1)


@dataclass(frozen=True, kw_only=True)
class Period:
    """Days from `first` to `last`, both in; `preset` is empty when they were written by hand."""

    first: date
    last: date
    preset: str


def preset_period(preset: str, *, today: date) -> Period:
    """Return the days that a preset stands for; all but yesterday end today."""
    if preset == "yesterday":
        yesterday = today - timedelta(days=1)
        return Period(first=yesterday, last=yesterday, preset=preset)
    firsts = {
        "today": today,
        "7d": today - timedelta(days=6),
        "14d": today - timedelta(days=13),
        "30d": today - timedelta(days=29),
        "mtd": today.replace(day=1),
    }
    return Period(first=firsts[preset], last=today, preset=preset)


class _Day(forms.DateInput):
    """The browser's own date picker, which wants ISO dates."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class PeriodForm(forms.Form):
    """Presets or two days, and one campaign or all."""

    period = forms.ChoiceField(choices=list(PRESETS.items()), required=False)
    first = forms.DateField(label="From", required=False, widget=_Day)
    last = forms.DateField(label="To", required=False, widget=_Day)
    campaign = forms.ModelChoiceField(Campaign.objects.order_by("name"), required=False, empty_label="All campaigns")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        first, last = cleaned.get("first"), cleaned.get("last")
        if bool(first) != bool(last) and not self.errors:
            raise forms.ValidationError("Give both days, or neither and choose a period.")
        if first and last:
            self._check_days(first, last)
        return cleaned

    def _check_days(self, first: date, last: date) -> None:
        if first > last:
            raise forms.ValidationError("“From” is after “To”.")
        if first < _EARLIEST or last > _LATEST:
            raise forms.ValidationError(f"Choose days from {_EARLIEST:%Y} to {_LATEST:%Y}.")
        if (last - first).days >= _LONGEST_DAYS:
            raise forms.ValidationError(f"Choose at most {_LONGEST_DAYS} days at a time.")

    def zone(self) -> str:
        """Return the zone whose today the presets mean: the campaign's, or the one that all share, or UTC."""
        campaign = self.cleaned_data.get("campaign")
        if campaign:
            return str(campaign.time_zone)
        zones = list(Campaign.objects.exclude(status=Campaign.Status.ARCHIVED).values_list("time_zone").distinct()[:2])
        return str(zones[0][0]) if len(zones) == 1 else "UTC"

    def chosen(self, *, at: datetime) -> Period:
        """Return the days that are asked for; call it on a valid form."""
        first, last = self.cleaned_data.get("first"), self.cleaned_data.get("last")
        if first and last:
            return Period(first=first, last=last, preset="")
        preset = self.cleaned_data.get("period") or DEFAULT_PRESET
        return preset_period(preset, today=day_in_zone(at, self.zone()))
