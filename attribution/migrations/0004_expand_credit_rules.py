"""Versions of the rules of credit, which stay as they were made."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import attribution.models.credit_rules

# A version that was in force stays as it was: all that may come is its end.
KEEP_VERSIONS = """
CREATE FUNCTION keep_credit_rule() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.ends_at IS NULL
        AND to_jsonb(NEW) - 'ends_at' = to_jsonb(OLD) - 'ends_at' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'restrict_violation', CONSTRAINT = 'credit_rule_stays_as_it_was',
        MESSAGE = format('credit rule %s stays as it was: other terms are another version', OLD.id);
END $$;
CREATE TRIGGER keep_credit_rule BEFORE UPDATE OR DELETE ON credit_rules
    FOR EACH ROW EXECUTE FUNCTION keep_credit_rule();
"""
DROP_KEEP_VERSIONS = "DROP TRIGGER keep_credit_rule ON credit_rules; DROP FUNCTION keep_credit_rule();"


class Migration(migrations.Migration):
    dependencies = [
        ("attribution", "0003_routing_triggers"),
        ("campaigns", "0004_routing_rules"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CreditRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveIntegerField()),
                ("starts_at", models.DateTimeField(help_text="Registrations from this instant on are credited by it.")),
                ("ends_at", models.DateTimeField(blank=True, null=True)),
                ("click_hours", models.PositiveIntegerField(default=720, verbose_name="click to registration, hours")),
                ("install_hours", models.PositiveIntegerField(default=168, verbose_name="click to install, hours")),
                ("view_hours", models.PositiveIntegerField(default=24, verbose_name="view to registration, hours")),
                (
                    "deposit_days",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Later deposits are credited to nobody. Empty: credit is for the player's life.",
                        null=True,
                        verbose_name="registration to deposit, days",
                    ),
                ),
                (
                    "channels",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("click", "Click"),
                                ("install", "App install"),
                                ("promo_code", "Promo code"),
                                ("partner_tag", "Partner tag"),
                                ("view", "View"),
                            ],
                            max_length=11,
                        ),
                        default=attribution.models.credit_rules.default_channels,
                        help_text="What may be credited, the strongest first.",
                        size=None,
                    ),
                ),
                (
                    "later_touch",
                    models.CharField(
                        choices=[
                            ("latest", "The latest touch is credited"),
                            ("first_partner", "The partner who was first keeps the player"),
                            ("earliest", "The earliest touch is credited"),
                        ],
                        default="latest",
                        max_length=13,
                        verbose_name="where several partners brought him",
                    ),
                ),
                (
                    "protected_seconds",
                    models.PositiveIntegerField(
                        default=60,
                        help_text="A partner's click or tag so short before the registration takes no player from a partner who was there before. 0: it does.",
                    ),
                ),
                (
                    "credits_same_visitor",
                    models.BooleanField(
                        default=False,
                        help_text="The same address and browser on the same day: mostly, but not always, the same person.",
                        verbose_name="credit touches known by the visitor's key alone",
                    ),
                ),
                (
                    "reengagement_days",
                    models.PositiveIntegerField(
                        blank=True,
                        default=30,
                        help_text="A touch after so long a pause is shown as a re-engagement; credit stays. Empty: none is shown.",
                        null=True,
                        verbose_name="re-engagement after days without a deposit",
                    ),
                ),
                ("reason", models.CharField(blank=True, help_text="Why the terms were changed.", max_length=500)),
                ("created_at", models.DateTimeField()),
                (
                    "brand",
                    models.ForeignKey(
                        blank=True,
                        help_text="For the players of one brand.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credit_rules",
                        to="campaigns.brand",
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        blank=True,
                        help_text="For touches of one campaign; it goes before its brand's.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credit_rules",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "credit_rules",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("brand", "campaign", "version"),
                        name="one_credit_rule_per_version",
                        nulls_distinct=False,
                    ),
                    models.UniqueConstraint(
                        fields=("brand", "campaign", "starts_at"),
                        name="one_credit_rule_per_start",
                        nulls_distinct=False,
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("ends_at__isnull", True)),
                        fields=("brand", "campaign"),
                        name="one_open_credit_rule_per_scope",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("brand__isnull", True), ("campaign__isnull", True), _connector="OR"),
                        name="credit_rule_has_one_scope",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ends_at__isnull", True), ("ends_at__gte", models.F("starts_at")), _connector="OR"
                        ),
                        name="credit_rule_ends_after_it_starts",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("click_hours__range", (1, 9600)),
                            ("install_hours__range", (1, 9600)),
                            ("view_hours__range", (1, 9600)),
                        ),
                        name="credit_window_is_an_hour_to_400_days",
                        violation_error_message="A window is from an hour to 400 days.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("channels__len__gt", 0),
                            ("channels__contained_by", ["click", "install", "promo_code", "partner_tag", "view"]),
                        ),
                        name="credit_rule_credits_known_channels",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("later_touch__in", ["latest", "first_partner", "earliest"])),
                        name="later_touch_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("protected_seconds__lte", 3600)),
                        name="protection_is_at_most_an_hour",
                        violation_error_message="Protect for an hour at most.",
                    ),
                ],
            },
        ),
        migrations.RunSQL(KEEP_VERSIONS, DROP_KEEP_VERSIONS),
    ]
