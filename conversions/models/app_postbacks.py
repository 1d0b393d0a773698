"""What Apple's devices tell of installs, anonymously: kept apart from players, conversions and money."""

from typing import Any

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from campaigns.models import Campaign

_SKADNETWORK = Q(framework="skadnetwork")
_ADATTRIBUTIONKIT = Q(framework="adattributionkit")
# Source identifiers, conversion windows and coarse values came with SKAdNetwork 4.0.
_WITH_WINDOWS = Q(version="4.0") | _ADATTRIBUTIONKIT
_WITHOUT_WINDOWS = Q(version__in=["2.1", "2.2", "3.0"])


class AppPostback(models.Model):
    """One postback that Apple signed about one install or re-engagement, as it was first received; never changes.

    It names nobody. Conversion value, coarse value, interaction and country are not under Apple's signature: whoever
    passes a postback on can change them. Empty text and null mean that the postback does not say.
    """

    class Framework(models.TextChoices):
        SKADNETWORK = "skadnetwork", "SKAdNetwork"
        ADATTRIBUTIONKIT = "adattributionkit", "AdAttributionKit"

    class ConversionType(models.TextChoices):
        DOWNLOAD = "download", "Download"
        REDOWNLOAD = "redownload", "Redownload"
        RE_ENGAGEMENT = "re-engagement", "Re-engagement"

    class Interaction(models.TextChoices):
        VIEW = "view", "Viewed"
        CLICK = "click", "Clicked"

    class CoarseValue(models.TextChoices):
        LOW = "low", "Low"
        MEDIUM = "medium", "Medium"
        HIGH = "high", "High"

    class Fidelity(models.IntegerChoices):
        VIEW_THROUGH = 0, "View-through"
        STOREKIT = 1, "Rendered by StoreKit"

    class Window(models.IntegerChoices):
        FIRST = 0, "Days 0–2"
        SECOND = 1, "Days 3–7"
        THIRD = 2, "Days 8–35"

    framework = models.CharField(max_length=16, choices=Framework)
    version = models.CharField(max_length=3, blank=True, help_text="SKAdNetwork's; AdAttributionKit names none.")
    postback_id = models.CharField(
        "identity", max_length=100, help_text="SKAdNetwork's transaction id or the postback identifier."
    )
    ad_network_id = models.CharField("ad network", max_length=100)
    source_identifier = models.CharField(
        max_length=4, blank=True, help_text="Two to four digits of the network's own identifier."
    )
    campaign_number = models.PositiveSmallIntegerField(
        "network's campaign",
        null=True,
        blank=True,
        help_text="Before SKAdNetwork 4.0, 1 to 100; the network's, not ours.",
    )
    app_id = models.BigIntegerField("advertised app", help_text="Its number in the App Store.")
    conversion_type = models.CharField(max_length=13, choices=ConversionType)
    source_app_id = models.BigIntegerField(
        "publishing app", null=True, blank=True, help_text="Where the ad was shown; 0 in tests."
    )
    source_domain = models.CharField("publishing site", max_length=253, blank=True)
    marketplace = models.CharField(max_length=200, blank=True)
    fidelity = models.PositiveSmallIntegerField(null=True, blank=True, choices=Fidelity)
    interaction = models.CharField(max_length=5, blank=True, choices=Interaction)
    did_win = models.BooleanField(
        null=True, help_text="Whether the install was credited to this ad; unsaid before 3.0."
    )
    window = models.PositiveSmallIntegerField(
        null=True, blank=True, choices=Window, help_text="Unsaid before SKAdNetwork 4.0, which sends one postback."
    )
    conversion_value = models.PositiveSmallIntegerField(
        "fine value", null=True, blank=True, help_text="0 to 63, set by the app; unsigned."
    )
    coarse_value = models.CharField(max_length=6, blank=True, choices=CoarseValue)
    country = models.CharField(max_length=2, blank=True)
    is_test = models.BooleanField("test", default=False, help_text="From a developer's device or build: never counted.")
    signature = models.TextField(help_text="Apple's, to be verified again by whoever doubts the row.")
    received_at = models.DateTimeField()

    class Meta:
        db_table = "app_postbacks"
        verbose_name = "Apple postback"
        constraints = [
            models.UniqueConstraint(
                fields=["postback_id", "window"],
                condition=_SKADNETWORK,
                nulls_distinct=False,
                name="one_app_postback_per_transaction_and_window",
            ),
            models.UniqueConstraint(
                fields=["postback_id"], condition=_ADATTRIBUTIONKIT, name="one_app_postback_per_identifier"
            ),
            models.CheckConstraint(
                condition=_SKADNETWORK & Q(version__in=["2.1", "2.2", "3.0", "4.0"])
                | _ADATTRIBUTIONKIT & Q(version=""),
                name="app_postback_framework_and_version_are_known",
            ),
            models.CheckConstraint(
                condition=~Q(postback_id="") & ~Q(ad_network_id="") & ~Q(signature=""), name="app_postback_has_its_ids"
            ),
            models.CheckConstraint(
                condition=_WITH_WINDOWS & Q(source_identifier__regex=r"^[0-9]{2,4}$", campaign_number__isnull=True)
                | _WITHOUT_WINDOWS
                & Q(source_identifier="", campaign_number__isnull=False, campaign_number__range=(1, 100)),
                name="app_postback_names_its_source",
            ),
            models.CheckConstraint(
                condition=Q(app_id__gte=1) & (Q(source_app_id__isnull=True) | Q(source_app_id__gte=0)),
                name="app_postback_apps_are_numbers",
            ),
            models.CheckConstraint(
                condition=(Q(source_domain="") | Q(version="4.0", source_app_id__isnull=True))
                & (Q(marketplace="") | _ADATTRIBUTIONKIT),
                name="app_postback_comes_from_one_place",
            ),
            models.CheckConstraint(
                condition=Q(conversion_type__in=["download", "redownload"])
                | _ADATTRIBUTIONKIT & Q(conversion_type="re-engagement"),
                name="app_postback_conversion_type_is_known",
            ),
            models.CheckConstraint(
                condition=_SKADNETWORK & Q(version="2.1", fidelity__isnull=True, interaction="")
                | _SKADNETWORK & ~Q(version="2.1") & Q(fidelity__isnull=False, fidelity__in=[0, 1], interaction="")
                | _ADATTRIBUTIONKIT & Q(fidelity__isnull=True, interaction__in=["view", "click"]),
                name="app_postback_interaction_is_known",
            ),
            models.CheckConstraint(
                condition=Q(version__in=["2.1", "2.2"], did_win__isnull=True)
                | ~Q(version__in=["2.1", "2.2"]) & Q(did_win__isnull=False),
                name="app_postback_says_who_won",
            ),
            models.CheckConstraint(
                condition=_WITHOUT_WINDOWS & Q(window__isnull=True)
                | _WITH_WINDOWS & Q(window__isnull=False, window__range=(0, 2)),
                name="app_postback_window_is_known",
            ),
            models.CheckConstraint(
                condition=Q(conversion_value__isnull=True) | Q(conversion_value__range=(0, 63)),
                name="app_postback_fine_value_is_six_bits",
            ),
            models.CheckConstraint(
                condition=Q(coarse_value="")
                | _WITH_WINDOWS & Q(coarse_value__in=["low", "medium", "high"], conversion_value__isnull=True),
                name="app_postback_has_one_value_at_most",
            ),
            models.CheckConstraint(
                condition=Q(country="") | Q(country__regex=r"^[A-Z]{2}$"), name="app_postback_country_is_two_letters"
            ),
        ]
        indexes = [models.Index(fields=["received_at"], name="app_postbacks_by_time")]

    def __str__(self) -> str:
        return f"{self.get_framework_display()} {self.postback_id}"


