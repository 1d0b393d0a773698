"""Admin of offers with their licences and caps, and the helper that builds links to apps."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from campaigns.admin.archive import Archivable, ArchiveFilter, with_note
from campaigns.admin.caps import OfferCapInline
from campaigns.admin.concerns import as_labels
from campaigns.admin.copying import Copyable, copy_row
from campaigns.admin.listing import ListWithConcerns
from campaigns.admin.refusing import RefusingPage
from campaigns.domain.alternatives import AlternativesInACircle, refuse_circle
from campaigns.domain.app_links import AppService, UnusableAppLink, build_app_link, read_app_link
from campaigns.domain.archiving import StillAlternative, refuse_alternatives
from campaigns.domain.cloning import clone_offer
from campaigns.domain.concerns import NOTICE, Concern
from campaigns.domain.macros import MACROS, validate_offer_url
from campaigns.domain.reach import licences_of, offer_concerns
from campaigns.domain.soundness import campaigns_that_use
from campaigns.domain.tracking_domains import refuse_click_address
from campaigns.models import Licence, Offer
from tracker_project.common.pages import NOTHING, Inline, Page, button, label, money

_APP_FIELDSET = "Link to an app"
_APP_SERVICES = [
    ("", NOTHING),
    (AppService.APPSFLYER, "AppsFlyer link"),
    (AppService.ONELINK, "AppsFlyer OneLink"),
    (AppService.ADJUST, "Adjust link"),
    (AppService.ADJUST_BRANDED, "Adjust branded link"),
    (AppService.GOOGLE_PLAY, "Google Play"),
    (AppService.APP_STORE, "Apple App Store"),
]


class OfferForm(forms.ModelForm[Offer]):
    """An offer; the last four fields only build its address."""

    url = forms.CharField(
        label="URL template",
        required=False,
        validators=[validate_offer_url],
        widget=UnfoldAdminTextInputWidget,
        help_text=Offer._meta.get_field("url").help_text,
    )
    app_service = forms.ChoiceField(
        label="Build a link to",
        choices=_APP_SERVICES,
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text="Chosen: the address above is made from the fields below when you save, the click id in its place.",
    )
    app_id = forms.CharField(
        label="App",
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Google Play: the package, com.casino.app. Apple: id123456789. AppsFlyer: either of them. OneLink: "
        "the four letters of its template. Adjust: the link's token.",
    )
    app_pid = forms.CharField(
        label="pid",
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="AppsFlyer only: your name there as a media source.",
    )
    app_host = forms.CharField(
        label="Host",
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="OneLink and branded links only, such as brand.onelink.me or brand.go.link.",
    )

    class Meta:
        model = Offer
        fields = [
            "name",
            "brand",
            "url",
            "payout",
            "revenue",
            "currency",
            "countries",
            "is_licensed_only",
            "alternative",
            "notes",
            "is_archived",
        ]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("app_service"):
            self._build(cleaned)
        if "url" not in self.errors:
            self._check_url(str(cleaned.get("url") or ""))
        self._check_alternative(cleaned.get("alternative"))
        if cleaned.get("is_archived") and self.instance.pk:
            try:
                refuse_alternatives([self.instance.pk])
            except StillAlternative as used:
                self.add_error("is_archived", str(used))
        return cleaned

    def _build(self, cleaned: dict[str, Any]) -> None:
        try:
            cleaned["url"] = build_app_link(
                AppService(cleaned["app_service"]),
                cleaned.get("app_id") or "",
                pid=cleaned.get("app_pid") or "",
                host=cleaned.get("app_host") or "",
            )
        except UnusableAppLink as unusable:
            self.add_error("app_id", str(unusable))
        else:
            self.errors.pop("url", None)

    def _check_url(self, url: str) -> None:
        if not url:
            if "app_id" not in self.errors:
                self.add_error("url", "Write the casino's address, or build a link to an app.")
            return
        refuse_circular(self, "url", url)
        link = read_app_link(url)
        for fault in link.faults if link else ():
            self.add_error("url", fault)

    def _check_alternative(self, alternative: Offer | None) -> None:
        if alternative is None:
            return
        if alternative.is_archived:
            self.add_error("alternative", f"“{alternative.name}” is archived.")
        try:
            refuse_circle(self.instance, alternative)
        except AlternativesInACircle as circle:
            self.add_error("alternative", str(circle))


def refuse_circular(form: forms.BaseForm, field: str, url: str) -> None:
    """Add an error where an address leads back to a click host."""
    try:
        refuse_click_address(url)
    except forms.ValidationError as error:
        form.add_error(field, error)


class LicenceForm(forms.ModelForm[Licence]):
    class Meta:
        model = Licence
        fields = ["offer", "jurisdiction", "number", "country", "region", "city", "valid_from", "valid_until"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        refuse_end_before_start(self, cleaned)
        return cleaned


def refuse_end_before_start(form: forms.BaseForm, cleaned: dict[str, Any]) -> None:
    """Add an error where a row's last day comes before its first."""
    valid_from, valid_until = cleaned.get("valid_from"), cleaned.get("valid_until")
    if valid_from and valid_until and valid_until < valid_from:
        form.add_error("valid_until", "The last day is not before the first.")


