"""What else is known of a click, and what happens around it."""

import django.db.models.deletion
from django.db import migrations, models

# Partitions keep a copy of the table's check, so each is told.
KINDS = """
DO $$
DECLARE part regclass;
BEGIN
    ALTER TABLE clicks DROP CONSTRAINT clicks_kind_check;
    FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'clicks'::regclass LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS clicks_kind_check', part);
    END LOOP;
    UPDATE clicks SET outcome = 'paused', kind = 'click' WHERE kind = 'paused';
    ALTER TABLE clicks
        ADD CONSTRAINT click_kind_is_known CHECK (kind IN ('click', 'bot', 'preview', 'excess', 'staff', 'test')),
        ADD CONSTRAINT click_outcome_is_known CHECK (outcome IN ('offer', 'landing', 'direct', 'paused', 'stopped',
            'elsewhere', 'unknown_place', 'capped', 'broken'));
END $$;
"""
OLD_KINDS = """
DELETE FROM clicks WHERE kind NOT IN ('click', 'bot', 'preview');
ALTER TABLE clicks DROP CONSTRAINT click_kind_is_known, DROP CONSTRAINT click_outcome_is_known;
ALTER TABLE clicks ADD CONSTRAINT clicks_kind_check CHECK (kind IN ('click', 'bot', 'preview', 'paused'));
"""


