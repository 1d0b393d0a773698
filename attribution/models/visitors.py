"""Who counts as a visitor: rules for bots, networks of staff, and the keys under which visitors are recognised."""

from django.db import models
from django.db.models import Q


class BotRule(models.Model):
    """An operator's own word on who is a bot, before the lists are asked."""

    class Kind(models.TextChoices):
        USER_AGENT = "user_agent", "User agent contains"
        NETWORK = "network", "Address in network"
        ASN = "asn", "AS number"
        REFERRER = "referrer", "Referrer's host"

    class Verdict(models.TextChoices):
        BOT = "bot", "A bot"
        PERSON = "person", "A person"

    kind = models.CharField(max_length=10, choices=Kind)
    pattern = models.CharField(max_length=200, help_text="Such as HeadlessShop, 192.0.2.0/24, 64500 or spam.example.")
    verdict = models.CharField(max_length=6, choices=Verdict, default=Verdict.BOT)
    notes = models.TextField(blank=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        db_table = "bot_rules"
        constraints = [
            models.UniqueConstraint(fields=["kind", "pattern"], name="one_bot_rule_per_pattern"),
            models.CheckConstraint(
                condition=Q(kind__in=["user_agent", "network", "asn", "referrer"]), name="bot_rule_kind_is_known"
            ),
            models.CheckConstraint(condition=Q(verdict__in=["bot", "person"]), name="bot_rule_verdict_is_known"),
            models.CheckConstraint(condition=~Q(pattern=""), name="bot_rule_has_a_pattern"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pattern}: {self.get_verdict_display().lower()}"


class StaffNetwork(models.Model):
    """A network whose visitors are our own people."""

    network = models.CharField(max_length=50, unique=True, help_text="Such as 192.0.2.0/24 or 2001:db8::/48.")
    notes = models.TextField(blank=True)

    class Meta:
        db_table = "staff_networks"

    def __str__(self) -> str:
        return self.network


class DailyVisitorKey(models.Model):
    """A day's random key; visitors' keys of that day can't be computed again once it is deleted."""

    day = models.DateField(primary_key=True, help_text="A UTC day.")
    key = models.BinaryField(max_length=32)

    class Meta:
        db_table = "daily_visitor_keys"
        constraints = [models.CheckConstraint(condition=~Q(key=b""), name="visitor_key_is_not_empty")]

    def __str__(self) -> str:
        return str(self.day)
