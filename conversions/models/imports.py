"""Lists that people upload and reports that we fetch: what each was, its rows, and what became of every row."""

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from conversions.models.endpoints import Endpoint
from conversions.models.intake import InboxEvent, Platform
from tracker_project.common.fields import EncryptedTextField
from tracker_project.common.time import validate_time_zone


class ReportPull(models.Model):
    """A measurement partner's rejection reports of one app, which we fetch by ourselves.

    `pulled_until` is the day up to which all was fetched; the days before it are asked for again for as long as the
    partner restates them. `position` is where a round stands that is not finished.
    """

    endpoint = models.ForeignKey(
        Endpoint,
        on_delete=models.PROTECT,
        related_name="report_pulls",
        help_text="Where the partner's own messages arrive: the reports are read in its dialect.",
    )
    app_id = models.CharField(
        "app",
        max_length=100,
        validators=[RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z", "Letters, digits, points, - and _ only.")],
        help_text="AppsFlyer: id123456789 or com.example.app. Adjust: the app token.",
    )
    token = EncryptedTextField()
    bucket = models.CharField(
        max_length=63,
        blank=True,
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9.-]+[a-z0-9]\Z", "This is no bucket's name.")],
        help_text="Adjust: the bucket that it uploads raw data to.",
    )
    region = models.CharField(
        max_length=30,
        blank=True,
        validators=[RegexValidator(r"^[a-z0-9-]+\Z", "A region is written as in eu-west-1.")],
        help_text="Adjust: the bucket's region, such as eu-west-1.",
    )
    access_key = models.CharField(
        max_length=128,
        blank=True,
        validators=[RegexValidator(r"^[A-Za-z0-9]+\Z", "Letters and digits only.")],
        help_text="Adjust: the id of a key that may list and read the bucket.",
    )
    prefix = models.CharField(max_length=200, blank=True, help_text="Adjust: the folder in the bucket, if any.")
    is_active = models.BooleanField(default=True)
    starts_on = models.DateField(help_text="The first day to fetch; AppsFlyer keeps 90 days.")
    pulled_until = models.DateField(null=True, blank=True)
    position: Any = models.JSONField(default=dict, blank=True)
    next_pull_at = models.DateTimeField()
    last_pulled_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    trouble = models.CharField(max_length=300, blank=True, help_text="Why the last try brought nothing.")
    leased_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "report_pulls"
        verbose_name = "fetched report"
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "app_id"], name="one_report_pull_per_endpoint_and_app"),
            models.CheckConstraint(condition=~Q(app_id="") & ~Q(token=""), name="report_pull_names_app_and_token"),
            models.CheckConstraint(
                condition=Q(bucket="", region="", access_key="") | (~Q(bucket="") & ~Q(region="") & ~Q(access_key="")),
                name="report_pull_bucket_is_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["next_pull_at"], condition=Q(is_active=True), name="report_pulls_due"),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint}: {self.app_id}"


class Import(models.Model):
    """One file of events: an uploaded list, or a report that was fetched. Never deleted; the file itself is not kept.

    `digest` is the SHA-256 of the file's bytes. `counts` says how many rows came to what in the stage that `state`
    names or that came before it.
    """

    class Layout(models.TextChoices):
        EVENTS = "events", "Our template"
        APPSFLYER = "appsflyer", "AppsFlyer rejection report"
        ADJUST = "adjust", "Adjust raw data with refused installs"

    class Origin(models.TextChoices):
        UPLOAD = "upload", "Uploaded"
        PULL = "pull", "Fetched"

    class State(models.TextChoices):
        PREVIEWING = "previewing", "Preview is being made"
        PREVIEWED = "previewed", "Waits for confirmation"
        IMPORTING = "importing", "Being recorded"
        IMPORTED = "imported", "Recorded"
        UNDOING = "undoing", "Being undone"
        UNDONE = "undone", "Undone"
        DISCARDED = "discarded", "Discarded"

    class DecimalMark(models.TextChoices):
        POINT = ".", "Point: 1234.50"
        COMMA = ",", "Comma: 1234,50"

    class DateOrder(models.TextChoices):
        ISO = "iso", "2026-11-22 (or 22.11.2026)"
        DAY_FIRST = "day_first", "22/11/2026"
        MONTH_FIRST = "month_first", "11/22/2026"

    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="imports")
    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, null=True, blank=True, related_name="imports")
    pull = models.ForeignKey(ReportPull, on_delete=models.PROTECT, null=True, blank=True, related_name="imports")
    layout = models.CharField(max_length=10, choices=Layout)
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.UPLOAD)
    state = models.CharField(max_length=10, choices=State, default=State.PREVIEWING)
    file_name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    encoding = models.CharField(max_length=20, blank=True)
    decimal_mark = models.CharField(max_length=1, choices=DecimalMark, default=DecimalMark.POINT)
    date_order = models.CharField(max_length=11, choices=DateOrder, default=DateOrder.ISO)
    time_zone = models.CharField(max_length=50, default="UTC", validators=[validate_time_zone])
    unread_columns = ArrayField(models.CharField(max_length=80), default=list)
    rows_count = models.PositiveIntegerField(default=0)
    rows_passed_over = models.PositiveIntegerField(
        default=0, help_text="Rows of a fetched report that were recorded before or are not for us, and are not kept."
    )
    counts: Any = models.JSONField(default=dict)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    uploaded_at = models.DateTimeField()
    previewed_at = models.DateTimeField(null=True, blank=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    confirmed_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    undo_reason = models.CharField(max_length=500, blank=True)
    undo_asked_at = models.DateTimeField(null=True, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "imports"
        permissions = [
            ("confirm_import", "Can have an import recorded"),
            ("undo_import", "Can undo an import"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["platform", "layout", "digest"],
                condition=Q(origin="upload") & ~Q(state="discarded"),
                name="one_import_per_file",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=["previewing", "previewed", "importing", "imported", "undoing", "undone", "discarded"]
                ),
                name="import_state_is_known",
            ),
            models.CheckConstraint(condition=Q(digest__regex=r"^[0-9a-f]{64}$"), name="import_digest_is_sha256"),
            models.CheckConstraint(
                condition=Q(layout="events", endpoint__isnull=True)
                | Q(layout__in=["appsflyer", "adjust"], endpoint__isnull=False),
                name="import_of_a_report_names_its_endpoint",
            ),
            models.CheckConstraint(
                condition=Q(origin="upload", uploaded_by__isnull=False, pull__isnull=True)
                | Q(origin="pull", uploaded_by__isnull=True, pull__isnull=False),
                name="import_names_who_brought_it",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["previewing", "previewed", "discarded"], confirmed_at__isnull=True)
                | (
                    Q(state__in=["importing", "imported", "undoing", "undone"], confirmed_at__isnull=False)
                    & (Q(confirmed_by__isnull=False) | Q(origin="pull"))
                ),
                name="recorded_import_was_confirmed",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["undoing", "undone"], undone_by__isnull=False, undo_asked_at__isnull=False)
                & ~Q(undo_reason="")
                | ~Q(state__in=["undoing", "undone"]) & Q(undone_by__isnull=True, undo_reason=""),
                name="undone_import_has_person_and_reason",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"], condition=Q(state__in=["previewing", "importing", "undoing"]), name="imports_to_work_on"
            ),
        ]

    def __str__(self) -> str:
        return self.file_name


