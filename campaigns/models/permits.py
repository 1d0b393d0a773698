"""What is allowed where: gambling licences of offers, and advertising platforms' permissions."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from campaigns.models.catalogue import Offer, validate_country

validate_region = RegexValidator(r"^[A-Z0-9]{1,3}\Z", "Write a region as the end of its ISO 3166-2 code, as NJ.")


class Licence(models.Model):
    """One place where an offer may be shown, by which licence and for how long. Days are UTC, both included."""

    offer = models.ForeignKey(Offer, on_delete=models.CASCADE, related_name="licences")
    jurisdiction = models.CharField(max_length=100, help_text="Who granted it, such as Malta Gaming Authority.")
    number = models.CharField(max_length=100)
    country = models.CharField(max_length=2, validators=[validate_country])
    region = models.CharField(
        max_length=3,
        blank=True,
        validators=[validate_region],
        help_text="The end of the ISO 3166-2 code, such as NJ. Empty: the whole country.",
    )
    city = models.CharField(max_length=100, blank=True, help_text="In English. Empty: the whole region or country.")
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True, help_text="The last day. Empty: no end is known.")

    class Meta:
        db_table = "licences"
        constraints = [
            models.UniqueConstraint(
                fields=["offer", "number", "country", "region", "city", "valid_from"], name="one_licence_row_per_place"
            ),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from")),
                name="licence_ends_after_it_starts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.jurisdiction} {self.number}: {self.place}"

    @property
    def place(self) -> str:
        return ", ".join(part for part in (self.city, self.region, self.country) if part)


class AdvertisingAccount(models.Model):
    """An account with an advertising platform, as the platform numbers it."""

    class Platform(models.TextChoices):
        META = "meta", "Meta"
        GOOGLE = "google", "Google"
        TIKTOK = "tiktok", "TikTok"
        OTHER = "other", "Other"

    platform = models.CharField(max_length=10, choices=Platform)
    account_id = models.CharField("account number", max_length=64)
    name = models.CharField(max_length=100)
    notes = models.TextField(blank=True)

    class Meta:
        db_table = "advertising_accounts"
        constraints = [
            models.UniqueConstraint(fields=["platform", "account_id"], name="one_account_per_platform_and_number"),
            models.CheckConstraint(
                condition=Q(platform__in=["meta", "google", "tiktok", "other"]), name="account_platform_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_platform_display()}: {self.name}"


class PlatformPermission(models.Model):
    """A platform's word that an account may advertise gambling: in a country, for a domain, until a day."""

    account = models.ForeignKey(AdvertisingAccount, on_delete=models.CASCADE, related_name="permissions")
    country = models.CharField(max_length=2, validators=[validate_country])
    domain = models.CharField(
        max_length=253, blank=True, help_text="Such as casino.example. Empty: the platform named none."
    )
    offer = models.ForeignKey(
        Offer, on_delete=models.PROTECT, null=True, blank=True, related_name="permissions", help_text="Empty: all."
    )
    reference = models.CharField(max_length=100, blank=True, help_text="The certificate or case number.")
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True, help_text="The last day. Empty: no end is known.")

    class Meta:
        db_table = "platform_permissions"
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from")),
                name="permission_ends_after_it_starts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} in {self.country}"
