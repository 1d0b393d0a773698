"""How players were brought, who is credited and why, what staff changed of it, and where partners took from others."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from attribution.models import Channel, CreditOutcome, CreditRule
from attribution.models.clicks import reference
from campaigns.models import Partner
from conversions.models.intake import InboxEvent, Platform
from conversions.models.players import Player


class Touchpoint(models.Model):
    """One event's word on how a player, or a device that nobody is known of yet, was touched. Never changes.

    Rows that share a click or an install's token belong together: so a touch without a player becomes one of whoever
    named the same click. `problem` says in a `CreditOutcome` why it leads to nobody. `is_due` until a worker has
    looked whether it changes anybody's credit.
    """

    class How(models.TextChoices):
        REGISTRATION = "registration", "named by the registration"
        MILESTONE = "milestone", "named by a signup, lead or sale"
        DEPOSIT = "deposit", "named by a deposit"
        INSTALL = "install", "reported by the measurement partner"
        VISITOR = "visitor", "same address and browser on the same day"
        STAFF = "staff", "joined by staff"

    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="+", db_index=False)
    player = models.ForeignKey(Player, on_delete=models.PROTECT, null=True, related_name="touchpoints")
    event = models.ForeignKey(InboxEvent, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    how = models.CharField(max_length=12, choices=How)
    channel = models.CharField(max_length=11, choices=Channel)
    name = models.CharField(max_length=100, blank=True, help_text="The click's id, the code or the tag.")
    occurred_at = models.DateTimeField(help_text="When he was touched: a click's own time.")
    named_at = models.DateTimeField(help_text="When that was said; what is said after the registration is only shown.")
    problem = models.CharField(max_length=20, blank=True)
    click_uuid = models.UUIDField(null=True)
    install_id = models.CharField(max_length=64, blank=True, help_text="The install's keyed token.")
    link = reference("campaigns.TrackingLink", null=True)
    campaign = reference("campaigns.Campaign", null=True)
    creative = reference("campaigns.Creative", null=True)
    partner = reference("campaigns.Partner", null=True)
    source = reference("campaigns.TrafficSource", null=True)
    offer = reference("campaigns.Offer", null=True)
    is_due = models.BooleanField(default=True)

    class Meta:
        db_table = "touchpoints"
        constraints = [
            models.UniqueConstraint(fields=["event", "channel", "name"], name="one_touchpoint_per_event_and_name"),
            models.UniqueConstraint(
                fields=["player", "channel", "name"],
                condition=Q(event__isnull=True),
                name="one_touchpoint_joined_by_staff",
            ),
            models.CheckConstraint(
                condition=Q(how="staff", event__isnull=True, player__isnull=False)
                | (~Q(how="staff") & Q(event__isnull=False)),
                name="touchpoint_has_its_event_or_is_by_staff",
            ),
            models.CheckConstraint(
                condition=Q(channel__in=["click", "install", "promo_code", "partner_tag", "view"]),
                name="touchpoint_channel_is_known",
            ),
            models.CheckConstraint(
                condition=Q(how__in=["registration", "milestone", "deposit", "install", "visitor", "staff"]),
                name="touchpoint_tells_how",
            ),
        ]
        indexes = [
            models.Index(
                fields=["platform", "click_uuid"], condition=Q(click_uuid__isnull=False), name="touchpoints_by_click"
            ),
            models.Index(fields=["platform", "install_id"], condition=~Q(install_id=""), name="touchpoints_by_install"),
            models.Index(fields=["id"], condition=Q(is_due=True), name="touchpoints_due"),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()}, {self.get_how_display()}"


class CreditDecision(models.Model):
    """Who was credited with a player at one time, and why; the player's latest is in force. Never changes.

    `candidates` lists all touches that were considered, oldest first: `channel`, `name`, `occurred_at`, `problem`,
    `link`, `campaign`, `partner` (row ids), `is_named`, `is_probable`, `verdict`, and `shares` by model. No rule: the
    terms that the tracker comes with.
    """

    class Cause(models.TextChoices):
        REGISTRATION = "registration", "He registered"
        TOUCH = "touch", "Another touch became known"
        STAFF = "staff", "Staff decided"

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="credit_decisions")
    cause = models.CharField(max_length=12, choices=Cause)
    rule = models.ForeignKey(CreditRule, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    outcome = models.CharField(max_length=20, choices=CreditOutcome)
    window_hours = models.PositiveIntegerField(null=True, help_text="The window in which the credited touch lies.")
    reason = models.CharField(max_length=500)
    candidates: Any = models.JSONField()
    click_uuid = models.UUIDField(null=True)
    link = reference("campaigns.TrackingLink", null=True)
    campaign = reference("campaigns.Campaign", null=True)
    partner = reference("campaigns.Partner", null=True)
    decided_at = models.DateTimeField()

    class Meta:
        db_table = "credit_decisions"
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="credit_decision_has_a_reason"),
            models.CheckConstraint(
                condition=Q(cause__in=["registration", "touch", "staff"]), name="credit_decision_has_a_cause"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()} at {self.decided_at:%Y-%m-%d %H:%M}"


class CreditIntervention(models.Model):
    """What a person changed about a player's credit, and why. Never changes.

    `retag` gives the player to `link` or `partner_after` whatever his touches say, `release` takes that back;
    `separate` says that the touch `channel`, `name` is not his, `join` that it is. The latest of each counts. The
    partners who were credited before and after are kept, also where it is the same one.
    """

    class Kind(models.TextChoices):
        RETAG = "retag", "Given to another"
        RELEASE = "release", "Left to the rule again"
        JOIN = "join", "Touch joined"
        SEPARATE = "separate", "Touch separated"

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="credit_interventions")
    kind = models.CharField(max_length=8, choices=Kind)
    channel = models.CharField(max_length=11, blank=True, choices=Channel)
    name = models.CharField(max_length=100, blank=True)
    link = models.ForeignKey("campaigns.TrackingLink", on_delete=models.PROTECT, null=True, related_name="+")
    partner_before = models.ForeignKey(Partner, on_delete=models.PROTECT, null=True, related_name="players_lost")
    partner_after = models.ForeignKey(Partner, on_delete=models.PROTECT, null=True, related_name="players_gained")
    reason = models.CharField(max_length=500)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "credit_interventions"
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="credit_intervention_has_a_reason"),
            models.CheckConstraint(
                condition=Q(kind="retag", channel="", name="")
                & (Q(link__isnull=False) | Q(partner_after__isnull=False))
                | Q(kind="release", channel="", name="", link__isnull=True)
                | (Q(kind__in=["join", "separate"], link__isnull=True) & ~Q(channel="")),
                name="credit_intervention_says_what",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} at {self.created_at:%Y-%m-%d %H:%M}"


class PlayerMerge(models.Model):
    """A person's word that two of a platform's players are one person: their touches count together until it is undone.

    Changes once, when it is undone. Accounts, deposits and lifetime values stay apart.
    """

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="merges")
    other = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="merged_into")
    reason = models.CharField(max_length=500)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    merged_at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    undo_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        db_table = "player_merges"
        constraints = [
            models.UniqueConstraint(
                fields=["player", "other"], condition=Q(undone_at__isnull=True), name="one_merge_in_force_per_pair"
            ),
            # The lower number first, so that a pair has one way to be written.
            models.CheckConstraint(condition=Q(player__lt=F("other")), name="merge_names_two_players_in_order"),
            models.CheckConstraint(condition=~Q(reason=""), name="merge_has_a_reason"),
            models.CheckConstraint(
                condition=Q(undone_at__isnull=True, undone_by__isnull=True, undo_reason="")
                | (Q(undone_at__isnull=False, undone_by__isnull=False) & ~Q(undo_reason="")),
                name="undone_merge_says_who_and_why",
            ),
        ]

    def __str__(self) -> str:
        return f"Merge of {self.merged_at:%Y-%m-%d %H:%M}"


class TheftEvidence(models.Model):
    """A sign that a partner took, or tried to take, a player from another who had brought him; fraud's rules read it.

    One row for each player, sign and pair of partners; its figures follow what becomes known.
    """

    class Kind(models.TextChoices):
        LATE_CLICK = "late_click", "Click just before the registration"
        CHANGED_TAG = "changed_tag", "Partner tag overwritten"
        OTHER_TAG = "other_tag", "Registration's tag names another partner than the touches before it"

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="theft_evidence")
    kind = models.CharField(max_length=11, choices=Kind)
    partner_before = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="taken_from")
    partner_after = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="taken_by")
    seconds_before = models.IntegerField(help_text="From the later touch to the registration.")
    seconds_after = models.BigIntegerField(help_text="From the earlier partner's touch to the later one.")
    is_probable = models.BooleanField(help_text="The earlier touch is known by the visitor's key alone.")
    occurred_at = models.DateTimeField(help_text="When the player registered.")
    noticed_at = models.DateTimeField()

    class Meta:
        db_table = "theft_evidence"
        verbose_name_plural = "theft evidence"
        constraints = [
            models.UniqueConstraint(
                fields=["player", "kind", "partner_before", "partner_after"], name="one_evidence_per_kind_and_partners"
            ),
            models.CheckConstraint(
                condition=~Q(partner_before=F("partner_after")), name="evidence_is_about_two_partners"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["late_click", "changed_tag", "other_tag"]), name="evidence_kind_is_known"
            ),
        ]
        indexes = [models.Index(fields=["partner_after", "occurred_at"], name="theft_evidence_by_taker")]

    def __str__(self) -> str:
        return self.get_kind_display()
