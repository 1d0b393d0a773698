"""What campaigns cost, and the exchange rates by which money of other currencies is counted."""

from django.db import models
from django.db.models import Q

from campaigns.models.catalogue import Partner
from campaigns.models.running import Campaign, Creative
from tracker_project.common.fields import AmountField, CurrencyField


class ExchangeRate(models.Model):
    """How many units of `currency` one EUR bought on a day, by `source`. Never changes once used."""

    currency = CurrencyField()
    on_date = models.DateField()
    per_euro = models.DecimalField(max_digits=24, decimal_places=10)
    source = models.CharField(max_length=50, help_text="Who says so, such as ECB or the bank's name.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "exchange_rates"
        constraints = [
            models.UniqueConstraint(fields=["currency", "on_date"], name="one_exchange_rate_per_currency_and_day"),
            models.CheckConstraint(condition=Q(per_euro__gt=0), name="exchange_rate_is_positive"),
        ]

    def __str__(self) -> str:
        return f"1 EUR = {self.per_euro.normalize():f} {self.currency} ({self.on_date})"


class Cost(models.Model):
    """Money that a campaign cost on a day, in the campaign's currency; the cost in click URLs is in the clicks.

    Spend is entered by buyers and may be corrected. Commission is written by affiliates, one row for each booking
    and each reversal (negative), and keeps what was converted: original amount and currency, the rate, its date and
    source.
    """

    class Kind(models.TextChoices):
        SPEND = "spend", "Spend"
        COMMISSION = "commission", "Commission"

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="costs")
    creative = models.ForeignKey(Creative, on_delete=models.PROTECT, null=True, blank=True, related_name="costs")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, null=True, blank=True, related_name="costs")
    on_date = models.DateField("day", help_text="A day of the campaign's time zone.")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.SPEND)
    amount = AmountField()
    currency = CurrencyField(help_text="The campaign's currency.")
    reference = models.CharField(
        max_length=100,
        null=True,
        blank=True,
        editable=False,
        help_text="What a commission row stands for, so that it is written once.",
    )
    original_amount = AmountField(null=True, blank=True, editable=False)
    original_currency = CurrencyField(null=True, blank=True, editable=False)
    exchange_rate = models.DecimalField(max_digits=24, decimal_places=10, null=True, blank=True, editable=False)
    exchange_rate_on = models.DateField(null=True, blank=True, editable=False)
    exchange_rate_source = models.CharField(max_length=50, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "costs"
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "creative", "on_date"],
                condition=Q(kind="spend"),
                nulls_distinct=False,
                name="one_spend_per_campaign_creative_and_day",
            ),
            models.UniqueConstraint(fields=["reference"], name="one_cost_per_reference"),
            models.CheckConstraint(condition=Q(kind__in=["spend", "commission"]), name="cost_kind_is_known"),
            models.CheckConstraint(condition=~Q(kind="spend") | Q(amount__gte=0), name="spend_is_not_negative"),
            models.CheckConstraint(
                condition=~Q(kind="commission")
                | Q(
                    partner__isnull=False,
                    reference__isnull=False,
                    original_amount__isnull=False,
                    original_currency__isnull=False,
                    exchange_rate__isnull=False,
                    exchange_rate_on__isnull=False,
                ),
                name="commission_cost_keeps_its_origin",
            ),
        ]
        indexes = [models.Index(fields=["campaign", "on_date"], name="costs_by_campaign_and_day")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.on_date}"
