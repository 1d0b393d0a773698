"""What was decided about conversions, and why."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from conversions.models import Conversion


class Review(models.Model):
    """One decision about a conversion, by the rules or by a person; the latest is in force. Never changes.

    `reasons` is a list of `{"rule", "text"}`: the rule that hit and the figures it saw, in plain words.
    `credited` is what the conversion was credited with when it was decided: a person's verdict stands as long as that
    is the same.
    """

    class Verdict(models.TextChoices):
        APPROVED = "approved", "Approved"
        HELD = "held", "Held"
        REJECTED = "rejected", "Rejected"

    conversion = models.ForeignKey(Conversion, on_delete=models.PROTECT, related_name="reviews")
    verdict = models.CharField(max_length=10, choices=Verdict)
    reasons: Any = models.JSONField(default=list)
    credited: Any = models.JSONField(default=dict)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, help_text="Empty: the rules."
    )
    created_at = models.DateTimeField()

    class Meta:
        db_table = "reviews"
        constraints = [
            models.CheckConstraint(condition=Q(verdict__in=["approved", "held", "rejected"]), name="verdict_is_known"),
            models.CheckConstraint(
                condition=Q(verdict="approved") | ~Q(reasons=[]), name="review_that_stops_has_a_reason"
            ),
        ]
        indexes = [models.Index(fields=["conversion", "-id"], name="reviews_by_conversion")]

    def __str__(self) -> str:
        return f"{self.get_verdict_display()} at {self.created_at:%Y-%m-%d %H:%M}"
