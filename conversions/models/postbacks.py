"""What is to be sent to destinations, and every attempt to send it."""

from typing import Any

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q

from conversions.models.destinations import Destination, EventNameField, new_hash_key
from conversions.models.players import Conversion
from tracker_project.common.fields import AmountField, CurrencyField

# Migrations name the last two here.
__all__ = ["REVERSED", "Destination", "EventNameField", "Postback", "PostbackAttempt", "new_hash_key"]

# What the fact of a correction ends with.
REVERSED = ":reversed"


class Postback(models.Model):
    """One message that is owed to one destination about one fact, in a state that a worker moves on.

    `fact` names what is told, so that it is told once whatever marks move: a registration and a first deposit are
    facts of the player, each other deposit of its conversion. A correction is a fact of its own.
    """

    class Event(models.TextChoices):
        REGISTRATION = "registration", "Registration"
        FIRST_DEPOSIT = "first_deposit", "First deposit"
        DEPOSIT = "deposit", "Deposit"
        VALUABLE_DEPOSIT = "valuable_deposit", "Valuable deposit"

    class State(models.TextChoices):
        PENDING = "pending", "To be sent"
        ACCEPTED = "accepted", "Accepted, not confirmed yet"
        DONE = "done", "Delivered"
        DEAD = "dead", "Given up"
        CANCELLED = "cancelled", "Not to be sent any more"

    destination = models.ForeignKey(Destination, on_delete=models.PROTECT, related_name="postbacks")
    conversion = models.ForeignKey(Conversion, on_delete=models.PROTECT, related_name="postbacks")
    event = models.CharField(max_length=20, choices=Event)
    is_correction = models.BooleanField(default=False, help_text="Takes back what was told before.")
    fact = models.CharField(max_length=100)
    dedup_id = models.CharField(max_length=64, help_text="What the receiver de-duplicates on, the same on every try.")
    payout = AmountField(null=True, blank=True, help_text="What the partner is paid, where one is told.")
    payout_currency = CurrencyField(null=True, blank=True)
    predicted_value = AmountField(
        null=True, blank=True, help_text="What the player was expected to be worth when this was written."
    )
    predicted_currency = CurrencyField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    state_reason = models.CharField(max_length=300, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True, blank=True)
    batch_limit = models.PositiveSmallIntegerField(
        null=True, help_text="In a request of at most so many: one that it was part of was refused as a whole."
    )
    receipt = models.CharField(max_length=100, blank=True, help_text="By which the receiver says what became of it.")
    accepted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "postbacks"
        constraints = [
            models.UniqueConstraint(fields=["destination", "fact"], name="one_postback_per_destination_and_fact"),
            models.CheckConstraint(
                condition=Q(state__in=["pending", "accepted"], finished_at__isnull=True)
                | Q(state__in=["done", "dead", "cancelled"], finished_at__isnull=False),
                name="finished_postback_has_its_time",
            ),
            models.CheckConstraint(
                condition=Q(payout__isnull=True, payout_currency__isnull=True)
                | Q(payout__isnull=False, payout_currency__isnull=False),
                name="payout_has_its_currency",
            ),
            models.CheckConstraint(
                condition=Q(predicted_value__isnull=True, predicted_currency__isnull=True)
                | Q(predicted_value__isnull=False, predicted_value__gte=0, predicted_currency__isnull=False),
                name="predicted_value_has_its_currency",
            ),
            models.CheckConstraint(
                condition=~Q(state="accepted") | ~Q(receipt="") & Q(accepted_at__isnull=False),
                name="accepted_postback_has_its_receipt",
            ),
            models.CheckConstraint(
                condition=Q(batch_limit__isnull=True) | Q(batch_limit__gte=1), name="batch_holds_at_least_one"
            ),
            models.CheckConstraint(condition=Q(next_attempt_at__gte=F("created_at")), name="attempt_follows_creation"),
        ]
        indexes = [
            # By destination first: rows that wait for one that is down are not read on the way to the others.
            models.Index(fields=["destination", "next_attempt_at"], condition=Q(state="pending"), name="postbacks_due"),
            models.Index(
                fields=["destination", "next_attempt_at"], condition=Q(state="accepted"), name="postbacks_to_confirm"
            ),
            models.Index(fields=["-created_at"], name="postbacks_by_time"),
            models.Index(fields=["-created_at"], condition=Q(state="dead"), name="postbacks_given_up"),
        ]

    def __str__(self) -> str:
        return f"{self.get_event_display()} to {self.destination}"

    @property
    def is_reversal(self) -> bool:
        """Tell whether it takes the whole fact back, where another correction states its value anew."""
        return self.is_correction and self.fact.endswith(REVERSED)


class PostbackAttempt(models.Model):
    """One try to deliver a postback and what came back. Never changes."""

    class Outcome(models.TextChoices):
        OK = "ok", "Accepted"
        ACCEPTED = "accepted", "Accepted, to be confirmed"
        RETRY = "retry", "Failed for now"
        LATER = "later", "Too early"
        UNKNOWN = "unknown", "Not understood"
        SPLIT = "split", "Refused together with others"
        EVENT_REFUSED = "event_refused", "Refused for good"
        DESTINATION_REFUSED = "destination_refused", "Destination needs attention"

    postback = models.ForeignKey(Postback, on_delete=models.PROTECT, related_name="attempts")
    started_at = models.DateTimeField()
    latency_ms = models.PositiveIntegerField()
    http_status = models.PositiveSmallIntegerField(null=True, help_text="Empty when no answer came.")
    outcome = models.CharField(max_length=20, choices=Outcome)
    events = models.PositiveSmallIntegerField(default=1, help_text="How many shared the request.")
    request: Any = models.TextField(help_text="What was sent, secrets masked.")
    answer = models.TextField(blank=True, help_text="The beginning of the answer, or what went wrong.")

    class Meta:
        db_table = "postback_attempts"
        indexes = [BrinIndex(fields=["started_at"], name="attempts_by_time")]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()} at {self.started_at:%Y-%m-%d %H:%M:%S}"
