"""Who sends traffic and where it may go: sources, partners, brands, offers."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from campaigns.domain.macros import validate_offer_url
from tracker_project.common.fields import AmountField, CurrencyField

validate_country = RegexValidator(r"^[A-Z]{2}\Z", "Write a country as two capitals, as in MT.")
validate_parameter = RegexValidator(r"^[A-Za-z0-9_.-]*\Z", "A parameter's name has letters, digits, _ . or - only.")


class TrafficSource(models.Model):
    """A network that sells clicks, and the names of the URL parameters that carry its own facts."""

    name = models.CharField(max_length=100, unique=True)
    click_id_parameter = models.CharField(
        max_length=50,
        blank=True,
        validators=[validate_parameter],
        help_text="The parameter in which the source sends its own click id, such as fbclid or gclid.",
    )
    cost_parameter = models.CharField(
        max_length=50,
        blank=True,
        validators=[validate_parameter],
        help_text="The parameter with the cost of this click, in the campaign's currency.",
    )
    placement_parameter = models.CharField(max_length=50, blank=True, validators=[validate_parameter])
    keyword_parameter = models.CharField(max_length=50, blank=True, validators=[validate_parameter])
    notes = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "traffic_sources"

    def __str__(self) -> str:
        return self.name


class Partner(models.Model):
    """An affiliate's identity: who brought a player. Terms and money are in affiliates."""

    name = models.CharField(max_length=100, unique=True)
    tag = models.CharField(
        max_length=50,
        unique=True,
        validators=[RegexValidator(r"^[A-Za-z0-9_-]+\Z", "A tag has letters, digits, _ and - only.")],
        help_text="What a casino sends as partner_tag when a player came without a click.",
    )
    is_active = models.BooleanField(default=True)
    notes = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "partners"

    def __str__(self) -> str:
        return self.name


class Brand(models.Model):
    """A casino brand: players belong to one, and it says from which amount on a deposit is valuable."""

    name = models.CharField(max_length=100, unique=True)
    currency = CurrencyField(help_text="The currency of the threshold, such as EUR.")
    valuable_deposit_amount = AmountField(
        default=0, help_text="A confirmed deposit of at least this much counts as valuable."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "brands"
        constraints = [
            models.CheckConstraint(
                condition=Q(valuable_deposit_amount__gte=0), name="valuable_deposit_amount_is_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Offer(models.Model):
    """Where visitors are sent and what a first deposit there is worth.

    `payout` is what we pay a partner, `revenue` what a player or network brings us; both for one first deposit,
    in `currency`.
    """

    name = models.CharField(max_length=100, unique=True)
    brand = models.ForeignKey(Brand, on_delete=models.PROTECT, related_name="offers")
    url = models.TextField(
        "URL template",
        validators=[validate_offer_url],
        help_text="The casino's address with macros, such as https://casino.example/?cid={click_id}&sub={sub_id_1}",
    )
    payout = AmountField(default=0, help_text="What we usually pay a partner for a first deposit.")
    revenue = AmountField(default=0, help_text="What a first deposit brings us.")
    currency = CurrencyField()
    countries = ArrayField(
        models.CharField(max_length=2, validators=[validate_country]),
        blank=True,
        default=list,
        help_text="Countries whose players the offer takes, such as MT,FI. Empty: all.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "offers"
        constraints = [
            models.CheckConstraint(condition=Q(payout__gte=0), name="offer_payout_is_not_negative"),
            models.CheckConstraint(condition=Q(revenue__gte=0), name="offer_revenue_is_not_negative"),
            models.CheckConstraint(condition=Q(url__regex=r"^https?://"), name="offer_url_is_a_web_address"),
        ]

    def __str__(self) -> str:
        return self.name
