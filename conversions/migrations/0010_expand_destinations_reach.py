import uuid

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

import tracker_project.common.fields
import tracker_project.common.money


def copy_campaigns(apps, schema_editor):
    """Limit each destination that had a campaign to that one."""
    destinations = apps.get_model("conversions", "Destination").objects.exclude(campaign=None)
    limits = apps.get_model("conversions", "DestinationCampaign")
    limits.objects.bulk_create(
        [
            limits(destination_id=pk, campaign_id=campaign)
            for pk, campaign in destinations.values_list("pk", "campaign_id")
        ],
        ignore_conflicts=True,
    )


# Whatever is written to a destination, its copies are made anew from its limits; a limit that changes touches its row.
COPY_LIMITS = """
CREATE FUNCTION copy_destination_limits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.only_campaign_ids := (
        SELECT array_agg(campaign_id ORDER BY campaign_id) FROM destination_campaigns WHERE destination_id = NEW.id);
    NEW.only_partner_ids := (
        SELECT array_agg(partner_id ORDER BY partner_id) FROM destination_partners WHERE destination_id = NEW.id);
    RETURN NEW;
END $$;
CREATE FUNCTION touch_limited_destination() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE destinations SET only_campaign_ids = NULL WHERE id IN (OLD.destination_id, NEW.destination_id);
    RETURN NULL;
END $$;
CREATE TRIGGER copy_limits BEFORE INSERT OR UPDATE ON destinations
    FOR EACH ROW EXECUTE FUNCTION copy_destination_limits();
CREATE TRIGGER touch_destination AFTER INSERT OR UPDATE OR DELETE ON destination_campaigns
    FOR EACH ROW EXECUTE FUNCTION touch_limited_destination();
CREATE TRIGGER touch_destination AFTER INSERT OR UPDATE OR DELETE ON destination_partners
    FOR EACH ROW EXECUTE FUNCTION touch_limited_destination();
"""
DROP_COPIES = """
DROP TRIGGER touch_destination ON destination_partners;
DROP TRIGGER touch_destination ON destination_campaigns;
DROP TRIGGER copy_limits ON destinations;
DROP FUNCTION touch_limited_destination();
DROP FUNCTION copy_destination_limits();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0004_routing_rules"),
        ("conversions", "0009_expand_health"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DestinationCampaign",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ],
            options={
                "db_table": "destination_campaigns",
            },
        ),
        migrations.CreateModel(
            name="DestinationNotice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(choices=[("disabled", "Switched off"), ("alarm", "Unusual")], max_length=10),
                ),
                ("subject", models.CharField(max_length=200)),
                ("text", models.TextField()),
                ("message_id", models.UUIDField(default=uuid.uuid4, help_text="The same on every try.", unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("pending", "To be sent"), ("done", "Sent"), ("dead", "Not sent")],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("state_reason", models.CharField(blank=True, max_length=300)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField()),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "destination_notices",
            },
        ),
        migrations.CreateModel(
            name="DestinationPartner",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ],
            options={
                "db_table": "destination_partners",
            },
        ),
        migrations.CreateModel(
            name="ProhibitedJurisdiction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "country",
                    models.CharField(
                        help_text="Two capitals, as in US.",
                        max_length=2,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z]{2}\\Z", "Write a country as two capitals, as in MT."
                            )
                        ],
                    ),
                ),
                (
                    "region",
                    models.CharField(
                        blank=True,
                        help_text="The end of the ISO 3166-2 code, such as WA. Empty: the whole country.",
                        max_length=3,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z0-9]{1,3}\\Z", "Write a region as the end of its ISO 3166-2 code, as NJ."
                            )
                        ],
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True, help_text="For colleagues, such as the law. Never sent.", max_length=200
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "db_table": "prohibited_jurisdictions",
            },
        ),
        migrations.CreateModel(
            name="ValueCurvePoint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.PositiveSmallIntegerField()),
                ("players", models.PositiveIntegerField()),
                ("amount", tracker_project.common.fields.AmountField(decimal_places=8, max_digits=28)),
                ("computed_at", models.DateTimeField()),
            ],
            options={
                "db_table": "value_curve_points",
            },
        ),
        migrations.RemoveConstraint(
            model_name="destination",
            name="destination_has_its_address",
        ),
        migrations.RemoveConstraint(
            model_name="destination",
            name="value_so_far_is_told_once",
        ),
        migrations.RemoveConstraint(
            model_name="destination",
            name="ngr_is_told_where_values_are_stated_anew",
        ),
        migrations.AddField(
            model_name="destination",
            name="only_campaign_ids",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(), blank=True, editable=False, null=True, size=None
            ),
        ),
        migrations.AddField(
            model_name="destination",
            name="only_partner_ids",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(), blank=True, editable=False, null=True, size=None
            ),
        ),
        migrations.AddField(
            model_name="destination",
            name="owner",
            field=models.ForeignKey(
                blank=True,
                help_text="Is written to when the tracker switches it off, or something is unusual.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="install",
            name="app_system",
            field=models.CharField(
                blank=True,
                choices=[
                    ("ios", "iPhone or iPad"),
                    ("android", "Android"),
                    ("unknown", "An app on we do not know what"),
                ],
                db_default="",
                default="",
                help_text="Empty: the web.",
                max_length=10,
                verbose_name="app",
            ),
        ),
        migrations.AddField(
            model_name="install",
            name="att_status",
            field=models.CharField(
                blank=True,
                choices=[
                    ("authorized", "Allowed"),
                    ("denied", "Refused"),
                    ("restricted", "Not allowed to decide"),
                    ("not_determined", "Not asked yet"),
                ],
                db_default="",
                default="",
                help_text="App Tracking Transparency; empty where nothing was said. The web and Android ask nothing.",
                max_length=20,
                verbose_name="tracking on the iPhone",
            ),
        ),
        migrations.AddField(
            model_name="player",
            name="app_system",
            field=models.CharField(
                blank=True,
                choices=[
                    ("ios", "iPhone or iPad"),
                    ("android", "Android"),
                    ("unknown", "An app on we do not know what"),
                ],
                db_default="",
                default="",
                help_text="Empty: the web.",
                max_length=10,
                verbose_name="app",
            ),
        ),
        migrations.AddField(
            model_name="player",
            name="att_reported_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="player",
            name="att_status",
            field=models.CharField(
                blank=True,
                choices=[
                    ("authorized", "Allowed"),
                    ("denied", "Refused"),
                    ("restricted", "Not allowed to decide"),
                    ("not_determined", "Not asked yet"),
                ],
                db_default="",
                default="",
                help_text="App Tracking Transparency; empty where nothing was said. The web and Android ask nothing.",
                max_length=20,
                verbose_name="tracking on the iPhone",
            ),
        ),
        migrations.AddField(
            model_name="postback",
            name="predicted_currency",
            field=tracker_project.common.fields.CurrencyField(
                blank=True, max_length=5, null=True, validators=[tracker_project.common.money.validate_currency]
            ),
        ),
        migrations.AddField(
            model_name="postback",
            name="predicted_value",
            field=tracker_project.common.fields.AmountField(
                blank=True,
                decimal_places=8,
                help_text="What the player was expected to be worth when this was written.",
                max_digits=28,
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="destination",
            name="kind",
            field=models.CharField(
                choices=[
                    ("generic", "Generic S2S (any address)"),
                    ("meta", "Meta Conversions API"),
                    ("google", "Google Data Manager API"),
                    ("google_ads", "Google Ads API (only for developer tokens on Google's list)"),
                    ("tiktok", "TikTok Events API"),
                    ("appsflyer", "AppsFlyer S2S events"),
                ],
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="destination",
            name="value_kind",
            field=models.CharField(
                choices=[
                    ("deposit", "The deposit's amount"),
                    ("so_far", "All the player's deposits so far"),
                    ("predicted", "The player's predicted lifetime value"),
                    ("ngr", "The player's NGR so far (Google)"),
                    ("fixed", "A fixed value"),
                    ("none", "No value"),
                ],
                default="deposit",
                max_length=10,
                verbose_name="value sent",
            ),
        ),
        AddConstraintNotValid(
            model_name="install",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("app_system__in", ["", "ios", "android", "unknown"]),
                    ("att_status__in", ["", "authorized", "denied", "restricted", "not_determined"]),
                ),
                name="install_says_known_words_of_its_app",
            ),
        ),
        AddConstraintNotValid(
            model_name="player",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("app_system", ""), ("att_reported_at__isnull", True), ("att_status", "")),
                    models.Q(
                        ("app_system__in", ["ios", "android", "unknown"]),
                        ("att_reported_at__isnull", True),
                        ("att_status", ""),
                    ),
                    models.Q(
                        ("app_system__in", ["ios", "android", "unknown"]),
                        ("att_reported_at__isnull", False),
                        ("att_status__in", ["authorized", "denied", "restricted", "not_determined"]),
                    ),
                    _connector="OR",
                ),
                name="att_status_is_of_an_app",
            ),
        ),
        AddConstraintNotValid(
            model_name="postback",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("predicted_currency__isnull", True), ("predicted_value__isnull", True)),
                    models.Q(
                        ("predicted_currency__isnull", False),
                        ("predicted_value__gte", 0),
                        ("predicted_value__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="predicted_value_has_its_currency",
            ),
        ),
        migrations.AddField(
            model_name="destinationcampaign",
            name="campaign",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="campaigns.campaign"
            ),
        ),
        migrations.AddField(
            model_name="destinationcampaign",
            name="destination",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="campaign_limits",
                to="conversions.destination",
            ),
        ),
        migrations.AddField(
            model_name="destinationnotice",
            name="destination",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="notices", to="conversions.destination"
            ),
        ),
        migrations.AddField(
            model_name="destinationpartner",
            name="destination",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="partner_limits", to="conversions.destination"
            ),
        ),
        migrations.AddField(
            model_name="destinationpartner",
            name="partner",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="campaigns.partner"
            ),
        ),
        migrations.AddField(
            model_name="destination",
            name="partners",
            field=models.ManyToManyField(
                related_name="+", through="conversions.DestinationPartner", to="campaigns.partner"
            ),
        ),
        migrations.AddConstraint(
            model_name="destination",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "generic"), models.Q(("url_template", ""), _negated=True)),
                    models.Q(
                        ("kind", "meta"),
                        models.Q(("dataset_id", ""), _negated=True),
                        models.Q(("access_token", ""), _negated=True),
                    ),
                    models.Q(
                        ("kind", "google"),
                        models.Q(("google_account_id", ""), _negated=True),
                        models.Q(("conversion_action_id", ""), _negated=True),
                        models.Q(("google_credentials", ""), _negated=True),
                    ),
                    models.Q(
                        ("kind", "google_ads"),
                        models.Q(("google_account_id", ""), _negated=True),
                        models.Q(("conversion_action_id", ""), _negated=True),
                        models.Q(("google_credentials", ""), _negated=True),
                        models.Q(("access_token", ""), _negated=True),
                    ),
                    models.Q(
                        ("kind", "tiktok"),
                        models.Q(("pixel_code", ""), _negated=True),
                        models.Q(("access_token", ""), _negated=True),
                    ),
                    models.Q(
                        ("kind", "appsflyer"),
                        models.Q(("app_id", ""), _negated=True),
                        models.Q(("access_token", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="destination_has_its_address",
            ),
        ),
        migrations.AddConstraint(
            model_name="destination",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("value_kind__in", ["so_far", "predicted", "ngr"]), _negated=True),
                    ("on_deposit", False),
                    _connector="OR",
                ),
                name="value_so_far_is_told_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="destination",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("value_kind", "ngr"), _negated=True),
                    ("kind__in", ["google", "google_ads"]),
                    _connector="OR",
                ),
                name="ngr_is_told_where_values_are_stated_anew",
            ),
        ),
        migrations.AddConstraint(
            model_name="prohibitedjurisdiction",
            constraint=models.UniqueConstraint(
                fields=("country", "region"), name="one_row_per_prohibited_jurisdiction"
            ),
        ),
        migrations.AddConstraint(
            model_name="prohibitedjurisdiction",
            constraint=models.CheckConstraint(
                condition=models.Q(("country__regex", "^[A-Z]{2}$"), ("region__regex", "^([A-Z0-9]{1,3})?$")),
                name="prohibited_jurisdiction_is_a_place",
            ),
        ),
        migrations.AddField(
            model_name="valuecurvepoint",
            name="brand",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="campaigns.brand"
            ),
        ),
        migrations.AddConstraint(
            model_name="destinationcampaign",
            constraint=models.UniqueConstraint(
                fields=("destination", "campaign"), name="destination_names_a_campaign_once"
            ),
        ),
        migrations.AddIndex(
            model_name="destinationnotice",
            index=models.Index(
                condition=models.Q(("state", "pending")), fields=["next_attempt_at"], name="destination_notices_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="destinationnotice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finished_at__isnull", True), ("state", "pending")),
                    models.Q(("finished_at__isnull", False), ("state__in", ["done", "dead"])),
                    _connector="OR",
                ),
                name="finished_notice_has_its_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="destinationnotice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "dead"), _negated=True),
                    models.Q(("state_reason", ""), _negated=True),
                    _connector="OR",
                ),
                name="unsent_notice_says_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="destinationpartner",
            constraint=models.UniqueConstraint(
                fields=("destination", "partner"), name="destination_names_a_partner_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="valuecurvepoint",
            constraint=models.UniqueConstraint(fields=("brand", "day"), name="one_value_curve_point_per_brand_and_day"),
        ),
        migrations.AddConstraint(
            model_name="valuecurvepoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0), ("players__gt", 0)), name="value_curve_point_is_positive"
            ),
        ),
        # What runs the old code still reads and writes the column: it goes in a later release. It holds no campaign
        # back that is deleted meanwhile.
        migrations.AlterField(
            model_name="destination",
            name="campaign",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="destinations",
                to="campaigns.campaign",
            ),
        ),
        migrations.RunSQL(COPY_LIMITS, DROP_COPIES),
        migrations.RunPython(copy_campaigns, migrations.RunPython.noop, elidable=True),
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField(model_name="destination", name="campaign")]
        ),
        migrations.AddField(
            model_name="destination",
            name="campaigns",
            field=models.ManyToManyField(
                related_name="destinations", through="conversions.DestinationCampaign", to="campaigns.campaign"
            ),
        ),
    ]
