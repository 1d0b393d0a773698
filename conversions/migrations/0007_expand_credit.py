"""Touchpoints, decisions about credit with their reasons, what staff changed of it, evidence of theft."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("attribution", "0004_expand_credit_rules"),
        ("campaigns", "0004_routing_rules"),
        ("conversions", "0006_expand_destinations"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="player",
            name="credit_ends_at",
            field=models.DateTimeField(
                blank=True,
                help_text="Deposits from then on are credited to nobody. Empty: credit is for life.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="conversion",
            name="credit_outcome",
            field=models.CharField(
                choices=[
                    ("waiting", "No registration yet"),
                    ("click", "Credited to the click"),
                    ("install", "Credited to the app's install"),
                    ("view", "Credited to the view"),
                    ("promo_code", "Credited by promo code"),
                    ("partner_tag", "Credited by partner tag"),
                    ("staff", "Credited by a person"),
                    ("no_claim", "The registration named no click, code or partner"),
                    ("forged_click_id", "The click id is forged"),
                    ("malformed_click_id", "The click id is not one of ours"),
                    ("unknown_link", "The click's link does not exist"),
                    ("outside_window", "The click is too old"),
                    ("not_credited", "The rule in force credits none of the touches"),
                    ("late_deposit", "The deposit came too long after the registration"),
                    ("unknown_code", "No link or partner has the code or tag"),
                ],
                default="waiting",
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="install",
            name="credit_outcome",
            field=models.CharField(
                choices=[
                    ("waiting", "No registration yet"),
                    ("click", "Credited to the click"),
                    ("install", "Credited to the app's install"),
                    ("view", "Credited to the view"),
                    ("promo_code", "Credited by promo code"),
                    ("partner_tag", "Credited by partner tag"),
                    ("staff", "Credited by a person"),
                    ("no_claim", "The registration named no click, code or partner"),
                    ("forged_click_id", "The click id is forged"),
                    ("malformed_click_id", "The click id is not one of ours"),
                    ("unknown_link", "The click's link does not exist"),
                    ("outside_window", "The click is too old"),
                    ("not_credited", "The rule in force credits none of the touches"),
                    ("late_deposit", "The deposit came too long after the registration"),
                    ("unknown_code", "No link or partner has the code or tag"),
                ],
                default="waiting",
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="milestone",
            name="credit_outcome",
            field=models.CharField(
                choices=[
                    ("waiting", "No registration yet"),
                    ("click", "Credited to the click"),
                    ("install", "Credited to the app's install"),
                    ("view", "Credited to the view"),
                    ("promo_code", "Credited by promo code"),
                    ("partner_tag", "Credited by partner tag"),
                    ("staff", "Credited by a person"),
                    ("no_claim", "The registration named no click, code or partner"),
                    ("forged_click_id", "The click id is forged"),
                    ("malformed_click_id", "The click id is not one of ours"),
                    ("unknown_link", "The click's link does not exist"),
                    ("outside_window", "The click is too old"),
                    ("not_credited", "The rule in force credits none of the touches"),
                    ("late_deposit", "The deposit came too long after the registration"),
                    ("unknown_code", "No link or partner has the code or tag"),
                ],
                default="waiting",
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="player",
            name="credit_outcome",
            field=models.CharField(
                choices=[
                    ("waiting", "No registration yet"),
                    ("click", "Credited to the click"),
                    ("install", "Credited to the app's install"),
                    ("view", "Credited to the view"),
                    ("promo_code", "Credited by promo code"),
                    ("partner_tag", "Credited by partner tag"),
                    ("staff", "Credited by a person"),
                    ("no_claim", "The registration named no click, code or partner"),
                    ("forged_click_id", "The click id is forged"),
                    ("malformed_click_id", "The click id is not one of ours"),
                    ("unknown_link", "The click's link does not exist"),
                    ("outside_window", "The click is too old"),
                    ("not_credited", "The rule in force credits none of the touches"),
                    ("late_deposit", "The deposit came too long after the registration"),
                    ("unknown_code", "No link or partner has the code or tag"),
                ],
                default="waiting",
                max_length=20,
            ),
        ),
        migrations.CreateModel(
            name="CreditDecision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "cause",
                    models.CharField(
                        choices=[
                            ("registration", "He registered"),
                            ("touch", "Another touch became known"),
                            ("staff", "Staff decided"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("waiting", "No registration yet"),
                            ("click", "Credited to the click"),
                            ("install", "Credited to the app's install"),
                            ("view", "Credited to the view"),
                            ("promo_code", "Credited by promo code"),
                            ("partner_tag", "Credited by partner tag"),
                            ("staff", "Credited by a person"),
                            ("no_claim", "The registration named no click, code or partner"),
                            ("forged_click_id", "The click id is forged"),
                            ("malformed_click_id", "The click id is not one of ours"),
                            ("unknown_link", "The click's link does not exist"),
                            ("outside_window", "The click is too old"),
                            ("not_credited", "The rule in force credits none of the touches"),
                            ("late_deposit", "The deposit came too long after the registration"),
                            ("unknown_code", "No link or partner has the code or tag"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "window_hours",
                    models.PositiveIntegerField(help_text="The window in which the credited touch lies.", null=True),
                ),
                ("reason", models.CharField(max_length=500)),
                ("candidates", models.JSONField()),
                ("click_uuid", models.UUIDField(null=True)),
                ("decided_at", models.DateTimeField()),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
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
                        null=True,
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
                    "player",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credit_decisions",
                        to="conversions.player",
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="attribution.creditrule",
                    ),
                ),
            ],
            options={
                "db_table": "credit_decisions",
            },
        ),
        migrations.AddField(
            model_name="conversion",
            name="credit_decision",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                help_text="Why it is credited so.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="conversions.creditdecision",
            ),
        ),
        migrations.AddField(
            model_name="player",
            name="credit_decision",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                help_text="Why he is credited so; empty for players from before reasons were kept.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="conversions.creditdecision",
            ),
        ),
        migrations.CreateModel(
            name="CreditIntervention",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("retag", "Given to another"),
                            ("release", "Left to the rule again"),
                            ("join", "Touch joined"),
                            ("separate", "Touch separated"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "channel",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("click", "Click"),
                            ("install", "App install"),
                            ("promo_code", "Promo code"),
                            ("partner_tag", "Partner tag"),
                            ("view", "View"),
                        ],
                        max_length=11,
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=100)),
                ("reason", models.CharField(max_length=500)),
                ("created_at", models.DateTimeField()),
                (
                    "actor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "link",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="campaigns.trackinglink",
                    ),
                ),
                (
                    "partner_after",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="players_gained",
                        to="campaigns.partner",
                    ),
                ),
                (
                    "partner_before",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="players_lost",
                        to="campaigns.partner",
                    ),
                ),
                (
                    "player",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credit_interventions",
                        to="conversions.player",
                    ),
                ),
            ],
            options={
                "db_table": "credit_interventions",
            },
        ),
        migrations.CreateModel(
            name="PlayerMerge",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.CharField(max_length=500)),
                ("merged_at", models.DateTimeField()),
                ("undone_at", models.DateTimeField(null=True)),
                ("undo_reason", models.CharField(blank=True, max_length=500)),
                (
                    "actor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "other",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="merged_into", to="conversions.player"
                    ),
                ),
                (
                    "player",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="merges", to="conversions.player"
                    ),
                ),
                (
                    "undone_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "player_merges",
            },
        ),
        migrations.CreateModel(
            name="TheftEvidence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("late_click", "Click just before the registration"),
                            ("changed_tag", "Partner tag overwritten"),
                            ("other_tag", "Registration's tag names another partner than the touches before it"),
                        ],
                        max_length=11,
                    ),
                ),
                ("seconds_before", models.IntegerField(help_text="From the later touch to the registration.")),
                (
                    "seconds_after",
                    models.BigIntegerField(help_text="From the earlier partner's touch to the later one."),
                ),
                (
                    "is_probable",
                    models.BooleanField(help_text="The earlier touch is known by the visitor's key alone."),
                ),
                ("occurred_at", models.DateTimeField(help_text="When the player registered.")),
                ("noticed_at", models.DateTimeField()),
                (
                    "partner_after",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="taken_by", to="campaigns.partner"
                    ),
                ),
                (
                    "partner_before",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="taken_from", to="campaigns.partner"
                    ),
                ),
                (
                    "player",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="theft_evidence",
                        to="conversions.player",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "theft evidence",
                "db_table": "theft_evidence",
            },
        ),
        migrations.CreateModel(
            name="Touchpoint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "how",
                    models.CharField(
                        choices=[
                            ("registration", "named by the registration"),
                            ("milestone", "named by a signup, lead or sale"),
                            ("deposit", "named by a deposit"),
                            ("install", "reported by the measurement partner"),
                            ("visitor", "same address and browser on the same day"),
                            ("staff", "joined by staff"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "channel",
                    models.CharField(
                        choices=[
                            ("click", "Click"),
                            ("install", "App install"),
                            ("promo_code", "Promo code"),
                            ("partner_tag", "Partner tag"),
                            ("view", "View"),
                        ],
                        max_length=11,
                    ),
                ),
                (
                    "name",
                    models.CharField(blank=True, help_text="The click's id, the code or the tag.", max_length=100),
                ),
                ("occurred_at", models.DateTimeField(help_text="When he was touched: a click's own time.")),
                (
                    "named_at",
                    models.DateTimeField(
                        help_text="When that was said; what is said after the registration is only shown."
                    ),
                ),
                ("problem", models.CharField(blank=True, max_length=20)),
                ("click_uuid", models.UUIDField(null=True)),
                ("install_id", models.CharField(blank=True, help_text="The install's keyed token.", max_length=64)),
                ("is_due", models.BooleanField(default=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
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
                    "event",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="conversions.inboxevent",
                    ),
                ),
                (
                    "link",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
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
                    "platform",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="conversions.platform",
                    ),
                ),
                (
                    "player",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="touchpoints",
                        to="conversions.player",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="campaigns.trafficsource",
                    ),
                ),
            ],
            options={
                "db_table": "touchpoints",
            },
        ),
        migrations.AddConstraint(
            model_name="creditdecision",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="credit_decision_has_a_reason"
            ),
        ),
        migrations.AddConstraint(
            model_name="creditdecision",
            constraint=models.CheckConstraint(
                condition=models.Q(("cause__in", ["registration", "touch", "staff"])),
                name="credit_decision_has_a_cause",
            ),
        ),
        migrations.AddConstraint(
            model_name="creditintervention",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="credit_intervention_has_a_reason"
            ),
        ),
        migrations.AddConstraint(
            model_name="creditintervention",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("channel", ""),
                        ("kind", "retag"),
                        ("name", ""),
                        models.Q(("link__isnull", False), ("partner_after__isnull", False), _connector="OR"),
                    ),
                    models.Q(("channel", ""), ("kind", "release"), ("link__isnull", True), ("name", "")),
                    models.Q(
                        ("kind__in", ["join", "separate"]),
                        ("link__isnull", True),
                        models.Q(("channel", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="credit_intervention_says_what",
            ),
        ),
        migrations.AddConstraint(
            model_name="playermerge",
            constraint=models.UniqueConstraint(
                condition=models.Q(("undone_at__isnull", True)),
                fields=("player", "other"),
                name="one_merge_in_force_per_pair",
            ),
        ),
        migrations.AddConstraint(
            model_name="playermerge",
            constraint=models.CheckConstraint(
                condition=models.Q(("player__lt", models.F("other"))), name="merge_names_two_players_in_order"
            ),
        ),
        migrations.AddConstraint(
            model_name="playermerge",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="merge_has_a_reason"
            ),
        ),
        migrations.AddConstraint(
            model_name="playermerge",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("undo_reason", ""), ("undone_at__isnull", True), ("undone_by__isnull", True)),
                    models.Q(
                        ("undone_at__isnull", False),
                        ("undone_by__isnull", False),
                        models.Q(("undo_reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="undone_merge_says_who_and_why",
            ),
        ),
        migrations.AddIndex(
            model_name="theftevidence",
            index=models.Index(fields=["partner_after", "occurred_at"], name="theft_evidence_by_taker"),
        ),
        migrations.AddConstraint(
            model_name="theftevidence",
            constraint=models.UniqueConstraint(
                fields=("player", "kind", "partner_before", "partner_after"), name="one_evidence_per_kind_and_partners"
            ),
        ),
        migrations.AddConstraint(
            model_name="theftevidence",
            constraint=models.CheckConstraint(
                condition=models.Q(("partner_before", models.F("partner_after")), _negated=True),
                name="evidence_is_about_two_partners",
            ),
        ),
        migrations.AddConstraint(
            model_name="theftevidence",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["late_click", "changed_tag", "other_tag"])),
                name="evidence_kind_is_known",
            ),
        ),
        migrations.AddIndex(
            model_name="touchpoint",
            index=models.Index(
                condition=models.Q(("click_uuid__isnull", False)),
                fields=["platform", "click_uuid"],
                name="touchpoints_by_click",
            ),
        ),
        migrations.AddIndex(
            model_name="touchpoint",
            index=models.Index(
                condition=models.Q(("install_id", ""), _negated=True),
                fields=["platform", "install_id"],
                name="touchpoints_by_install",
            ),
        ),
        migrations.AddIndex(
            model_name="touchpoint",
            index=models.Index(condition=models.Q(("is_due", True)), fields=["id"], name="touchpoints_due"),
        ),
        migrations.AddConstraint(
            model_name="touchpoint",
            constraint=models.UniqueConstraint(
                fields=("event", "channel", "name"), name="one_touchpoint_per_event_and_name"
            ),
        ),
        migrations.AddConstraint(
            model_name="touchpoint",
            constraint=models.UniqueConstraint(
                condition=models.Q(("event__isnull", True)),
                fields=("player", "channel", "name"),
                name="one_touchpoint_joined_by_staff",
            ),
        ),
        migrations.AddConstraint(
            model_name="touchpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("event__isnull", True), ("how", "staff"), ("player__isnull", False)),
                    models.Q(models.Q(("how", "staff"), _negated=True), ("event__isnull", False)),
                    _connector="OR",
                ),
                name="touchpoint_has_its_event_or_is_by_staff",
            ),
        ),
        migrations.AddConstraint(
            model_name="touchpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("channel__in", ["click", "install", "promo_code", "partner_tag", "view"])),
                name="touchpoint_channel_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="touchpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("how__in", ["registration", "milestone", "deposit", "install", "visitor", "staff"])
                ),
                name="touchpoint_tells_how",
            ),
        ),
    ]