class LicenceInline(Inline):
    model = Licence
    form = LicenceForm
    tab = True
    verbose_name_plural = "Licences"
    ordering = ["country", "region", "city", "valid_from"]


@admin.register(Offer)
class OfferAdmin(Archivable, Copyable, ListWithConcerns, RefusingPage):
    purpose = "Where visitors are sent, what a first deposit there brings us, and what we usually pay for it."
    empty = "Add the casino's offer with {click_id} in its address: by that id players come back to their campaign."
    form = OfferForm
    list_display = ["named", "brand", "payout_money", "revenue_money", "taken_countries", "warnings", "url"]
    list_filter = [ArchiveFilter, ("brand", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["brand"]
    search_fields = ["name", "url", "notes"]
    autocomplete_fields = ["brand", "alternative"]
    ordering = ["name"]
    inlines = [LicenceInline, OfferCapInline]
    actions = ["archive", "unarchive"]
    actions_detail = ["copy"]
    change_form_before_template = "tracker/offer_concerns.html"
    fieldsets: ClassVar[Any] = [
        (None, {"fields": [("name", "brand"), "url", ("payout", "revenue", "currency")]}),
        ("Where it may be shown", {"fields": ["is_licensed_only", "countries"]}),
        ("When a cap is reached", {"classes": ["collapse"], "fields": ["alternative"]}),
        (
            _APP_FIELDSET,
            {
                "classes": ["collapse"],
                "description": "The click id has to stand where the app's measurement looks for it: clickid with "
                "AppsFlyer, label with Adjust, referrer with Google Play. Apple's store links carry none: ct takes 40 "
                "characters, our click id has 48.",
                "fields": ["app_service", "app_id", ("app_pid", "app_host")],
            },
        ),
        ("Macros, notes and archive", {"classes": ["collapse"], "fields": ["macros", "notes", "is_archived"]}),
    ]
    readonly_fields = ["macros"]

    def get_fieldsets(self, request: HttpRequest, obj: Offer | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        may_save = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        return fieldsets if may_save else [part for part in fieldsets if part[0] != _APP_FIELDSET]

    def campaigns_at_risk(self, row: Offer) -> set[int]:
        return campaigns_that_use(row)

    def concerns_of_page(self, rows: Sequence[Offer], on: date) -> dict[int, list[Concern]]:
        licences = licences_of(row.pk for row in rows)
        return {row.pk: offer_concerns(row, licences[row.pk], on=on) for row in rows}

    @button("Copy…", path="copy", icon="content_copy", permission="copy")
    def copy(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return copy_row(
            self,
            request,
            object_id,
            consequence="Its licences and caps are copied. No campaign sends visitors to the copy until you choose it.",
            clone=clone_offer,
            taken=lambda offer, name: Offer.objects.filter(name=name).exists(),
        )

    @admin.display(description="Name", ordering="name")
    def named(self, offer: Offer) -> str:
        return with_note(offer.name, offer.notes)

    @admin.display(description="Macros that the address may use")
    def macros(self, offer: Offer) -> str:
        return " ".join("{" + name + "}" for name in MACROS)

    @admin.display(description="Payout")
    def payout_money(self, offer: Offer) -> str:
        return money(offer.payout, offer.currency)

    @admin.display(description="Revenue")
    def revenue_money(self, offer: Offer) -> str:
        return money(offer.revenue, offer.currency)

    @admin.display(description="Countries")
    def taken_countries(self, offer: Offer) -> str:
        return ", ".join(offer.countries) or f"{NOTHING} all"

    @admin.display(description="Warnings")
    def warnings(self, offer: Offer) -> str:
        return as_labels(self.concerns_in_list(offer))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        url = form.instance.url
        link = read_app_link(url)
        for advice in link.advice if link else ():
            self.message_user(request, advice, messages.WARNING)
        if "{click_id}" not in url and link is None:
            self.message_user(
                request,
                "The address has no {click_id}: the casino cannot say which click a player came from, and only promo "
                "codes and partner tags will bring credit.",
                messages.WARNING,
            )


class LicenceEndFilter(admin.SimpleListFilter):
    """Licences that are over, or will be within 30 days."""

    title = "end"
    parameter_name = "end"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("soon", f"Ends within {NOTICE.days} days"), ("ended", "Ended"), ("running", "In force")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return by_end(queryset, self.value(), on=datetime.now(UTC).date())


def by_end(rows: QuerySet[Any], chosen: str | None, *, on: date) -> QuerySet[Any]:
    """Keep the rows that end soon, have ended, or are in force on a day; all of them where nothing is chosen."""
    match chosen:
        case "soon":
            return rows.filter(valid_until__gte=on, valid_until__lte=on + NOTICE)
        case "ended":
            return rows.filter(valid_until__lt=on)
        case "running":
            return rows.filter(Q(valid_until__isnull=True) | Q(valid_until__gte=on), valid_from__lte=on)
    return rows


def end_in_words(until: date | None) -> str:
    """Say when something ends, for a list."""
    if until is None:
        return "No end known"
    on = datetime.now(UTC).date()
    if until < on:
        return "Ended"
    return "Ends soon" if until - on <= NOTICE else "In force"


END_COLOURS = {"Ended": "danger", "Ends soon": "warning", "In force": "success", "No end known": "success"}


@admin.register(Licence)
class LicenceAdmin(Page):
    purpose = (
        "Where each offer may be shown, by which licence and until when. They are entered on the offer's page too."
    )
    empty = "Add a licence for each place where an offer may be shown: visitors from elsewhere never reach it."
    form = LicenceForm
    list_display = ["offer", "jurisdiction", "number", "place", "valid_from", "valid_until", "end_label"]
    list_filter = [LicenceEndFilter, "jurisdiction", ("offer", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["offer"]
    search_fields = ["offer__name", "jurisdiction", "number", "country", "city"]
    autocomplete_fields = ["offer"]
    ordering = ["offer__name", "country", "region", "city", "valid_from"]
    fieldsets = [
        (None, {"fields": ["offer", ("jurisdiction", "number"), ("country", "region", "city")]}),
        ("Valid", {"fields": [("valid_from", "valid_until")]}),
    ]

    @admin.display(description="Place")
    def place(self, licence: Licence) -> str:
        return licence.place

    @label("State", END_COLOURS)
    def end_label(self, licence: Licence) -> str:
        return end_in_words(licence.valid_until)
