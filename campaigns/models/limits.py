"""How much is enough: caps on clicks and conversions, what a day has cost, and the alerts that follow."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from campaigns.models.catalogue import Offer
from campaigns.models.flows import Flow
from campaigns.models.running import Campaign
from tracker_project.common.fields import AmountField
from tracker_project.common.time import validate_time_zone


class Cap(models.Model):
    """The most clicks, registrations or first deposits that a campaign, an offer or a flow takes."""

    class Event(models.TextChoices):
        CLICK = "click", "Clicks"
        REGISTRATION = "registration", "Registrations"
        FIRST_DEPOSIT = "first_deposit", "First deposits"

    class Period(models.TextChoices):
        DAY = "day", "a day"
        TOTAL = "total", "in all"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, null=True, blank=True, related_name="caps")
    offer = models.ForeignKey(Offer, on_delete=models.CASCADE, null=True, blank=True, related_name="caps")
    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, null=True, blank=True, related_name="caps")
    event = models.CharField(max_length=15, choices=Event, default=Event.CLICK)
    period = models.CharField(max_length=5, choices=Period, default=Period.DAY)
    limit = models.PositiveIntegerField("at most")
    time_zone = models.CharField(
        max_length=50,
        default="UTC",
        validators=[validate_time_zone],
        help_text="An offer's day begins at midnight there; a campaign's and a flow's in the campaign's time zone.",
    )

    class Meta:
        db_table = "caps"
        constraints = [
            models.CheckConstraint(
                condition=Q(campaign__isnull=False, offer__isnull=True, flow__isnull=True)
                | Q(campaign__isnull=True, offer__isnull=False, flow__isnull=True)
                | Q(campaign__isnull=True, offer__isnull=True, flow__isnull=False),
                name="a_cap_is_of_one_thing",
            ),
            models.UniqueConstraint(
                fields=["campaign", "offer", "flow", "event", "period"], nulls_distinct=False, name="one_cap_of_a_kind"
            ),
            models.CheckConstraint(
                condition=Q(event__in=["click", "registration", "first_deposit"]), name="cap_event_is_known"
            ),
            models.CheckConstraint(condition=Q(period__in=["day", "total"]), name="cap_period_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.limit} {self.get_event_display().lower()} {self.get_period_display()}"


class CapUse(models.Model):
    """How much of a cap one counter has seen used: each edge counts clicks, the counter `conversions` the rest.

    A cap's use is the sum over its counters. `day` is the cap's day, empty for a cap in all. A counter writes what it
    has counted so far, never an increase; those of processes long gone are folded into one (`fold_cap_uses`).
    """

    cap = models.ForeignKey(Cap, on_delete=models.CASCADE, related_name="uses")
    day = models.DateField(null=True)
    counter = models.CharField(max_length=64)
    uses = models.BigIntegerField()
    updated_at = models.DateTimeField(auto_now=True, db_default=Now())

    class Meta:
        db_table = "cap_uses"
        constraints = [
            models.UniqueConstraint(fields=["cap", "day", "counter"], nulls_distinct=False, name="one_use_per_counter"),
            models.CheckConstraint(condition=Q(uses__gte=0), name="cap_uses_are_not_negative"),
            models.CheckConstraint(condition=~Q(counter=""), name="cap_use_names_its_counter"),
        ]

    def __str__(self) -> str:
        return f"{self.uses} by {self.counter}"


class CampaignSpend(models.Model):
    """What one counter has seen a campaign cost on a day of its time zone, in its currency.

    Each edge counts what its clicks cost, the counter `costs` the rows of costs: spend and commissions. A day's spend
    is the sum over its counters; edges stop a campaign by it. Counters write as those of `CapUse` do.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="spends")
    day = models.DateField()
    counter = models.CharField(max_length=64)
    amount = AmountField()
    updated_at = models.DateTimeField(auto_now=True, db_default=Now())

    class Meta:
        db_table = "campaign_spends"
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "day", "counter"], name="one_spend_per_campaign_day_and_counter"
            ),
            models.CheckConstraint(condition=~Q(counter=""), name="spend_names_its_counter"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} on {self.day} by {self.counter}"


class CampaignAlert(models.Model):
    """Something that a buyer should know of a campaign; told once for each thing and day."""

    class Kind(models.TextChoices):
        BUDGET_SHARE = "budget_share", "Budget nearly used"
        BUDGET_REACHED = "budget_reached", "Budget reached"
        CAP_SHARE = "cap_share", "Cap nearly used"
        CAP_REACHED = "cap_reached", "Cap reached"
        LICENCE_ENDS = "licence_ends", "Licence ends"
        PERMISSION_ENDS = "permission_ends", "Permission ends"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="alerts")
    kind = models.CharField(max_length=20, choices=Kind)
    subject = models.CharField(max_length=100, blank=True, help_text="What it is about, such as cap 7.")
    day = models.DateField()
    text = models.TextField()
    created_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "campaign_alerts"
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "kind", "subject", "day"], name="one_alert_per_subject_and_day"
            ),
        ]
        indexes = [models.Index(fields=["-created_at"], name="alerts_by_time")]

    def __str__(self) -> str:
        return self.text