class ImportRow(models.Model):
    """One row of an import: the event that it reports in our words, and what that came to. The outcome never changes.

    Rows about the same player or transaction share a `subject` and are tried together. `verdict` is what the preview
    found, `outcome` what recording did, `undo` what became of undoing it; each empty until then.
    """

    class Verdict(models.TextChoices):
        NEW = "new", "New"
        TRANSITION = "transition", "Changes a status"
        KNOWN = "known", "Known already"
        REPEAT = "repeat", "Repeat"
        WAITS = "waits", "Waits"
        CONFLICT = "conflict", "Conflict"
        IGNORED = "ignored", "Not for us"
        UNREADABLE = "unreadable", "Cannot be read"

    class Undo(models.TextChoices):
        UNDONE = "undone", "Undone"
        KEPT = "kept", "Stays"

    file = models.ForeignKey(Import, on_delete=models.PROTECT, related_name="rows", db_index=False)
    number = models.PositiveIntegerField(help_text="The line in the sheet; the header is 1.")
    subject = models.PositiveIntegerField()
    kind = models.CharField(max_length=20, blank=True, choices=InboxEvent.Kind)
    event_id = models.CharField(max_length=200, blank=True)
    occurred_at = models.DateTimeField(null=True, blank=True)
    terms: Any = models.JSONField(default=dict)
    tokens: Any = models.JSONField(default=list)
    problem = models.CharField(max_length=300, blank=True)
    problem_column = models.CharField(max_length=80, blank=True)
    verdict = models.CharField(max_length=10, blank=True, choices=Verdict)
    verdict_detail = models.CharField(max_length=300, blank=True)
    outcome = models.CharField(max_length=10, blank=True, choices=Verdict)
    outcome_detail = models.CharField(max_length=300, blank=True)
    inbox_event = models.ForeignKey(
        InboxEvent, on_delete=models.PROTECT, null=True, blank=True, related_name="import_rows", db_index=False
    )
    undo = models.CharField(max_length=10, blank=True, choices=Undo)
    undo_detail = models.CharField(max_length=300, blank=True)
    undo_event = models.ForeignKey(
        InboxEvent, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )

    class Meta:
        db_table = "import_rows"
        constraints = [
            models.UniqueConstraint(fields=["file", "number"], name="one_import_row_per_line"),
            models.CheckConstraint(
                condition=~Q(verdict="unreadable") | (~Q(problem="") & Q(inbox_event__isnull=True)),
                name="unreadable_import_row_says_why",
            ),
            models.CheckConstraint(
                condition=Q(inbox_event__isnull=False) | Q(outcome__in=["", "conflict", "ignored", "unreadable"]),
                name="recorded_import_row_has_its_event",
            ),
            models.CheckConstraint(
                condition=Q(undo="") | (~Q(outcome="") & ~Q(undo_detail="")), name="undone_import_row_was_recorded"
            ),
        ]
        indexes = [
            models.Index(fields=["file", "subject", "number"], condition=Q(verdict=""), name="import_rows_to_preview"),
            models.Index(fields=["file", "subject", "number"], condition=Q(outcome=""), name="import_rows_to_record"),
            models.Index(
                fields=["file", "-number"],
                condition=Q(undo="", outcome__in=["new", "transition", "waits"]),
                name="import_rows_to_undo",
            ),
            models.Index(fields=["inbox_event"], condition=Q(inbox_event__isnull=False), name="import_rows_by_event"),
        ]

    def __str__(self) -> str:
        return f"Row {self.number}"
