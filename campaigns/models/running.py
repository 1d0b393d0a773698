"""What is running: campaigns, creatives, goals, tracking links, and the version that edges watch."""

import secrets

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now, Upper

from campaigns.domain.macros import validate_landing_page_url
from campaigns.models.catalogue import Offer, Partner, TrafficSource
from tracker_project.common.fields import AmountField, CurrencyField
from tracker_project.common.time import validate_time_zone

# No vowels and no look-alikes: codes spell no words and can be read out.
_CODE_LETTERS = "23456789bcdfghjkmnpqrstvwxz"


def new_link_code() -> str:
    """Return a random short code of 8 letters (2.8e11 of them)."""
    return "".join(secrets.choice(_CODE_LETTERS) for _ in range(8))


class Campaign(models.Model):
    """A buyer's campaign: one source, where its visitors go, a budget, and how its cost is counted.

    An active campaign has an offer of its own or an active flow that leads somewhere (a trigger sees to it).
    """

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        ARCHIVED = "archived", "Archived"

    class CostModel(models.TextChoices):
        CPC = "cpc", "CPC: cost per click"
        CPA = "cpa", "CPA: cost per first deposit"

    class FlowChoice(models.TextChoices):
        POSITION = "position", "By position: the first that takes the visitor"
        WEIGHT = "weight", "By weight: a draw among those that take the visitor"

    class UnknownGeography(models.TextChoices):
        FALLBACK = "fallback", "Send to the fallback"
        ALLOW = "allow", "Send on as if the licence covered them"

    class Uniqueness(models.TextChoices):
        VISITOR_KEY = "visitor_key", "Visitor key: address and browser, within a day"
        COOKIE = "cookie", "Cookie where consent allows, else visitor key"

    class Pacing(models.TextChoices):
        NONE = "none", "As it comes"
        EVEN = "even", "Evenly over the day"

    name = models.CharField(max_length=100, unique=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    source = models.ForeignKey(TrafficSource, on_delete=models.PROTECT, related_name="campaigns")
    offer = models.ForeignKey(
        Offer,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="campaigns",
        help_text="Where visitors go whom no flow takes. May be empty where flows lead on.",
    )
    cost_model = models.CharField(
        max_length=3,
        choices=CostModel,
        default=CostModel.CPC,
        help_text="CPC: cost comes from the click's URL and from cost rows. CPA: cost is partners' commissions.",
    )
    budget = AmountField(null=True, blank=True, help_text="For the whole campaign, in its currency. Empty: none set.")
    currency = CurrencyField(help_text="Cost and CPA of the campaign are shown in it, such as EUR.")
    time_zone = models.CharField(
        max_length=50, default="UTC", validators=[validate_time_zone], help_text="Its days begin at midnight there."
    )
    flow_choice = models.CharField("regular flows", max_length=10, choices=FlowChoice, default=FlowChoice.POSITION)
    fallback_url = models.TextField(
        "fallback URL",
        blank=True,
        validators=[validate_landing_page_url],
        help_text="Where visitors go whom no offer may take: outside all licences, or with all caps reached. "
        "Empty: a page says that the offer is not available.",
    )
    unknown_geography = models.CharField(
        "visitors from an unknown place", max_length=10, choices=UnknownGeography, default=UnknownGeography.FALLBACK
    )
    uniqueness = models.CharField(
        "repeat visitors are known by", max_length=12, choices=Uniqueness, default=Uniqueness.VISITOR_KEY
    )
    uniqueness_hours = models.PositiveSmallIntegerField(
        default=24, help_text="A visitor's click is unique again after so many hours. A visitor key lasts 48 at most."
    )
    counts_staff = models.BooleanField(
        "count clicks of staff", default=False, help_text="Clicks of staff are always kept, marked as such."
    )
    own_hosts = ArrayField(
        models.CharField(max_length=253),
        blank=True,
        default=list,
        help_text="Hosts of pages that carry /t.js or that {lpurl} may name, such as casino.example,lp.example.",
    )
    daily_budget = AmountField(null=True, blank=True, help_text="For a day of its time zone, in its currency.")
    pacing = models.CharField(max_length=5, choices=Pacing, default=Pacing.NONE)
    stops_at_budget = models.BooleanField(
        default=False, help_text="Send visitors to the fallback once the day's budget is used."
    )
    alert_percent = models.PositiveSmallIntegerField(
        default=80, help_text="Alert when so much of a budget or a cap is used."
    )
    advertising_account = models.ForeignKey(
        "campaigns.AdvertisingAccount", on_delete=models.PROTECT, null=True, blank=True, related_name="campaigns"
    )
    notes = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "campaigns"
        constraints = [
            models.CheckConstraint(condition=Q(flow_choice__in=["position", "weight"]), name="flow_choice_is_known"),
            models.CheckConstraint(
                condition=Q(unknown_geography__in=["fallback", "allow"]), name="unknown_geography_is_known"
            ),
            models.CheckConstraint(condition=Q(uniqueness__in=["visitor_key", "cookie"]), name="uniqueness_is_known"),
            models.CheckConstraint(
                condition=Q(uniqueness_hours__gte=1, uniqueness_hours__lte=720), name="uniqueness_lasts_1_to_720_hours"
            ),
            models.CheckConstraint(condition=Q(pacing__in=["none", "even"]), name="pacing_is_known"),
            models.CheckConstraint(
                condition=Q(daily_budget__isnull=True) | Q(daily_budget__gt=0), name="daily_budget_is_positive"
            ),
            models.CheckConstraint(
                condition=Q(alert_percent__gte=1, alert_percent__lte=100), name="alert_percent_is_1_to_100"
            ),
            models.CheckConstraint(
                condition=Q(fallback_url="") | Q(fallback_url__regex=r"^https?://"),
                name="fallback_url_is_a_web_address",
            ),
            models.CheckConstraint(condition=Q(status__in=["active", "paused", "archived"]), name="campaign_status"),
            models.CheckConstraint(condition=Q(cost_model__in=["cpc", "cpa"]), name="campaign_cost_model"),
            models.CheckConstraint(condition=Q(budget__isnull=True) | Q(budget__gte=0), name="budget_is_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name


class Creative(models.Model):
    """One advertisement of a campaign, under the name that the source's reports use."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="creatives")
    name = models.CharField(max_length=100)
    notes = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "creatives"
        constraints = [
            models.UniqueConstraint(fields=["campaign", "name"], name="one_creative_per_name_and_campaign"),
        ]

    def __str__(self) -> str:
        return self.name


class Goal(models.Model):
    """How many events of a kind a campaign is to reach; what is reached so far is queried, never stored."""

    class Event(models.TextChoices):
        CLICK = "click", "Clicks"
        REGISTRATION = "registration", "Registrations"
        FIRST_DEPOSIT = "first_deposit", "First deposits"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="goals")
    event = models.CharField(max_length=20, choices=Event)
    target = models.PositiveIntegerField()

    class Meta:
        db_table = "goals"
        constraints = [
            models.UniqueConstraint(fields=["campaign", "event"], name="one_goal_per_event_and_campaign"),
            models.CheckConstraint(condition=Q(target__gt=0), name="goal_target_is_positive"),
            models.CheckConstraint(
                condition=Q(event__in=["click", "registration", "first_deposit"]), name="goal_event_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.target} {self.get_event_display().lower()}"


class TrackingLink(models.Model):
    """A short code that visitors click: whose campaign, which creative, which partner.

    Its campaign, creative and partner may change; `LinkTerms` keeps what they were (a trigger writes it).
    """

    # The id is part of each click id as four bytes.
    id = models.AutoField(primary_key=True)
    code = models.CharField(
        max_length=32,
        unique=True,
        default=new_link_code,
        validators=[RegexValidator(r"^[A-Za-z0-9_-]+\Z", "A code has letters, digits, _ and - only.")],
    )
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="links")
    creative = models.ForeignKey(Creative, on_delete=models.PROTECT, null=True, blank=True, related_name="links")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, null=True, blank=True, related_name="links")
    promo_code = models.CharField(
        max_length=50,
        blank=True,
        help_text="Players who register with this code without a click are credited to this link.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "tracking_links"
        constraints = [
            models.UniqueConstraint(Upper("promo_code"), condition=~Q(promo_code=""), name="one_link_per_promo_code"),
        ]

    def __str__(self) -> str:
        return self.code


class LinkTerms(models.Model):
    """What a link stood for from `starts_at` on, until the next row of the same link. Never changes."""

    link = models.ForeignKey(TrackingLink, on_delete=models.PROTECT, related_name="terms")
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="+")
    creative = models.ForeignKey(Creative, on_delete=models.PROTECT, null=True, related_name="+")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, null=True, related_name="+")
    starts_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "link_terms"
        verbose_name_plural = "link terms"
        indexes = [models.Index(fields=["link", "-starts_at"], name="link_terms_by_time")]

    def __str__(self) -> str:
        return f"link {self.link_id} from {self.starts_at:%Y-%m-%d %H:%M}"


class RoutingVersion(models.Model):
    """One row: the version of all that edges route by. Statement triggers raise it; edges poll it."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    version = models.BigIntegerField(default=1)

    class Meta:
        db_table = "routing_version"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_routing_version")]

    def __str__(self) -> str:
        return str(self.version)
