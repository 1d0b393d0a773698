"""Clicks as they are stored, and the rows that storage had to set aside."""

from datetime import datetime
from typing import Any, Self, TypeAlias, TypeVar

from django.conf import settings
from django.db import models

from attribution.click_ids import sign_click_id, uuid_floor, uuid_time


def reference(to: str, **kwargs: Any) -> "models.ForeignKey[Any, Any]":
    """Return a column that names a row without a constraint: fact tables have none, so that they can be spread."""
    return models.ForeignKey(
        to, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+", **kwargs
    )


class CreditOutcome(models.TextChoices):
    """Why somebody is credited with a player, or why nobody is."""

    WAITING = "waiting", "No registration yet"
    CLICK = "click", "Credited to the click"
    INSTALL = "install", "Credited to the app's install"
    VIEW = "view", "Credited to the view"
    PROMO_CODE = "promo_code", "Credited by promo code"
    PARTNER_TAG = "partner_tag", "Credited by partner tag"
    STAFF = "staff", "Credited by a person"
    NO_CLAIM = "no_claim", "The registration named no click, code or partner"
    FORGED_CLICK_ID = "forged_click_id", "The click id is forged"
    MALFORMED_CLICK_ID = "malformed_click_id", "The click id is not one of ours"
    UNKNOWN_LINK = "unknown_link", "The click's link does not exist"
    OUTSIDE_WINDOW = "outside_window", "The click is too old"
    NOT_CREDITED = "not_credited", "The rule in force credits none of the touches"
    LATE_DEPOSIT = "late_deposit", "The deposit came too long after the registration"
    UNKNOWN_CODE = "unknown_code", "No link or partner has the code or tag"


Row = TypeVar("Row", bound=models.Model)


class ByDayQuerySet(models.QuerySet[Row]):
    """Rows whose only time is in their id, a UUIDv7, by which their table is partitioned."""

    def clicked_between(self, starts_at: datetime, ends_at: datetime) -> Self:
        """Keep the rows of the half-open period; the only filter by time that reads few partitions."""
        return self.filter(id__gte=uuid_floor(starts_at), id__lt=uuid_floor(ends_at))


ClickQuerySet: TypeAlias = "ByDayQuerySet[Click]"


class Click(models.Model):
    """One visit of a tracking link, as it was when it was sent on. Never changes, but that staff may clear a test.

    A `cost` in another currency than the campaign's is converted at the click, and keeps what it was and the rate.

    The table is partitioned by UTC day on the id, a UUIDv7, and has no other time column. What visitors and sources
    sent is kept as text: percent-decoded where that is valid text, else as it was received.
    """

    class Kind(models.TextChoices):
        CLICK = "click", "Click"
        BOT = "bot", "Bot"
        PREVIEW = "preview", "Preview or prefetch"
        EXCESS = "excess", "Too many from one visitor"
        STAFF = "staff", "Staff"
        TEST = "test", "Cleared as a test"

    class Outcome(models.TextChoices):
        OFFER = "offer", "Sent to an offer"
        LANDING = "landing", "Sent to a landing page"
        DIRECT = "direct", "Went straight to the page"
        PAUSED = "paused", "Campaign or flow takes a break"
        STOPPED = "stopped", "A flow sends nobody on"
        ELSEWHERE = "elsewhere", "Outside all licences"
        UNKNOWN_PLACE = "unknown_place", "Place unknown"
        CAPPED = "capped", "Cap or budget reached"
        BROKEN = "broken", "Nowhere to go"

    id = models.UUIDField(primary_key=True)
    link = reference("campaigns.TrackingLink")
    campaign = reference("campaigns.Campaign")
    creative = reference("campaigns.Creative", null=True)
    partner = reference("campaigns.Partner", null=True)
    source = reference("campaigns.TrafficSource")
    offer = reference("campaigns.Offer", null=True)
    flow = reference("campaigns.Flow", null=True)
    landing_page = reference("campaigns.LandingPage", null=True)
    licence = reference("campaigns.Licence", null=True)
    routing_version = models.BigIntegerField()
    kind = models.CharField(max_length=10, choices=Kind, help_text="Who came; only clicks of kind click count.")
    outcome = models.CharField(max_length=13, choices=Outcome, db_default=Outcome.OFFER)
    visitor_key = models.BigIntegerField(null=True, help_text="Under a key of its day that is deleted after 48 h.")
    is_unique = models.BooleanField(null=True, help_text="The visitor's first click in the campaign's window.")
    country = models.CharField(max_length=2, null=True)
    region = models.TextField(null=True)
    city = models.TextField(null=True)
    device = models.CharField(max_length=10)
    os = models.TextField(null=True)
    os_version = models.TextField(null=True)
    browser = models.TextField(null=True)
    language = models.CharField(max_length=8, null=True)
    connection_type = models.TextField(null=True)
    isp = models.TextField(null=True)
    asn = models.BigIntegerField(null=True)
    hints = models.JSONField(null=True, help_text="Client hints: model, platform_version, ect, rtt, downlink.")
    has_ad_consent = models.BooleanField(null=True, help_text="What the click's URL said of consent, if anything.")
    network = models.GenericIPAddressField(null=True, help_text="The visitor's address without its last part.")
    referrer_host = models.TextField(null=True)
    external_id = models.TextField(null=True, help_text="The source's own click id.")
    keyword = models.TextField(null=True)
    placement = models.TextField(null=True)
    cost = models.DecimalField(max_digits=18, decimal_places=8, null=True)
    currency = models.CharField(max_length=5, help_text="The campaign's currency.")
    original_cost = models.DecimalField(max_digits=18, decimal_places=8, null=True)
    original_currency = models.CharField(max_length=5, null=True)
    exchange_rate = models.DecimalField(max_digits=24, decimal_places=10, null=True)
    exchange_rate_on = models.DateField(null=True)
    exchange_rate_source = models.CharField(max_length=50, null=True)
    platform_click_ids = models.JSONField(null=True, help_text="Such as fbclid and gclid, by parameter.")
    sub_id_1 = models.TextField(null=True)
    sub_id_2 = models.TextField(null=True)
    sub_id_3 = models.TextField(null=True)
    sub_id_4 = models.TextField(null=True)
    sub_id_5 = models.TextField(null=True)
    sub_id_6 = models.TextField(null=True)
    sub_id_7 = models.TextField(null=True)
    sub_id_8 = models.TextField(null=True)
    sub_id_9 = models.TextField(null=True)
    sub_id_10 = models.TextField(null=True)

    objects = ByDayQuerySet.as_manager()

    class Meta:
        db_table = "clicks"

    def __str__(self) -> str:
        return str(self.id)

    @property
    def clicked_at(self) -> datetime:
        return uuid_time(self.id)

    @property
    def click_id(self) -> str:
        """Return the id that the casino was given."""
        return sign_click_id(self.id.bytes, self.link_id, settings.CLICK_ID_KEYS[0])


class SetAsideClick(models.Model):
    """A stored line that is no click of any day we keep; kept for a person to look at."""

    line = models.TextField(help_text="As the spool held it.")
    reason = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "set_aside_clicks"

    def __str__(self) -> str:
        return f"{self.reason} ({self.created_at:%Y-%m-%d %H:%M})"
