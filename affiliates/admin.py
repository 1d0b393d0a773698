"""Admin of partners' terms, of what they earned, and of the ledger that proves it."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from import_export.admin import ExportMixin
from import_export.formats.base_formats import CSV
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateFilter, RangeDateTimeFilter

from affiliates.domain.credit_history import partner_history
from affiliates.domain.queries import partner_balances
from affiliates.models import (
    Commission,
    CommissionPlan,
    CommissionPlanVersion,
    LedgerEntry,
    LedgerTransfer,
    PartnerAccount,
)
from affiliates.resources import CommissionResource
from tracker_project.common.pages import NOTHING, FactInline, FactPage, Inline, Page, label, link_to, money


def has_started(version: CommissionPlanVersion, *, at: datetime) -> bool:
    return version.pk is not None and version.starts_at <= at


class VersionForm(forms.ModelForm[CommissionPlanVersion]):
    class Meta:
        model = CommissionPlanVersion
        fields = ["starts_at", "cpa_amount", "minimum_deposit", "hold_days"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        now = datetime.now(UTC)
        stored = CommissionPlanVersion.objects.filter(pk=self.instance.pk).first() if self.instance.pk else None
        if self.has_changed() and stored and has_started(stored, at=now):
            raise forms.ValidationError("This version has started and stays as it is: add a new one for new figures.")
        starts_at = cleaned.get("starts_at")
        if starts_at and self.has_changed() and starts_at < now and self._plan_has_versions():
            self.add_error("starts_at", "A new version starts now or later: what was earned stays earned.")
        return cleaned

    def _plan_has_versions(self) -> bool:
        plan_id = self.instance.plan_id
        return plan_id is not None and CommissionPlanVersion.objects.filter(plan_id=plan_id).exists()


class VersionInline(Inline):
    """Versions that are to come may be changed; those that started are shown below them."""

    model = CommissionPlanVersion
    form = VersionForm
    ordering = ["starts_at"]
    verbose_name_plural = "Versions to come"

    def get_queryset(self, request: HttpRequest) -> QuerySet[CommissionPlanVersion]:
        return super().get_queryset(request).filter(starts_at__gt=datetime.now(UTC))


class StartedVersionInline(FactInline):
    model = CommissionPlanVersion
    fields = ["starts_at", "commission", "minimum", "hold_days"]
    ordering = ["-starts_at"]
    verbose_name_plural = "Versions that have started (never changed)"

    def get_queryset(self, request: HttpRequest) -> QuerySet[CommissionPlanVersion]:
        started = super().get_queryset(request).filter(starts_at__lte=datetime.now(UTC))
        return started.select_related("plan")

    @admin.display(description="Commission")
    def commission(self, version: CommissionPlanVersion) -> str:
        return money(version.cpa_amount, version.plan.currency)

    @admin.display(description="Smallest deposit")
    def minimum(self, version: CommissionPlanVersion) -> str:
        return money(version.minimum_deposit, version.plan.currency)


@admin.register(CommissionPlan)
class CommissionPlanAdmin(Page):
    purpose = "Terms that partners are paid by. New figures are a new version; what has started never changes."
    empty = "Add a plan with its first version, then give it to a partner's account."
    list_display = ["name", "currency", "in_force", "created_at"]
    search_fields = ["name"]
    ordering = ["name"]
    inlines = [VersionInline, StartedVersionInline]
    fields = [("name", "currency")]

    def get_queryset(self, request: HttpRequest) -> QuerySet[CommissionPlan]:
        return super().get_queryset(request).prefetch_related("versions")

    def get_readonly_fields(self, request: HttpRequest, obj: CommissionPlan | None = None) -> list[str]:
        return ["currency"] if obj and obj.versions.all() else []

    @admin.display(description="In force")
    def in_force(self, plan: CommissionPlan) -> str:
        now = datetime.now(UTC)
        started = sorted((v for v in plan.versions.all() if v.starts_at <= now), key=lambda v: v.starts_at)
        if not started:
            return "nothing yet: add a version"
        version = started[-1]
        return f"{money(version.cpa_amount, plan.currency)} for a first deposit, held {version.hold_days} days"


@admin.register(PartnerAccount)
class PartnerAccountAdmin(Page):
    purpose = "Partners as somebody who is paid: plan, legal name, and what each is owed by the ledger."
    empty = "Add an account for a partner with the plan that he is paid by; without one he earns nothing."
    list_display = ["legal_name", "partner", "plan", "is_active", "owed"]
    list_filter = ["is_active", "plan"]
    list_select_related = ["partner", "plan"]
    search_fields = ["legal_name", "partner__name", "partner__tag"]
    autocomplete_fields = ["partner", "plan"]
    ordering = ["legal_name"]
    fields = [("partner", "plan"), ("legal_name", "is_active"), "owed", "credit_history"]
    readonly_fields = ["owed", "credit_history"]

    balances: dict[int, list[str]] = {}

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.balances = _balances()
        return super().changelist_view(request, extra_context)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.balances = _balances()
        return super().changeform_view(request, *args, **kwargs)

    @admin.display(description="Owed by the ledger")
    def owed(self, account: PartnerAccount) -> str:
        return ", ".join(self.balances.get(account.pk, [])) or NOTHING

    @admin.display(description="Players given to him or taken from him by staff, and lead theft")
    def credit_history(self, account: PartnerAccount) -> str:
        if account._state.adding:
            return NOTHING
        history = partner_history(account.partner, at=datetime.now(UTC))
        return render_to_string("tracker/partner_credit.html", {"history": history})


def _balances() -> dict[int, list[str]]:
    """Return what each account is owed, by its number: one query for the whole page."""
    balances: dict[int, list[str]] = {}
    for balance in partner_balances():
        balances.setdefault(balance.partner_account.pk, []).append(money(balance.owed, balance.currency))
    return balances


class TransferInline(FactInline):
    model = LedgerTransfer
    fields = ["transfer", "occurred_at", "booked_at"]
    ordering = ["id"]
    verbose_name_plural = "In the ledger"

    @admin.display(description="Transfer")
    def transfer(self, transfer: LedgerTransfer) -> str:
        return link_to(transfer)


@admin.register(Commission)
class CommissionAdmin(ExportMixin, FactPage):  # type: ignore[misc]
    purpose = (
        "What partners earned by first deposits, and what was taken back. Export writes the commissions that the list "
        "shows, filters and all, as CSV."
    )
    empty = "Nothing is booked yet: a partner's player has to make a first deposit that review approves."
    resource_classes = [CommissionResource]
    formats = [CSV]
    skip_export_form = True
    list_display = [
        "booked_at",
        "partner_account",
        "player",
        "campaign",
        "amount_money",
        "state",
        "payable_on",
        "reversal_reason",
    ]
    list_filter = [
        ("booked_at", RangeDateTimeFilter),
        ("partner_account", AutocompleteSelectFilter),
        ("payable_on", RangeDateFilter),
        ("reversed_at", admin.EmptyFieldListFilter),
    ]
    list_filter_submit = True
    list_select_related = ["partner_account", "player", "conversion__campaign"]
    search_fields = ["player__player_id"]
    search_help_text = "The platform's player id, whole"
    ordering = ["-booked_at"]
    sortable_by = ["booked_at"]
    inlines = [TransferInline]
    fieldsets = [
        (None, {"fields": [("partner_account", "amount_money"), ("state", "payable_on"), "reversal_reason"]}),
        ("For", {"fields": [("player_link", "deposit"), "campaign", "plan_version"]}),
        ("Times", {"fields": [("booked_at", "reversed_at")]}),
    ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Commission], search_term: str
    ) -> tuple[QuerySet[Commission], bool]:
        term = search_term.strip()
        return (queryset.filter(player__player_id=term) if term else queryset), False

    def has_export_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    @admin.display(description="Commission")
    def amount_money(self, commission: Commission) -> str:
        return money(commission.amount, commission.currency)

    @label("State", {"Payable": "success", "On hold": "info", "Reversed": "danger"})
    def state(self, commission: Commission) -> str:
        if commission.reversed_at is not None:
            return "Reversed"
        return "Payable" if commission.payable_on <= datetime.now(UTC).date() else "On hold"

    @admin.display(description="Campaign")
    def campaign(self, commission: Commission) -> str:
        campaign = commission.conversion.campaign
        return campaign.name if campaign else NOTHING

    @admin.display(description="Player")
    def player_link(self, commission: Commission) -> str:
        return link_to(commission.player)

    @admin.display(description="First deposit")
    def deposit(self, commission: Commission) -> str:
        return link_to(commission.conversion)


class EntryInline(FactInline):
    model = LedgerEntry
    fields = ["account_name", "debit", "credit"]
    ordering = ["id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[LedgerEntry]:
        return super().get_queryset(request).select_related("account__partner_account")

    @admin.display(description="Account")
    def account_name(self, entry: LedgerEntry) -> str:
        owner = entry.account.partner_account
        return f"{entry.account}: {owner}" if owner else str(entry.account)

    @admin.display(description="Debit")
    def debit(self, entry: LedgerEntry) -> str:
        return money(entry.amount, entry.currency) if entry.amount > 0 else ""

    @admin.display(description="Credit")
    def credit(self, entry: LedgerEntry) -> str:
        return money(-entry.amount, entry.currency) if entry.amount < 0 else ""


@admin.register(LedgerTransfer)
class LedgerTransferAdmin(FactPage):
    purpose = "The ledger: each booking with its two sides. Nothing in it is ever changed; a correction is a new row."
    empty = "Nothing is booked yet."
    list_display = ["booked_at", "id", "kind", "partner_account", "amount_money", "reverses", "occurred_at"]
    list_filter = ["kind", ("booked_at", RangeDateTimeFilter)]
    list_filter_submit = True
    list_select_related = ["commission__partner_account", "reverses"]
    ordering = ["-booked_at"]
    sortable_by = ["booked_at"]
    inlines = [EntryInline]
    fields = [("kind", "reverses"), "commission_link", ("occurred_at", "booked_at")]

    @admin.display(description="Partner")
    def partner_account(self, transfer: LedgerTransfer) -> str:
        return str(transfer.commission.partner_account)

    @admin.display(description="Amount")
    def amount_money(self, transfer: LedgerTransfer) -> str:
        sign = -1 if transfer.kind == LedgerTransfer.Kind.REVERSAL else 1
        return money(sign * transfer.commission.amount, transfer.commission.currency)

    @admin.display(description="Commission")
    def commission_link(self, transfer: LedgerTransfer) -> str:
        return link_to(transfer.commission)