def partition_by_day(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"""
        ALTER TABLE {table} RENAME TO {table}_whole;
        CREATE TABLE {table} (LIKE {table}_whole INCLUDING ALL) PARTITION BY RANGE (id);
        DROP TABLE {table}_whole;
        """,
        migrations.RunSQL.noop,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("attribution", "0001_initial"),
        ("campaigns", "0003_expand_routing"),
    ]

    operations = [
        migrations.CreateModel(
            name="StaffNetwork",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "network",
                    models.CharField(help_text="Such as 192.0.2.0/24 or 2001:db8::/48.", max_length=50, unique=True),
                ),
                ("notes", models.TextField(blank=True)),
            ],
            options={
                "db_table": "staff_networks",
            },
        ),
        migrations.AddField(
            model_name="click",
            name="asn",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="click",
            name="connection_type",
            field=models.TextField(null=True),
        ),
        migrations.AddField(
            model_name="click",
            name="exchange_rate",
            field=models.DecimalField(decimal_places=10, max_digits=24, null=True),
        ),
        migrations.AddField(
            model_name="click",
            name="exchange_rate_on",
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name="click",
            name="exchange_rate_source",
            field=models.CharField(max_length=50, null=True),
        ),
        migrations.AddField(
            model_name="click",
            name="flow",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="campaigns.flow",
            ),
        ),
        migrations.AddField(
            model_name="click",
            name="has_ad_consent",
            field=models.BooleanField(help_text="What the click's URL said of consent, if anything.", null=True),
        ),
        migrations.AddField(
            model_name="click",
            name="hints",
            field=models.JSONField(help_text="Client hints: model, platform_version, ect, rtt, downlink.", null=True),
        ),
        migrations.AddField(
            model_name="click",
            name="is_unique",
            field=models.BooleanField(help_text="The visitor's first click in the campaign's window.", null=True),
        ),
        migrations.AddField(
            model_name="click",
            name="isp",
            field=models.TextField(null=True),
        ),
        migrations.AddField(
            model_name="click",
            name="landing_page",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="campaigns.landingpage",
            ),
        ),
        migrations.AddField(
            model_name="click",
            name="language",
            field=models.CharField(max_length=8, null=True),
        ),
        migrations.AddField(
            model_name="click",
            name="licence",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="campaigns.licence",
            ),
        ),
        migrations.AddField(
            model_name="click",
            name="original_cost",
            field=models.DecimalField(decimal_places=8, max_digits=18, null=True),
        ),
        migrations.AddField(
            model_name="click",
            name="original_currency",
            field=models.CharField(max_length=5, null=True),
        ),
        migrations.AddField(
            model_name="click",
            name="os_version",
            field=models.TextField(null=True),
        ),
        migrations.AddField(
            model_name="click",
            name="outcome",
            field=models.CharField(
                choices=[
                    ("offer", "Sent to an offer"),
                    ("landing", "Sent to a landing page"),
                    ("direct", "Went straight to the page"),
                    ("paused", "Campaign or flow takes a break"),
                    ("stopped", "A flow sends nobody on"),
                    ("elsewhere", "Outside all licences"),
                    ("unknown_place", "Place unknown"),
                    ("capped", "Cap or budget reached"),
                    ("broken", "Nowhere to go"),
                ],
                db_default="offer",
                max_length=13,
            ),
        ),
        migrations.AddField(
            model_name="click",
            name="visitor_key",
            field=models.BigIntegerField(help_text="Under a key of its day that is deleted after 48 h.", null=True),
        ),
        migrations.AlterField(
            model_name="click",
            name="kind",
            field=models.CharField(
                choices=[
                    ("click", "Click"),
                    ("bot", "Bot"),
                    ("preview", "Preview or prefetch"),
                    ("excess", "Too many from one visitor"),
                    ("staff", "Staff"),
                    ("test", "Cleared as a test"),
                ],
                help_text="Who came; only clicks of kind click count.",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="click",
            name="offer",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="campaigns.offer",
            ),
        ),
        migrations.CreateModel(
            name="BotRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("user_agent", "User agent contains"),
                            ("network", "Address in network"),
                            ("asn", "AS number"),
                            ("referrer", "Referrer's host"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "pattern",
                    models.CharField(
                        help_text="Such as HeadlessShop, 192.0.2.0/24, 64500 or spam.example.", max_length=200
                    ),
                ),
                (
                    "verdict",
                    models.CharField(choices=[("bot", "A bot"), ("person", "A person")], default="bot", max_length=6),
                ),
                ("notes", models.TextField(blank=True)),
                ("is_active", models.BooleanField(default=True)),
            ],
            options={
                "db_table": "bot_rules",
                "constraints": [
                    models.UniqueConstraint(fields=("kind", "pattern"), name="one_bot_rule_per_pattern"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["user_agent", "network", "asn", "referrer"])),
                        name="bot_rule_kind_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("verdict__in", ["bot", "person"])), name="bot_rule_verdict_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("pattern", ""), _negated=True), name="bot_rule_has_a_pattern"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DailyVisitorKey",
            fields=[
                ("day", models.DateField(help_text="A UTC day.", primary_key=True, serialize=False)),
                ("key", models.BinaryField(max_length=32)),
            ],
            options={
                "db_table": "daily_visitor_keys",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("key", b""), _negated=True), name="visitor_key_is_not_empty"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Impression",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("kind", models.CharField(help_text="Who saw it, in a click's words.", max_length=10)),
                ("country", models.CharField(max_length=2, null=True)),
                ("device", models.CharField(max_length=10)),
                ("visitor_key", models.BigIntegerField(null=True)),
                ("external_id", models.TextField(null=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "creative",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="campaigns.creative",
                    ),
                ),
                (
                    "link",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="campaigns.trackinglink",
                    ),
                ),
                (
                    "partner",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="campaigns.partner",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="campaigns.trafficsource",
                    ),
                ),
            ],
            options={
                "db_table": "impressions",
            },
        ),
        migrations.CreateModel(
            name="LandingEvent",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("view", "Page seen"),
                            ("click_through", "Link followed"),
                            ("app_installed", "Web app installed"),
                        ],
                        max_length=13,
                    ),
                ),
                ("click", models.UUIDField(verbose_name="click's id")),
                ("cta", models.PositiveSmallIntegerField(help_text="The number in /go/<id>/<number>.", null=True)),
                (
                    "outcome",
                    models.CharField(help_text="Where a click-through led, in a click's words.", max_length=13),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "landing_page",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="campaigns.landingpage",
                    ),
                ),
                (
                    "link",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="campaigns.trackinglink",
                    ),
                ),
                (
                    "offer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="campaigns.offer",
                    ),
                ),
            ],
            options={
                "db_table": "landing_events",
            },
        ),
        migrations.CreateModel(
            name="PreClick",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("landing", "A page with /t.js was opened"),
                            ("background", "A link was called in the background"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "platform_click_id",
                    models.TextField(help_text="The first that it came with, such as gclid:Cj0KCQ.", null=True),
                ),
                ("page", models.TextField(blank=True, help_text="Host and path of the page.")),
                ("facts", models.JSONField(default=dict, help_text="The columns that its click will have, by name.")),
                ("has_ad_consent", models.BooleanField(null=True)),
                ("created_at", models.DateTimeField()),
                ("promoted_at", models.DateTimeField(null=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "link",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="campaigns.trackinglink",
                    ),
                ),
            ],
            options={
                "db_table": "pre_click_data",
                "indexes": [
                    models.Index(
                        condition=models.Q(("platform_click_id__isnull", False)),
                        fields=["platform_click_id"],
                        name="pre_clicks_by_platform_id",
                    ),
                    models.Index(fields=["created_at"], name="pre_clicks_by_time"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["landing", "background"])), name="pre_click_kind_is_known"
                    )
                ],
            },
        ),
        migrations.RunSQL(KINDS, OLD_KINDS),
        partition_by_day("landing_events"),
        partition_by_day("impressions"),
    ]