class AppPostbackConflict(models.Model):
    """A postback that came again with one field otherwise, answered 409; kept once for each thing that was said."""

    postback = models.ForeignKey(AppPostback, on_delete=models.PROTECT, related_name="conflicts")
    field = models.CharField(max_length=50, help_text="The field that differs.")
    held: Any = models.JSONField("we hold", null=True)
    reported: Any = models.JSONField("the later one said", null=True)
    received_at = models.DateTimeField()

    class Meta:
        db_table = "app_postback_conflicts"
        verbose_name = "contradicting Apple postback"
        constraints = [
            models.UniqueConstraint(
                fields=["postback", "field", "reported"],
                nulls_distinct=False,
                name="one_app_postback_conflict_per_report",
            ),
            models.CheckConstraint(condition=~Q(field=""), name="app_postback_conflict_names_its_field"),
        ]
        indexes = [models.Index(fields=["received_at"], name="app_conflicts_by_time")]

    def __str__(self) -> str:
        return f"{self.postback}: {self.field}"


class SourceIdentifier(models.Model):
    """What an ad network's source identifier stands for, as a person entered it; only reports read it.

    Apple shortens an identifier from the left when few people saw the ad, so a longer one that ends in these digits
    stands for the same campaign, unless a row for more of its digits says otherwise.
    """

    ad_network_id = models.CharField(
        "ad network", max_length=100, help_text="As in its postbacks, such as example123.skadnetwork."
    )
    identifier = models.CharField(
        max_length=4,
        validators=[RegexValidator(r"^[0-9]{1,4}\Z", "One to four digits.")],
        help_text="Two to four digits, the last ones of the network's identifier; before SKAdNetwork 4.0 its campaign "
        "number.",
    )
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="source_identifiers")

    class Meta:
        db_table = "source_identifiers"
        constraints = [
            models.UniqueConstraint(
                fields=["ad_network_id", "identifier"], name="one_campaign_per_network_and_source_identifier"
            ),
            models.CheckConstraint(
                condition=Q(identifier__regex=r"^[0-9]{1,4}$") & ~Q(ad_network_id=""),
                name="source_identifier_is_digits_of_a_network",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.identifier} of {self.ad_network_id}"
