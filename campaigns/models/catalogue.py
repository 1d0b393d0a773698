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

    class Platform(models.TextChoices):
        META = "meta", "Meta"
        GOOGLE = "google", "Google"
        TIKTOK = "tiktok", "TikTok"
        OTHER = "other", "Other"

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
        help_text="The parameter with the cost of this click.",
    )
    cost_currency = CurrencyField(blank=True, help_text="The currency of that cost. Empty: the campaign's currency.")
    placement_parameter = models.CharField(max_length=50, blank=True, validators=[validate_parameter])
    keyword_parameter = models.CharField(max_length=50, blank=True, validators=[validate_parameter])
    platform = models.CharField(
        max_length=10,
        choices=Platform,
        default=Platform.OTHER,
        help_text="Meta, Google and TikTok ask for a permission to advertise gambling.",
    )
    click_url_parameters = models.TextField(
        blank=True,
        help_text="What to add to a tracking link in the source's own editor, such as sub_id_1={{ad.id}}.",
    )
    tracks_in_parallel = models.BooleanField(
        default=False,
        help_text="The browser goes straight to the landing page while the link is called in the background "
        "(Google Ads, Microsoft Ads). Flows do not route such clicks.",
    )
    notes = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "traffic_sources"
        constraints = [
            models.CheckConstraint(
                condition=Q(platform__in=["meta", "google", "tiktok", "other"]), name="source_platform_is_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SourceParameter(models.Model):
    """One more parameter of a source under our name for it, such as its utm_content as sub id 3."""

    class Name(models.TextChoices):
        SUB_ID_1 = "sub_id_1", "Sub id 1"
        SUB_ID_2 = "sub_id_2", "Sub id 2"
        SUB_ID_3 = "sub_id_3", "Sub id 3"
        SUB_ID_4 = "sub_id_4", "Sub id 4"
        SUB_ID_5 = "sub_id_5", "Sub id 5"
        SUB_ID_6 = "sub_id_6", "Sub id 6"
        SUB_ID_7 = "sub_id_7", "Sub id 7"
        SUB_ID_8 = "sub_id_8", "Sub id 8"
        SUB_ID_9 = "sub_id_9", "Sub id 9"
        SUB_ID_10 = "sub_id_10", "Sub id 10"
        KEYWORD = "keyword", "Keyword"
        PLACEMENT = "placement", "Placement"
        EXTERNAL_ID = "external_id", "The source's click id"

    source = models.ForeignKey(TrafficSource, on_delete=models.CASCADE, related_name="parameters")
    name = models.CharField("is kept as", max_length=20, choices=Name)
    parameter = models.CharField(
        max_length=50, validators=[validate_parameter], help_text="Its name in the click's URL."
    )

    class Meta:
        db_table = "source_parameters"
        constraints = [
            models.UniqueConstraint(fields=["source", "name", "parameter"], name="a_source_parameter_once"),
            models.CheckConstraint(condition=~Q(parameter=""), name="source_parameter_is_named"),
        ]

    def __str__(self) -> str:
        return f"{self.parameter} as {self.get_name_display()}"


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
    is_licensed_only = models.BooleanField(
        "needs a licence",
        default=True,
        help_text="Only visitors from a place that one of its licences covers reach it. Untick for an offer that "
        "needs no licence.",
    )
    alternative = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Where visitors go once a cap of this offer is reached.",
    )
    notes = models.TextField(blank=True)
    is_archived = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "offers"
        constraints = [
            models.CheckConstraint(condition=Q(payout__gte=0), name="offer_payout_is_not_negative"),
            models.CheckConstraint(condition=Q(revenue__gte=0), name="offer_revenue_is_not_negative"),
            models.CheckConstraint(condition=Q(url__regex=r"^https?://"), name="offer_url_is_a_web_address"),
            models.CheckConstraint(
                condition=Q(alternative__isnull=True) | ~Q(alternative=models.F("id")),
                name="an_offer_is_not_its_own_alternative",
            ),
        ]

    def __str__(self) -> str:
        return self.name
