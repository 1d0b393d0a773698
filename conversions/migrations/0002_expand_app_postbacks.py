"""Apple's anonymous postbacks, what contradicted them, and what source identifiers stand for."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0004_routing_rules"),
        ("conversions", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="AppPostback",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "framework",
                    models.CharField(
                        choices=[("skadnetwork", "SKAdNetwork"), ("adattributionkit", "AdAttributionKit")],
                        max_length=16,
                    ),
                ),
                (
                    "version",
                    models.CharField(blank=True, help_text="SKAdNetwork's; AdAttributionKit names none.", max_length=3),
                ),
                (
                    "postback_id",
                    models.CharField(
                        help_text="SKAdNetwork's transaction id or the postback identifier.",
                        max_length=100,
                        verbose_name="identity",
                    ),
                ),
                ("ad_network_id", models.CharField(max_length=100, verbose_name="ad network")),
                (
                    "source_identifier",
                    models.CharField(
                        blank=True, help_text="Two to four digits of the network's own identifier.", max_length=4
                    ),
                ),
                (
                    "campaign_number",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Before SKAdNetwork 4.0, 1 to 100; the network's, not ours.",
                        null=True,
                        verbose_name="network's campaign",
                    ),
                ),
                (
                    "app_id",
                    models.BigIntegerField(help_text="Its number in the App Store.", verbose_name="advertised app"),
                ),
                (
                    "conversion_type",
                    models.CharField(
                        choices=[
                            ("download", "Download"),
                            ("redownload", "Redownload"),
                            ("re-engagement", "Re-engagement"),
                        ],
                        max_length=13,
                    ),
                ),
                (
                    "source_app_id",
                    models.BigIntegerField(
                        blank=True,
                        help_text="Where the ad was shown; 0 in tests.",
                        null=True,
                        verbose_name="publishing app",
                    ),
                ),
                ("source_domain", models.CharField(blank=True, max_length=253, verbose_name="publishing site")),
                ("marketplace", models.CharField(blank=True, max_length=200)),
                (
                    "fidelity",
                    models.PositiveSmallIntegerField(
                        blank=True, choices=[(0, "View-through"), (1, "Rendered by StoreKit")], null=True
                    ),
                ),
                (
                    "interaction",
                    models.CharField(blank=True, choices=[("view", "Viewed"), ("click", "Clicked")], max_length=5),
                ),
                (
                    "did_win",
                    models.BooleanField(
                        help_text="Whether the install was credited to this ad; unsaid before 3.0.", null=True
                    ),
                ),
                (
                    "window",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        choices=[(0, "Days 0–2"), (1, "Days 3–7"), (2, "Days 8–35")],
                        help_text="Unsaid before SKAdNetwork 4.0, which sends one postback.",
                        null=True,
                    ),
                ),
                (
                    "conversion_value",
                    models.PositiveSmallIntegerField(
                        blank=True, help_text="0 to 63, set by the app; unsigned.", null=True, verbose_name="fine value"
                    ),
                ),
                (
                    "coarse_value",
                    models.CharField(
                        blank=True, choices=[("low", "Low"), ("medium", "Medium"), ("high", "High")], max_length=6
                    ),
                ),
                ("country", models.CharField(blank=True, max_length=2)),
                (
                    "is_test",
                    models.BooleanField(
                        default=False,
                        help_text="From a developer's device or build: never counted.",
                        verbose_name="test",
                    ),
                ),
                ("signature", models.TextField(help_text="Apple's, to be verified again by whoever doubts the row.")),
                ("received_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "Apple postback",
                "db_table": "app_postbacks",
                "indexes": [models.Index(fields=["received_at"], name="app_postbacks_by_time")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("framework", "skadnetwork")),
                        fields=("postback_id", "window"),
                        name="one_app_postback_per_transaction_and_window",
                        nulls_distinct=False,
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("framework", "adattributionkit")),
                        fields=("postback_id",),
                        name="one_app_postback_per_identifier",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("framework", "skadnetwork"), ("version__in", ["2.1", "2.2", "3.0", "4.0"])),
                            models.Q(("framework", "adattributionkit"), ("version", "")),
                            _connector="OR",
                        ),
                        name="app_postback_framework_and_version_are_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("postback_id", ""), _negated=True),
                            models.Q(("ad_network_id", ""), _negated=True),
                            models.Q(("signature", ""), _negated=True),
                        ),
                        name="app_postback_has_its_ids",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                models.Q(("version", "4.0"), ("framework", "adattributionkit"), _connector="OR"),
                                ("campaign_number__isnull", True),
                                ("source_identifier__regex", "^[0-9]{2,4}$"),
                            ),
                            models.Q(
                                ("version__in", ["2.1", "2.2", "3.0"]),
                                ("campaign_number__isnull", False),
                                ("campaign_number__range", (1, 100)),
                                ("source_identifier", ""),
                            ),
                            _connector="OR",
                        ),
                        name="app_postback_names_its_source",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("app_id__gte", 1),
                            models.Q(("source_app_id__isnull", True), ("source_app_id__gte", 0), _connector="OR"),
                        ),
                        name="app_postback_apps_are_numbers",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("source_domain", ""),
                                models.Q(("source_app_id__isnull", True), ("version", "4.0")),
                                _connector="OR",
                            ),
                            models.Q(("marketplace", ""), ("framework", "adattributionkit"), _connector="OR"),
                        ),
                        name="app_postback_comes_from_one_place",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("conversion_type__in", ["download", "redownload"]),
                            models.Q(("framework", "adattributionkit"), ("conversion_type", "re-engagement")),
                            _connector="OR",
                        ),
                        name="app_postback_conversion_type_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("framework", "skadnetwork"),
                                ("fidelity__isnull", True),
                                ("interaction", ""),
                                ("version", "2.1"),
                            ),
                            models.Q(
                                ("framework", "skadnetwork"),
                                models.Q(("version", "2.1"), _negated=True),
                                ("fidelity__in", [0, 1]),
                                ("fidelity__isnull", False),
                                ("interaction", ""),
                            ),
                            models.Q(
                                ("framework", "adattributionkit"),
                                ("fidelity__isnull", True),
                                ("interaction__in", ["view", "click"]),
                            ),
                            _connector="OR",
                        ),
                        name="app_postback_interaction_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("did_win__isnull", True), ("version__in", ["2.1", "2.2"])),
                            models.Q(
                                models.Q(("version__in", ["2.1", "2.2"]), _negated=True), ("did_win__isnull", False)
                            ),
                            _connector="OR",
                        ),
                        name="app_postback_says_who_won",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("version__in", ["2.1", "2.2", "3.0"]), ("window__isnull", True)),
                            models.Q(
                                models.Q(("version", "4.0"), ("framework", "adattributionkit"), _connector="OR"),
                                ("window__isnull", False),
                                ("window__range", (0, 2)),
                            ),
                            _connector="OR",
                        ),
                        name="app_postback_window_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("conversion_value__isnull", True), ("conversion_value__range", (0, 63)), _connector="OR"
                        ),
                        name="app_postback_fine_value_is_six_bits",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("coarse_value", ""),
                            models.Q(
                                models.Q(("version", "4.0"), ("framework", "adattributionkit"), _connector="OR"),
                                ("coarse_value__in", ["low", "medium", "high"]),
                                ("conversion_value__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="app_postback_has_one_value_at_most",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("country", ""), ("country__regex", "^[A-Z]{2}$"), _connector="OR"),
                        name="app_postback_country_is_two_letters",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AppPostbackConflict",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("field", models.CharField(help_text="The field that differs.", max_length=50)),
                ("held", models.JSONField(null=True, verbose_name="we hold")),
                ("reported", models.JSONField(null=True, verbose_name="the later one said")),
                ("received_at", models.DateTimeField()),
                (
                    "postback",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="conflicts",
                        to="conversions.apppostback",
                    ),
                ),
            ],
            options={
                "verbose_name": "contradicting Apple postback",
                "db_table": "app_postback_conflicts",
                "indexes": [models.Index(fields=["received_at"], name="app_conflicts_by_time")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("postback", "field", "reported"),
                        name="one_app_postback_conflict_per_report",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("field", ""), _negated=True), name="app_postback_conflict_names_its_field"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SourceIdentifier",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "ad_network_id",
                    models.CharField(
                        help_text="As in its postbacks, such as example123.skadnetwork.",
                        max_length=100,
                        verbose_name="ad network",
                    ),
                ),
                (
                    "identifier",
                    models.CharField(
                        help_text="Two to four digits, the last ones of the network's identifier; before SKAdNetwork 4.0 its campaign number.",
                        max_length=4,
                        validators=[django.core.validators.RegexValidator("^[0-9]{1,4}\\Z", "One to four digits.")],
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="source_identifiers",
                        to="campaigns.campaign",
                    ),
                ),
            ],
            options={
                "db_table": "source_identifiers",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("ad_network_id", "identifier"), name="one_campaign_per_network_and_source_identifier"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("identifier__regex", "^[0-9]{1,4}$"), models.Q(("ad_network_id", ""), _negated=True)
                        ),
                        name="source_identifier_is_digits_of_a_network",
                    ),
                ],
            },
        ),
    ]
