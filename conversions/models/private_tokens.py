"""Tokens of personal data, kept apart: fraud's rules read them, nothing else does."""

from django.db import models
from django.db.models import Q

from conversions.models.intake import InboxEvent, Platform


class PrivateToken(models.Model):
    """That an event of a player carried a value: the value's keyed token, which nobody can turn back. Never changes.

    `kind` is email, phone, instrument, device or address; each has a key of its own. No page shows this table.
    """

    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="+")
    player_id = models.CharField(
        max_length=200, help_text="The platform's id of the player, or the click that names him."
    )
    kind = models.CharField(max_length=20)
    token = models.CharField(max_length=64)
    event = models.ForeignKey(
        InboxEvent, on_delete=models.PROTECT, related_name="+", help_text="The first that had it."
    )
    first_seen_at = models.DateTimeField()

    class Meta:
        db_table = "private_tokens"
        constraints = [
            models.UniqueConstraint(fields=["platform", "player_id", "kind", "token"], name="one_token_per_player"),
            models.CheckConstraint(
                condition=Q(kind__in=["email", "phone", "instrument", "device", "address"]), name="private_token_kind"
            ),
            models.CheckConstraint(condition=Q(token__regex=r"^[0-9a-f]{64}$"), name="private_token_is_a_token"),  # noqa: S106
        ]
        indexes = [models.Index(fields=["kind", "token"], name="private_tokens_by_token")]

    def __str__(self) -> str:
        return f"{self.kind} of event {self.event_id}"
