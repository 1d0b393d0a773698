"""Flows, landing pages, limits, permits, domains: all that a campaign routes by."""

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.db import migrations, models

import campaigns.domain.macros
import tracker_project.common.fields
import tracker_project.common.money
import tracker_project.common.time


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0002_routing_triggers"),
    ]

    operations = [
        migrations.CreateModel(
            name="AdvertisingAccount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "platform",
                    models.CharField(
                        choices=[("meta", "Meta"), ("google", "Google"), ("tiktok", "TikTok"), ("other", "Other")],
                        max_length=10,
                    ),
                ),
                ("account_id", models.CharField(max_length=64, verbose_name="account number")),
                ("name", models.CharField(max_length=100)),
                ("notes", models.TextField(blank=True)),
            ],
            options={
                "db_table": "advertising_accounts",
            },
        ),
        migrations.CreateModel(
            name="CampaignAlert",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("budget_share", "Budget nearly used"),
                            ("budget_reached", "Budget reached"),
                            ("cap_share", "Cap nearly used"),
                            ("cap_reached", "Cap reached"),
                            ("licence_ends", "Licence ends"),
                            ("permission_ends", "Permission ends"),
                        ],
                        max_length=20,
                    ),
                ),
                ("subject", models.CharField(blank=True, help_text="What it is about, such as cap 7.", max_length=100)),
                ("day", models.DateField()),
                ("text", models.TextField()),
                ("created_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "campaign_alerts",
            },
        ),
        migrations.CreateModel(
            name="CampaignSpend",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("counter", models.CharField(max_length=64)),
                ("amount", tracker_project.common.fields.AmountField(decimal_places=8, max_digits=28)),
                (
                    "updated_at",
                    models.DateTimeField(auto_now=True, db_default=django.db.models.functions.datetime.Now()),
                ),
            ],
            options={
                "db_table": "campaign_spends",
            },
        ),
        migrations.CreateModel(
            name="Cap",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "event",
                    models.CharField(
                        choices=[
                            ("click", "Clicks"),
                            ("registration", "Registrations"),
                            ("first_deposit", "First deposits"),
                        ],
                        default="click",
                        max_length=15,
                    ),
                ),
                (
                    "period",
                    models.CharField(choices=[("day", "a day"), ("total", "in all")], default="day", max_length=5),
                ),
                ("limit", models.PositiveIntegerField(verbose_name="at most")),
                (
                    "time_zone",
                    models.CharField(
                        default="UTC",
                        help_text="An offer's day begins at midnight there; a campaign's and a flow's in the campaign's time zone.",
                        max_length=50,
                        validators=[tracker_project.common.time.validate_time_zone],
                    ),
                ),
            ],
            options={
                "db_table": "caps",
            },
        ),
        migrations.CreateModel(
            name="CapUse",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(null=True)),
                ("counter", models.CharField(max_length=64)),
                ("uses", models.BigIntegerField()),
                (
                    "updated_at",
                    models.DateTimeField(auto_now=True, db_default=django.db.models.functions.datetime.Now()),
                ),
            ],
            options={
                "db_table": "cap_uses",
            },
        ),
        migrations.CreateModel(
            name="Flow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("forced", "Forced: tried first, by position"),
                            ("regular", "Regular: by position or by weight"),
                            ("default", "Default: takes whom no other flow took"),
                        ],
                        default="regular",
                        max_length=10,
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(default=1, help_text="1 is tried first.")),
                (
                    "weight",
                    models.PositiveIntegerField(default=100, help_text="0: only visitors that it already bound to it."),
                ),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("offers", "Redirect to its landing pages and offers"),
                            ("paused_page", "Show a page: the offer is taking a break"),
                            ("nothing", "Send nobody on: a short page says that there is nothing here"),
                        ],
                        default="offers",
                        max_length=12,
                    ),
                ),
                (
                    "matches",
                    models.CharField(
                        choices=[("all", "All filters (AND)"), ("any", "Any filter (OR)")],
                        default="all",
                        max_length=3,
                        verbose_name="takes who matches",
                    ),
                ),
                ("is_active", models.BooleanField(default=True)),
                ("notes", models.TextField(blank=True)),
            ],
            options={
                "db_table": "flows",
            },
        ),
        migrations.CreateModel(
            name="FlowFilter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "field",
                    models.CharField(
                        choices=[
                            ("country", "Country"),
                            ("region", "Region"),
                            ("city", "City"),
                            ("language", "Language"),
                            ("device", "Device type"),
                            ("os", "OS"),
                            ("os_version", "OS version"),
                            ("browser", "Browser"),
                            ("connection", "Connection type"),
                            ("isp", "ISP"),
                            ("asn", "AS number"),
                            ("referrer", "Referrer"),
                            ("keyword", "Keyword"),
                            ("placement", "Placement"),
                            ("sub_id_1", "Sub id 1"),
                            ("sub_id_2", "Sub id 2"),
                            ("sub_id_3", "Sub id 3"),
                            ("sub_id_4", "Sub id 4"),
                            ("sub_id_5", "Sub id 5"),
                            ("sub_id_6", "Sub id 6"),
                            ("sub_id_7", "Sub id 7"),
                            ("sub_id_8", "Sub id 8"),
                            ("sub_id_9", "Sub id 9"),
                            ("sub_id_10", "Sub id 10"),
                            ("platform_click_id", "Platform click id present"),
                            ("weekday", "Weekday"),
                            ("hour", "Hour"),
                            ("unique", "Unique visitor"),
                            ("bot", "Bot"),
                            ("scenario", "Scenario"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "operator",
                    models.CharField(choices=[("is", "is"), ("is_not", "is not")], default="is", max_length=6),
                ),
                (
                    "values",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=200),
                        help_text="One of them is enough, such as MT,FI.",
                        size=None,
                    ),
                ),
            ],
            options={
                "db_table": "flow_filters",
            },
        ),
        migrations.CreateModel(
            name="FlowLandingPage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("weight", models.PositiveIntegerField(default=100)),
            ],
            options={
                "db_table": "flow_landing_pages",
            },
        ),
        migrations.CreateModel(
            name="FlowOffer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "position",
                    models.PositiveSmallIntegerField(
                        default=1,
                        help_text="The number of its link on a landing page: /go/<click id>/2 leads to number 2.",
                    ),
                ),
                ("weight", models.PositiveIntegerField(default=100)),
            ],
            options={
                "db_table": "flow_offers",
            },
        ),
        migrations.CreateModel(
            name="LandingPage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, unique=True)),
                (
                    "url",
                    models.TextField(
                        help_text="With macros, such as https://lp.example/slots?cid={click_id}. Its links lead to /go/<click id>.",
                        validators=[campaigns.domain.macros.validate_landing_page_url],
                        verbose_name="URL template",
                    ),
                ),
                ("notes", models.TextField(blank=True)),
                ("is_archived", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "db_table": "landing_pages",
            },
        ),
        migrations.CreateModel(
            name="Licence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "jurisdiction",
                    models.CharField(help_text="Who granted it, such as Malta Gaming Authority.", max_length=100),
                ),
                ("number", models.CharField(max_length=100)),
                (
                    "country",
                    models.CharField(
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
                        help_text="The end of the ISO 3166-2 code, such as NJ. Empty: the whole country.",
                        max_length=3,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z0-9]{1,3}\\Z", "Write a region as the end of its ISO 3166-2 code, as NJ."
                            )
                        ],
                    ),
                ),
                (
                    "city",
                    models.CharField(
                        blank=True, help_text="In English. Empty: the whole region or country.", max_length=100
                    ),
                ),
                ("valid_from", models.DateField()),
                (
                    "valid_until",
                    models.DateField(blank=True, help_text="The last day. Empty: no end is known.", null=True),
                ),
            ],
            options={
                "db_table": "licences",
            },
        ),
        migrations.CreateModel(
            name="PlatformPermission",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "country",
                    models.CharField(
                        max_length=2,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z]{2}\\Z", "Write a country as two capitals, as in MT."
                            )
                        ],
                    ),
                ),
                (
                    "domain",
                    models.CharField(
                        blank=True, help_text="Such as casino.example. Empty: the platform named none.", max_length=253
                    ),
                ),
                (
                    "reference",
                    models.CharField(blank=True, help_text="The certificate or case number.", max_length=100),
                ),
                ("valid_from", models.DateField()),
                (
                    "valid_until",
                    models.DateField(blank=True, help_text="The last day. Empty: no end is known.", null=True),
                ),
            ],
            options={
                "db_table": "platform_permissions",
            },
        ),
        migrations.CreateModel(
            name="Scenario",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, unique=True)),
                (
                    "slug",
                    models.CharField(
                        help_text="What a flow's filter names, such as summer-2026.",
                        max_length=50,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z0-9-]+\\Z", "A slug has small letters, digits and - only."
                            )
                        ],
                    ),
                ),
                ("starts_on", models.DateField(help_text="The first day.")),
                (
                    "ends_on",
                    models.DateField(blank=True, help_text="The first day after it. Empty: it goes on.", null=True),
                ),
                (
                    "time_zone",
                    models.CharField(
                        default="UTC", max_length=50, validators=[tracker_project.common.time.validate_time_zone]
                    ),
                ),
                (
                    "separator_on",
                    models.DateField(
                        blank=True, help_text="The day that parts before from after, such as a redesign.", null=True
                    ),
                ),
                ("notes", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "db_table": "scenarios",
            },
        ),
        migrations.CreateModel(
            name="SourceParameter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "name",
                    models.CharField(
                        choices=[
                            ("sub_id_1", "Sub id 1"),
                            ("sub_id_2", "Sub id 2"),
                            ("sub_id_3", "Sub id 3"),
                            ("sub_id_4", "Sub id 4"),
                            ("sub_id_5", "Sub id 5"),
                            ("sub_id_6", "Sub id 6"),
                            ("sub_id_7", "Sub id 7"),
                            ("sub_id_8", "Sub id 8"),
                            ("sub_id_9", "Sub id 9"),
                            ("sub_id_10", "Sub id 10"),
                            ("keyword", "Keyword"),
                            ("placement", "Placement"),
                            ("external_id", "The source's click id"),
                        ],
                        max_length=20,
                        verbose_name="is kept as",
                    ),
                ),
                (
                    "parameter",
                    models.CharField(
                        help_text="Its name in the click's URL.",
                        max_length=50,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Za-z0-9_.-]*\\Z", "A parameter's name has letters, digits, _ . or - only."
                            )
                        ],
                    ),
                ),
            ],
            options={
                "db_table": "source_parameters",
            },
        ),
        migrations.CreateModel(
            name="TrackingDomain",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "host",
                    models.CharField(
                        help_text="Such as go.example.com, without https:// and port.",
                        max_length=253,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?\\Z", "Write the host alone, in small letters."
                            )
                        ],
                    ),
                ),
                (
                    "unknown_path",
                    models.CharField(
                        choices=[
                            ("not_found", "A page says that there is nothing here"),
                            ("root", "The same as at the root"),
                            ("redirect", "A redirect to the address below"),
                        ],
                        default="not_found",
                        max_length=10,
                    ),
                ),
                (
                    "unknown_url",
                    models.URLField(blank=True, help_text="Where unknown paths lead, if they lead anywhere."),
                ),
                ("is_active", models.BooleanField(default=True)),
                ("notes", models.TextField(blank=True)),
            ],
            options={
                "db_table": "tracking_domains",
            },
        ),
        migrations.AddField(
            model_name="campaign",
            name="alert_percent",
            field=models.PositiveSmallIntegerField(
                default=80, help_text="Alert when so much of a budget or a cap is used."
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="counts_staff",
            field=models.BooleanField(
                default=False,
                help_text="Clicks of staff are always kept, marked as such.",
                verbose_name="count clicks of staff",
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="daily_budget",
            field=tracker_project.common.fields.AmountField(
                blank=True,
                decimal_places=8,
                help_text="For a day of its time zone, in its currency.",
                max_digits=28,
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="fallback_url",
            field=models.TextField(
                blank=True,
                help_text="Where visitors go whom no offer may take: outside all licences, or with all caps reached. Empty: a page says that the offer is not available.",
                validators=[campaigns.domain.macros.validate_landing_page_url],
                verbose_name="fallback URL",
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="flow_choice",
            field=models.CharField(
                choices=[
                    ("position", "By position: the first that takes the visitor"),
                    ("weight", "By weight: a draw among those that take the visitor"),
                ],
                default="position",
                max_length=10,
                verbose_name="regular flows",
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="own_hosts",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=253),
                blank=True,
                default=list,
                help_text="Hosts of pages that carry /t.js or that {lpurl} may name, such as casino.example,lp.example.",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="pacing",
            field=models.CharField(
                choices=[("none", "As it comes"), ("even", "Evenly over the day")], default="none", max_length=5
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="stops_at_budget",
            field=models.BooleanField(
                default=False, help_text="Send visitors to the fallback once the day's budget is used."
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="uniqueness",
            field=models.CharField(
                choices=[
                    ("visitor_key", "Visitor key: address and browser, within a day"),
                    ("cookie", "Cookie where consent allows, else visitor key"),
                ],
                default="visitor_key",
                max_length=12,
                verbose_name="repeat visitors are known by",
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="uniqueness_hours",
            field=models.PositiveSmallIntegerField(
                default=24,
                help_text="A visitor's click is unique again after so many hours. A visitor key lasts 48 at most.",
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="unknown_geography",
            field=models.CharField(
                choices=[("fallback", "Send to the fallback"), ("allow", "Send on as if the licence covered them")],
                default="fallback",
                max_length=10,
                verbose_name="visitors from an unknown place",
            ),
        ),
        migrations.AddField(
            model_name="offer",
            name="alternative",
            field=models.ForeignKey(
                blank=True,
                help_text="Where visitors go once a cap of this offer is reached.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="campaigns.offer",
            ),
        ),
        migrations.AddField(
            model_name="offer",
            name="is_archived",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="offer",
            name="is_licensed_only",
            field=models.BooleanField(
                default=True,
                help_text="Only visitors from a place that one of its licences covers reach it. Untick for an offer that needs no licence.",
                verbose_name="needs a licence",
            ),
        ),
        migrations.AddField(
            model_name="offer",
            name="notes",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="trafficsource",
            name="click_url_parameters",
            field=models.TextField(
                blank=True,
                help_text="What to add to a tracking link in the source's own editor, such as sub_id_1={{ad.id}}.",
            ),
        ),
        migrations.AddField(
            model_name="trafficsource",
            name="cost_currency",
            field=tracker_project.common.fields.CurrencyField(
                blank=True,
                help_text="The currency of that cost. Empty: the campaign's currency.",
                max_length=5,
                validators=[tracker_project.common.money.validate_currency],
            ),
        ),
        migrations.AddField(
            model_name="trafficsource",
            name="platform",
            field=models.CharField(
                choices=[("meta", "Meta"), ("google", "Google"), ("tiktok", "TikTok"), ("other", "Other")],
                default="other",
                help_text="Meta, Google and TikTok ask for a permission to advertise gambling.",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="trafficsource",
            name="tracks_in_parallel",
            field=models.BooleanField(
                default=False,
                help_text="The browser goes straight to the landing page while the link is called in the background (Google Ads, Microsoft Ads). Flows do not route such clicks.",
            ),
        ),
        migrations.AlterField(
            model_name="campaign",
            name="offer",
            field=models.ForeignKey(
                blank=True,
                help_text="Where visitors go whom no flow takes. May be empty where flows lead on.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="campaigns",
                to="campaigns.offer",
            ),
        ),
        migrations.AlterField(
            model_name="trafficsource",
            name="cost_parameter",
            field=models.CharField(
                blank=True,
                help_text="The parameter with the cost of this click.",
                max_length=50,
                validators=[
                    django.core.validators.RegexValidator(
                        "^[A-Za-z0-9_.-]*\\Z", "A parameter's name has letters, digits, _ . or - only."
                    )
                ],
            ),
        ),
        migrations.AddConstraint(
            model_name="offer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("alternative__isnull", True),
                    models.Q(("alternative", models.F("id")), _negated=True),
                    _connector="OR",
                ),
                name="an_offer_is_not_its_own_alternative",
            ),
        ),
        migrations.AddConstraint(
            model_name="trafficsource",
            constraint=models.CheckConstraint(
                condition=models.Q(("platform__in", ["meta", "google", "tiktok", "other"])),
                name="source_platform_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="advertisingaccount",
            constraint=models.UniqueConstraint(
                fields=("platform", "account_id"), name="one_account_per_platform_and_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="advertisingaccount",
            constraint=models.CheckConstraint(
                condition=models.Q(("platform__in", ["meta", "google", "tiktok", "other"])),
                name="account_platform_is_known",
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="advertising_account",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="campaigns",
                to="campaigns.advertisingaccount",
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("flow_choice__in", ["position", "weight"])), name="flow_choice_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("unknown_geography__in", ["fallback", "allow"])), name="unknown_geography_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("uniqueness__in", ["visitor_key", "cookie"])), name="uniqueness_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("uniqueness_hours__gte", 1), ("uniqueness_hours__lte", 720)),
                name="uniqueness_lasts_1_to_720_hours",
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("pacing__in", ["none", "even"])), name="pacing_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("daily_budget__isnull", True), ("daily_budget__gt", 0), _connector="OR"),
                name="daily_budget_is_positive",
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("alert_percent__gte", 1), ("alert_percent__lte", 100)),
                name="alert_percent_is_1_to_100",
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("fallback_url", ""), ("fallback_url__regex", "^https?://"), _connector="OR"),
                name="fallback_url_is_a_web_address",
            ),
        ),
        migrations.AddField(
            model_name="campaignalert",
            name="campaign",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="alerts", to="campaigns.campaign"
            ),
        ),
        migrations.AddField(
            model_name="campaignspend",
            name="campaign",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="spends", to="campaigns.campaign"
            ),
        ),
        migrations.AddField(
            model_name="cap",
            name="campaign",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="caps",
                to="campaigns.campaign",
            ),
        ),
        migrations.AddField(
            model_name="cap",
            name="offer",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="caps",
                to="campaigns.offer",
            ),
        ),
        migrations.AddField(
            model_name="capuse",
            name="cap",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="uses", to="campaigns.cap"
            ),
        ),
        migrations.AddField(
            model_name="flow",
            name="campaign",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="flows", to="campaigns.campaign"
            ),
        ),
        migrations.AddField(
            model_name="cap",
            name="flow",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="caps",
                to="campaigns.flow",
            ),
        ),
        migrations.AddField(
            model_name="flowfilter",
            name="flow",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="filters", to="campaigns.flow"
            ),
        ),
        migrations.AddField(
            model_name="flowlandingpage",
            name="flow",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="flow_landing_pages", to="campaigns.flow"
            ),
        ),
        migrations.AddField(
            model_name="flowoffer",
            name="flow",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="flow_offers", to="campaigns.flow"
            ),
        ),
        migrations.AddField(
            model_name="flowoffer",
            name="offer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="flow_offers", to="campaigns.offer"
            ),
        ),
        migrations.AddConstraint(
            model_name="landingpage",
            constraint=models.CheckConstraint(
                condition=models.Q(("url__regex", "^https?://")), name="landing_page_url_is_a_web_address"
            ),
        ),
        migrations.AddField(
            model_name="flowlandingpage",
            name="landing_page",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="flow_landing_pages",
                to="campaigns.landingpage",
            ),
        ),
        migrations.AddField(
            model_name="licence",
            name="offer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="licences", to="campaigns.offer"
            ),
        ),
        migrations.AddField(
            model_name="platformpermission",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="permissions",
                to="campaigns.advertisingaccount",
            ),
        ),
        migrations.AddField(
            model_name="platformpermission",
            name="offer",
            field=models.ForeignKey(
                blank=True,
                help_text="Empty: all.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="permissions",
                to="campaigns.offer",
            ),
        ),
        migrations.AddField(
            model_name="scenario",
            name="campaigns",
            field=models.ManyToManyField(
                blank=True, help_text="None chosen: all campaigns.", related_name="scenarios", to="campaigns.campaign"
            ),
        ),
        migrations.AddField(
            model_name="sourceparameter",
            name="source",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="parameters", to="campaigns.trafficsource"
            ),
        ),
        migrations.AddField(
            model_name="trackingdomain",
            name="root_link",
            field=models.ForeignKey(
                blank=True,
                help_text="The link whose campaign answers at the root. Empty: the page for unknown paths.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="domains",
                to="campaigns.trackinglink",
            ),
        ),
        migrations.AddIndex(
            model_name="campaignalert",
            index=models.Index(fields=["-created_at"], name="alerts_by_time"),
        ),
        migrations.AddConstraint(
            model_name="campaignalert",
            constraint=models.UniqueConstraint(
                fields=("campaign", "kind", "subject", "day"), name="one_alert_per_subject_and_day"
            ),
        ),
        migrations.AddConstraint(
            model_name="campaignspend",
            constraint=models.UniqueConstraint(
                fields=("campaign", "day", "counter"), name="one_spend_per_campaign_day_and_counter"
            ),
        ),
        migrations.AddConstraint(
            model_name="campaignspend",
            constraint=models.CheckConstraint(
                condition=models.Q(("counter", ""), _negated=True), name="spend_names_its_counter"
            ),
        ),
        migrations.AddConstraint(
            model_name="capuse",
            constraint=models.UniqueConstraint(
                fields=("cap", "day", "counter"), name="one_use_per_counter", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="capuse",
            constraint=models.CheckConstraint(condition=models.Q(("uses__gte", 0)), name="cap_uses_are_not_negative"),
        ),
        migrations.AddConstraint(
            model_name="capuse",
            constraint=models.CheckConstraint(
                condition=models.Q(("counter", ""), _negated=True), name="cap_use_names_its_counter"
            ),
        ),
        migrations.AddConstraint(
            model_name="flow",
            constraint=models.UniqueConstraint(fields=("campaign", "name"), name="one_flow_per_name_and_campaign"),
        ),
        migrations.AddConstraint(
            model_name="flow",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_active", True), ("kind", "default")),
                fields=("campaign",),
                name="one_default_flow_per_campaign",
            ),
        ),
        migrations.AddConstraint(
            model_name="flow",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["forced", "regular", "default"])), name="flow_kind_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="flow",
            constraint=models.CheckConstraint(
                condition=models.Q(("action__in", ["offers", "paused_page", "nothing"])), name="flow_action_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="flow",
            constraint=models.CheckConstraint(
                condition=models.Q(("matches__in", ["all", "any"])), name="flow_matches_all_or_any"
            ),
        ),
        migrations.AddConstraint(
            model_name="cap",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("campaign__isnull", False), ("flow__isnull", True), ("offer__isnull", True)),
                    models.Q(("campaign__isnull", True), ("flow__isnull", True), ("offer__isnull", False)),
                    models.Q(("campaign__isnull", True), ("flow__isnull", False), ("offer__isnull", True)),
                    _connector="OR",
                ),
                name="a_cap_is_of_one_thing",
            ),
        ),
        migrations.AddConstraint(
            model_name="cap",
            constraint=models.UniqueConstraint(
                fields=("campaign", "offer", "flow", "event", "period"), name="one_cap_of_a_kind", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="cap",
            constraint=models.CheckConstraint(
                condition=models.Q(("event__in", ["click", "registration", "first_deposit"])), name="cap_event_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="cap",
            constraint=models.CheckConstraint(
                condition=models.Q(("period__in", ["day", "total"])), name="cap_period_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="flowfilter",
            constraint=models.CheckConstraint(
                condition=models.Q(("operator__in", ["is", "is_not"])), name="filter_is_or_is_not"
            ),
        ),
        migrations.AddConstraint(
            model_name="flowfilter",
            constraint=models.CheckConstraint(condition=models.Q(("values__len__gt", 0)), name="filter_has_values"),
        ),
        migrations.AddConstraint(
            model_name="flowoffer",
            constraint=models.UniqueConstraint(fields=("flow", "offer"), name="an_offer_once_a_flow"),
        ),
        migrations.AddConstraint(
            model_name="flowlandingpage",
            constraint=models.UniqueConstraint(fields=("flow", "landing_page"), name="a_landing_page_once_a_flow"),
        ),
        migrations.AddConstraint(
            model_name="licence",
            constraint=models.UniqueConstraint(
                fields=("offer", "number", "country", "region", "city", "valid_from"), name="one_licence_row_per_place"
            ),
        ),
        migrations.AddConstraint(
            model_name="licence",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("valid_until__isnull", True), ("valid_until__gte", models.F("valid_from")), _connector="OR"
                ),
                name="licence_ends_after_it_starts",
            ),
        ),
        migrations.AddConstraint(
            model_name="platformpermission",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("valid_until__isnull", True), ("valid_until__gte", models.F("valid_from")), _connector="OR"
                ),
                name="permission_ends_after_it_starts",
            ),
        ),
        migrations.AddConstraint(
            model_name="scenario",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_on__isnull", True), ("ends_on__gt", models.F("starts_on")), _connector="OR"),
                name="scenario_ends_after_it_starts",
            ),
        ),
        migrations.AddConstraint(
            model_name="sourceparameter",
            constraint=models.UniqueConstraint(fields=("source", "name", "parameter"), name="a_source_parameter_once"),
        ),
        migrations.AddConstraint(
            model_name="sourceparameter",
            constraint=models.CheckConstraint(
                condition=models.Q(("parameter", ""), _negated=True), name="source_parameter_is_named"
            ),
        ),
        migrations.AddConstraint(
            model_name="trackingdomain",
            constraint=models.CheckConstraint(
                condition=models.Q(("host", django.db.models.functions.text.Lower(models.F("host")))),
                name="tracking_domain_is_in_small_letters",
            ),
        ),
        migrations.AddConstraint(
            model_name="trackingdomain",
            constraint=models.CheckConstraint(
                condition=models.Q(("unknown_path__in", ["not_found", "root", "redirect"])),
                name="unknown_path_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="trackingdomain",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("unknown_path", "redirect"), _negated=True),
                    ("unknown_url__regex", "^https?://"),
                    _connector="OR",
                ),
                name="unknown_path_redirect_has_an_address",
            ),
        ),
        migrations.AddConstraint(
            model_name="trackingdomain",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("unknown_path", "root"), _negated=True), ("root_link__isnull", False), _connector="OR"
                ),
                name="unknown_path_root_has_a_link",
            ),
        ),
    ]
