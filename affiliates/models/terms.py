"""What partners are promised: commission plans, their versions, and each partner's account."""

from django.db import models
from django.db.models import Q

from campaigns.models import Partner
from tracker_project.common.fields import AmountField, CurrencyField


class CommissionPlan(models.Model):
    """A named set of terms that partners are paid by, in one currency.

    The currency never changes once the plan has a version (a trigger refuses it).
    """

    name = models.CharField(max_length=100, unique=True)
    currency = CurrencyField(help_text="Partners on this plan are paid in it, such as EUR.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "commission_plans"

    def __str__(self) -> str:
        return self.name


class CommissionPlanVersion(models.Model):
    """A plan's figures from `starts_at` on, until the next version of the same plan.

    Never changes once it has started or a commission names it (a trigger refuses it): new figures are a new version.
    """

    plan = models.ForeignKey(CommissionPlan, on_delete=models.PROTECT, related_name="versions")
    starts_at = models.DateTimeField(help_text="First deposits from this instant on are paid by these figures.")
    cpa_amount = AmountField(
        "commission", help_text="For each player whose first deposit qualifies, in the plan's currency."
    )
    minimum_deposit = AmountField(
        default=0, help_text="A first deposit of less than this earns nothing, in the plan's currency."
    )
    hold_days = models.PositiveSmallIntegerField(
        default=14, help_text="Days from the first deposit until its commission can be paid."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "commission_plan_versions"
        constraints = [
            models.UniqueConstraint(fields=["plan", "starts_at"], name="one_plan_version_per_start"),
            models.CheckConstraint(condition=Q(cpa_amount__gt=0), name="cpa_amount_is_positive"),
            models.CheckConstraint(condition=Q(minimum_deposit__gte=0), name="minimum_deposit_is_not_negative"),
            models.CheckConstraint(condition=Q(hold_days__gte=0, hold_days__lte=365), name="hold_is_at_most_a_year"),
        ]

    def __str__(self) -> str:
        return f"from {self.starts_at:%Y-%m-%d %H:%M}"


class PartnerAccount(models.Model):
    """A partner as somebody who is paid: his plan and the name on his statements. Without one he earns nothing."""

    partner = models.OneToOneField(Partner, on_delete=models.PROTECT, related_name="account")
    plan = models.ForeignKey(CommissionPlan, on_delete=models.PROTECT, related_name="partner_accounts")
    is_active = models.BooleanField(default=True, help_text="Off: nothing new is booked; what is booked stays owed.")
    legal_name = models.CharField(max_length=200, help_text="Who is paid, as it stands on the contract.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "partner_accounts"
        constraints = [models.CheckConstraint(condition=~Q(legal_name=""), name="partner_account_has_a_legal_name")]

    def __str__(self) -> str:
        return self.legal_name
