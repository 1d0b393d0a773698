"""What is owed to partners, and the double-entry ledger that proves it."""

from django.db import models
from django.db.models import F, Q

from affiliates.models.terms import CommissionPlanVersion, PartnerAccount
from conversions.models import Conversion, Player
from tracker_project.common.fields import AmountField, CurrencyField


class Commission(models.Model):
    """What a partner earned by one player's first deposit, under the plan version of that time.

    Only its reversal is ever written to it, once (a trigger refuses anything else); each has its transfer in the
    ledger, and a reversed one the transfer that takes it back.
    """

    partner_account = models.ForeignKey(PartnerAccount, on_delete=models.PROTECT, related_name="commissions")
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="commissions")
    conversion = models.ForeignKey(
        Conversion,
        on_delete=models.PROTECT,
        related_name="commissions",
        help_text="The deposit that was first when this was booked.",
    )
    plan_version = models.ForeignKey(CommissionPlanVersion, on_delete=models.PROTECT, related_name="commissions")
    amount = AmountField()
    currency = CurrencyField()
    booked_at = models.DateTimeField()
    payable_on = models.DateField(help_text="The UTC day from which it can be paid.")
    reversed_at = models.DateTimeField(null=True, blank=True)
    reversal_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        db_table = "commissions"
        constraints = [
            models.UniqueConstraint(
                fields=["player"], condition=Q(reversed_at__isnull=True), name="one_live_commission_per_player"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="commission_is_positive"),
            models.CheckConstraint(
                condition=Q(reversed_at__isnull=True, reversal_reason="")
                | Q(reversed_at__isnull=False) & ~Q(reversal_reason=""),
                name="commission_reversal_has_its_reason",
            ),
            models.CheckConstraint(
                condition=Q(reversed_at__isnull=True) | Q(reversed_at__gte=F("booked_at")),
                name="commission_is_reversed_after_booking",
            ),
        ]
        indexes = [
            models.Index(fields=["-booked_at"], name="commissions_by_time"),
            models.Index(fields=["partner_account", "-booked_at"], name="commissions_by_partner"),
        ]

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} {self.currency}"


class LedgerAccount(models.Model):
    """One side of the ledger in one currency: our commission expense, or what is payable to one partner."""

    class Kind(models.TextChoices):
        HOUSE_COMMISSION_EXPENSE = "house_commission_expense", "Commission expense"
        PARTNER_PAYABLE = "partner_payable", "Payable to partner"

    kind = models.CharField(max_length=30, choices=Kind)
    partner_account = models.ForeignKey(
        PartnerAccount, on_delete=models.PROTECT, null=True, blank=True, related_name="ledger_accounts"
    )
    currency = CurrencyField()

    class Meta:
        db_table = "ledger_accounts"
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "partner_account", "currency"],
                nulls_distinct=False,
                name="one_ledger_account_of_a_kind",
            ),
            # What entries refer to, so that their currency is the account's.
            models.UniqueConstraint(fields=["id", "currency"], name="ledger_account_with_its_currency"),
            models.CheckConstraint(
                condition=Q(kind="house_commission_expense", partner_account__isnull=True)
                | Q(kind="partner_payable", partner_account__isnull=False),
                name="payable_account_has_its_partner",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.currency}"


class LedgerTransfer(models.Model):
    """One booking: a commission, or the reversal of one. Never changes and is never deleted (triggers refuse it).

    `occurred_at` is when the fact behind it happened, `booked_at` when it entered the books.
    """

    class Kind(models.TextChoices):
        COMMISSION = "commission", "Commission"
        REVERSAL = "reversal", "Reversal"

    kind = models.CharField(max_length=20, choices=Kind)
    commission = models.ForeignKey(Commission, on_delete=models.PROTECT, related_name="transfers")
    reverses = models.OneToOneField("self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversed_by")
    occurred_at = models.DateTimeField()
    booked_at = models.DateTimeField()

    class Meta:
        db_table = "ledger_transfers"
        constraints = [
            models.UniqueConstraint(
                fields=["commission"], condition=Q(kind="commission"), name="commission_is_booked_once"
            ),
            models.UniqueConstraint(
                fields=["commission"], condition=Q(kind="reversal"), name="commission_is_reversed_once"
            ),
            models.CheckConstraint(
                condition=Q(kind="commission", reverses__isnull=True) | Q(kind="reversal", reverses__isnull=False),
                name="reversal_names_its_original",
            ),
        ]
        indexes = [models.Index(fields=["-booked_at"], name="ledger_transfers_by_time")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"


class LedgerEntry(models.Model):
    """One side of a transfer: debits above zero, credits below. Never changes and is never deleted.

    At commit the entries of a transfer sum to zero in each currency and are at least two (a deferred trigger).
    """

    transfer = models.ForeignKey(LedgerTransfer, on_delete=models.PROTECT, related_name="entries")
    account = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="entries")
    amount = AmountField()
    currency = CurrencyField(help_text="The account's currency.")

    class Meta:
        db_table = "ledger_entries"
        verbose_name_plural = "ledger entries"
        constraints = [models.CheckConstraint(condition=~Q(amount=0), name="ledger_entry_is_not_zero")]

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} {self.currency}"
