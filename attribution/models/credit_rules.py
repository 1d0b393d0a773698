"""Rules of credit: how old a touch may be, which channel goes before which, and what a later touch may override."""

from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from campaigns.models import Brand, Campaign

_LONGEST_HOURS = 24 * 400


class Channel(models.TextChoices):
    """By what a player was touched."""

    CLICK = "click", "Click"
    INSTALL = "install", "App install"
    PROMO_CODE = "promo_code", "Promo code"
    PARTNER_TAG = "partner_tag", "Partner tag"
    VIEW = "view", "View"


def default_channels() -> list[str]:
    """Return the channels that are credited where no rule says otherwise, the strongest first."""
    return [Channel.CLICK, Channel.INSTALL, Channel.PROMO_CODE, Channel.PARTNER_TAG]


class CreditRule(models.Model):
    """One version of the terms by which credit is given: of a campaign, of a brand, or for all that have none.

    In force for registrations from `starts_at` until `ends_at`. Never changes but that it ends (a trigger refuses
    it): other terms are another version. Where no version is in force the defaults of these columns hold.
    """

    class LaterTouch(models.TextChoices):
        LATEST = "latest", "The latest touch is credited"
        FIRST_PARTNER = "first_partner", "The partner who was first keeps the player"
        EARLIEST = "earliest", "The earliest touch is credited"

    brand = models.ForeignKey(
        Brand,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="credit_rules",
        help_text="For the players of one brand.",
    )
    campaign = models.ForeignKey(
        Campaign,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="credit_rules",
        help_text="For touches of one campaign; it goes before its brand's.",
    )
    version = models.PositiveIntegerField()
    starts_at = models.DateTimeField(help_text="Registrations from this instant on are credited by it.")
    ends_at = models.DateTimeField(null=True, blank=True)
    click_hours = models.PositiveIntegerField("click to registration, hours", default=24 * 30)
    install_hours = models.PositiveIntegerField("click to install, hours", default=24 * 7)
    view_hours = models.PositiveIntegerField("view to registration, hours", default=24)
    deposit_days = models.PositiveIntegerField(
        "registration to deposit, days",
        null=True,
        blank=True,
        help_text="Later deposits are credited to nobody. Empty: credit is for the player's life.",
    )
    channels = ArrayField(
        models.CharField(max_length=11, choices=Channel),
        default=default_channels,
        help_text="What may be credited, the strongest first.",
    )
    later_touch = models.CharField(
        "where several partners brought him", max_length=13, choices=LaterTouch, default=LaterTouch.LATEST
    )
    protected_seconds = models.PositiveIntegerField(
        default=60,
        help_text="A partner's click or tag so short before the registration takes no player from a partner who was "
        "there before. 0: it does.",
    )
    credits_same_visitor = models.BooleanField(
        "credit touches known by the visitor's key alone",
        default=False,
        help_text="The same address and browser on the same day: mostly, but not always, the same person.",
    )
    reengagement_days = models.PositiveIntegerField(
        "re-engagement after days without a deposit",
        null=True,
        blank=True,
        default=30,
        help_text="A touch after so long a pause is shown as a re-engagement; credit stays. Empty: none is shown.",
    )
    reason = models.CharField(max_length=500, blank=True, help_text="Why the terms were changed.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()

    TERMS: ClassVar[list[str]] = [
        "click_hours",
        "install_hours",
        "view_hours",
        "deposit_days",
        "channels",
        "later_touch",
        "protected_seconds",
        "credits_same_visitor",
        "reengagement_days",
    ]

    class Meta:
        db_table = "credit_rules"
        constraints = [
            models.UniqueConstraint(
                fields=["brand", "campaign", "version"], name="one_credit_rule_per_version", nulls_distinct=False
            ),
            models.UniqueConstraint(
                fields=["brand", "campaign", "starts_at"], name="one_credit_rule_per_start", nulls_distinct=False
            ),
            models.UniqueConstraint(
                fields=["brand", "campaign"],
                condition=Q(ends_at__isnull=True),
                name="one_open_credit_rule_per_scope",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(brand__isnull=True) | Q(campaign__isnull=True), name="credit_rule_has_one_scope"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gte=F("starts_at")),
                name="credit_rule_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=Q(click_hours__range=(1, _LONGEST_HOURS))
                & Q(install_hours__range=(1, _LONGEST_HOURS))
                & Q(view_hours__range=(1, _LONGEST_HOURS)),
                name="credit_window_is_an_hour_to_400_days",
                violation_error_message="A window is from an hour to 400 days.",
            ),
            models.CheckConstraint(
                condition=Q(channels__len__gt=0)
                & Q(channels__contained_by=["click", "install", "promo_code", "partner_tag", "view"]),
                name="credit_rule_credits_known_channels",
            ),
            models.CheckConstraint(
                condition=Q(later_touch__in=["latest", "first_partner", "earliest"]), name="later_touch_is_known"
            ),
            models.CheckConstraint(
                condition=Q(protected_seconds__lte=3600),
                name="protection_is_at_most_an_hour",
                violation_error_message="Protect for an hour at most.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope_name()}, version {self.version}"

    def scope_name(self) -> str:
        """Return whom the rule is for, in words."""
        if self.campaign is not None:
            return f"Campaign {self.campaign}"
        return f"Brand {self.brand}" if self.brand is not None else "Default"

    def window(self, channel: str) -> timedelta | None:
        """Return how old a touch may be when the player registers; None where its age does not matter."""
        hours = {
            Channel.CLICK: self.click_hours,
            Channel.INSTALL: self.click_hours,
            Channel.VIEW: self.view_hours,
        }.get(Channel(channel))
        return None if hours is None else timedelta(hours=hours)
