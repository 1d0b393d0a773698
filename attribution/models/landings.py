"""What happens around a click: impressions before it, landings without one, events on landing pages after it."""

from django.db import models
from django.db.models import Q

from attribution.models.clicks import ByDayQuerySet, reference


class PreClick(models.Model):
    """A landing that `/t.js` reported, or a click called in the background: what joins the two.

    Its id is the id of the click that it becomes. Deleted after 24 h.
    """

    class Kind(models.TextChoices):
        LANDING = "landing", "A page with /t.js was opened"
        BACKGROUND = "background", "A link was called in the background"

    id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=10, choices=Kind)
    link = reference("campaigns.TrackingLink")
    campaign = reference("campaigns.Campaign")
    platform_click_id = models.TextField(null=True, help_text="The first that it came with, such as gclid:Cj0KCQ.")
    page = models.TextField(blank=True, help_text="Host and path of the page.")
    facts = models.JSONField(default=dict, help_text="The columns that its click will have, by name.")
    has_ad_consent = models.BooleanField(null=True)
    created_at = models.DateTimeField()
    promoted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "pre_click_data"
        indexes = [
            models.Index(
                fields=["platform_click_id"],
                name="pre_clicks_by_platform_id",
                condition=Q(platform_click_id__isnull=False),
            ),
            models.Index(fields=["created_at"], name="pre_clicks_by_time"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["landing", "background"]), name="pre_click_kind_is_known"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class LandingEvent(models.Model):
    """A landing page was seen, a link on it followed, or a web app installed; partitioned like clicks."""

    class Kind(models.TextChoices):
        VIEW = "view", "Page seen"
        CLICK_THROUGH = "click_through", "Link followed"
        APP_INSTALLED = "app_installed", "Web app installed"

    id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=13, choices=Kind)
    click = models.UUIDField("click's id")
    link = reference("campaigns.TrackingLink")
    campaign = reference("campaigns.Campaign")
    landing_page = reference("campaigns.LandingPage", null=True)
    offer = reference("campaigns.Offer", null=True)
    cta = models.PositiveSmallIntegerField(null=True, help_text="The number in /go/<id>/<number>.")
    outcome = models.CharField(max_length=13, help_text="Where a click-through led, in a click's words.")

    objects = ByDayQuerySet.as_manager()

    class Meta:
        db_table = "landing_events"

    def __str__(self) -> str:
        return str(self.id)


class Impression(models.Model):
    """An advertisement was shown; partitioned like clicks."""

    id = models.UUIDField(primary_key=True)
    link = reference("campaigns.TrackingLink")
    campaign = reference("campaigns.Campaign")
    creative = reference("campaigns.Creative", null=True)
    partner = reference("campaigns.Partner", null=True)
    source = reference("campaigns.TrafficSource")
    kind = models.CharField(max_length=10, help_text="Who saw it, in a click's words.")
    country = models.CharField(max_length=2, null=True)
    device = models.CharField(max_length=10)
    visitor_key = models.BigIntegerField(null=True)
    external_id = models.TextField(null=True)

    objects = ByDayQuerySet.as_manager()

    class Meta:
        db_table = "impressions"

    def __str__(self) -> str:
        return str(self.id)
