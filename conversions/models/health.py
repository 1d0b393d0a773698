"""How sources are faring: what platforms say beside what we recorded, when each was heard, who may look at it."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from conversions.models.endpoints import Endpoint
from conversions.models.intake import Platform
from tracker_project.common.fields import AmountField, CurrencyField
from tracker_project.common.time import validate_time_zone


class DayReport(models.Model):
    """What a platform says of one of its days. Never changes but `is_current`: a later count replaces the former.

    A day is of `time_zone`. What is empty the platform did not say. Ids are players' for registrations and first
    deposits, transactions' for deposits; amounts by currency are `DayReportAmount`.
    """

    class Origin(models.TextChoices):
        API = "api", "Reported by the platform"
        UPLOAD = "upload", "Uploaded here"

    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="day_reports")
    event_id = models.CharField(max_length=200)
    on_date = models.DateField("day")
    time_zone = models.CharField(max_length=50, validators=[validate_time_zone])
    counted_at = models.DateTimeField(help_text="When the platform counted; the latest count of a day stands.")
    received_at = models.DateTimeField()
    origin = models.CharField(max_length=10, choices=Origin)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    registrations = models.PositiveIntegerField(null=True, blank=True)
    first_deposits = models.PositiveIntegerField(null=True, blank=True)
    deposits = models.PositiveIntegerField(null=True, blank=True)
    registration_ids = ArrayField(models.CharField(max_length=200), null=True, blank=True)
    first_deposit_ids = ArrayField(models.CharField(max_length=200), null=True, blank=True)
    deposit_ids = ArrayField(models.CharField(max_length=200), null=True, blank=True)
    is_current = models.BooleanField()

    class Meta:
        db_table = "day_reports"
        constraints = [
            models.UniqueConstraint(fields=["platform", "event_id"], name="one_day_report_per_event_id"),
            models.UniqueConstraint(
                fields=["platform", "on_date"], condition=Q(is_current=True), name="one_current_report_per_day"
            ),
            models.CheckConstraint(condition=~Q(event_id=""), name="day_report_has_an_event_id"),
            models.CheckConstraint(
                condition=Q(origin="api", uploaded_by__isnull=True) | Q(origin="upload", uploaded_by__isnull=False),
                name="uploaded_report_names_its_person",
            ),
        ]
        indexes = [models.Index(fields=["platform", "-on_date"], name="day_reports_by_day")]

    def __str__(self) -> str:
        return f"{self.on_date:%-d %b %Y}"


class DayReportAmount(models.Model):
    """What a platform says was deposited on one day in one currency. Never changes."""

    report = models.ForeignKey(DayReport, on_delete=models.CASCADE, related_name="amounts")
    currency = CurrencyField()
    amount = AmountField()

    class Meta:
        db_table = "day_report_amounts"
        constraints = [
            models.UniqueConstraint(fields=["report", "currency"], name="one_reported_amount_per_currency"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="reported_amount_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


class SourceHour(models.Model):
    """How many messages one source brought in one hour, tests and refused ones apart; written once it is over.

    A source is a platform's signed webhooks (no endpoint) or one endpoint.
    """

    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="+")
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    hour = models.DateTimeField(help_text="When it began.")
    messages = models.PositiveIntegerField()

    class Meta:
        db_table = "source_hours"
        constraints = [
            models.UniqueConstraint(
                fields=["platform", "endpoint", "hour"], nulls_distinct=False, name="one_count_per_source_and_hour"
            ),
            models.CheckConstraint(condition=Q(messages__gt=0), name="source_hour_has_messages"),
        ]

    def __str__(self) -> str:
        return f"{self.messages} at {self.hour:%Y-%m-%d %H}"


class SourceWatch(models.Model):
    """When a source was heard first and last, and whether it has fallen silent against its own rhythm."""

    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="watches")
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, null=True, blank=True, related_name="watches")
    first_heard_at = models.DateTimeField()
    last_heard_at = models.DateTimeField()
    counted_until = models.DateTimeField(help_text="Its hours until then are counted.")
    silent_since = models.DateTimeField(null=True, blank=True)
    alarm = models.CharField(max_length=300, blank=True, help_text="What is unusual about its silence.")

    class Meta:
        db_table = "source_watches"
        verbose_name_plural = "source watches"
        constraints = [
            models.UniqueConstraint(fields=["platform", "endpoint"], nulls_distinct=False, name="one_watch_per_source"),
            models.CheckConstraint(
                condition=Q(last_heard_at__gte=F("first_heard_at")), name="source_is_heard_first_before_last"
            ),
            models.CheckConstraint(
                condition=Q(alarm="", silent_since__isnull=True) | ~Q(alarm="") & Q(silent_since__isnull=False),
                name="alarm_says_since_when",
            ),
        ]

    def __str__(self) -> str:
        return str(self.endpoint or self.platform)

    @property
    def source(self) -> Platform | Endpoint:
        return self.endpoint or self.platform


class DeveloperLink(models.Model):
    """A link by which a casino's developer sees his platform's last requests with our answers, without an account.

    The address carries `key`, signed: nobody who reads this table can make it. It ends by itself or when revoked.
    """

    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="developer_links")
    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    given_to = models.CharField(max_length=100, help_text="Such as “integration team of the casino”.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_opened_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "developer_links"
        constraints = [models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="developer_link_ends")]

    def __str__(self) -> str:
        return self.given_to
