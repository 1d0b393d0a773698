"""Rules of credit: which is in force, how versions follow each other, and what the database refuses."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, IntegrityError, transaction

from attribution.domain.credit_rules import (
    BUILT_IN,
    ReasonMissing,
    RuleStartsInThePast,
    end_rule,
    open_rule_version,
    rules_in_force,
)
from attribution.models import CreditRule
from tests.attribution.credit_builders import make_rule
from tests.world import NOON, make_brand, make_campaign
from tracker_project.common.database import broken_constraint

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice")


def test_rules_in_force_are_the_campaigns_else_the_brands_else_the_default():
    campaign, other, brand = make_campaign(), make_campaign(), make_brand()
    of_campaign, of_brand, default = make_rule(campaign=campaign), make_rule(brand=brand), make_rule()

    of_the_brand = rules_in_force(brand_id=brand.pk, campaign_ids=[campaign.pk, other.pk], at=NOON)
    elsewhere = rules_in_force(brand_id=make_brand().pk, campaign_ids=[], at=NOON)

    assert of_the_brand.rule_for(campaign.pk) == of_campaign
    assert of_the_brand.rule_for(other.pk) == of_the_brand.rule_for(None) == of_brand
    assert elsewhere.rule_for(campaign.pk) == default


def test_rules_in_force_are_those_the_tracker_comes_with_where_none_was_made():
    assert rules_in_force(brand_id=None, campaign_ids=[], at=NOON).rule_for(None) is BUILT_IN
    assert (BUILT_IN.click_hours, BUILT_IN.install_hours, BUILT_IN.view_hours) == (720, 168, 24)


def test_rules_in_force_ask_the_database_once(django_assert_num_queries):
    make_rule()
    with django_assert_num_queries(1):
        rules_in_force(brand_id=1, campaign_ids=[1, 2, None], at=NOON)


def test_open_rule_version_ends_the_one_before_it_and_leaves_the_past(alice):
    first = open_rule_version(CreditRule(click_hours=24, starts_at=NOON), reason="Short", actor=alice, at=NOON)
    second = open_rule_version(CreditRule(click_hours=48, starts_at=NOON + DAY), reason="Longer", actor=alice, at=NOON)

    first.refresh_from_db()
    assert (first.version, first.ends_at, second.version, second.ends_at) == (1, NOON + DAY, 2, None)
    before = rules_in_force(brand_id=None, campaign_ids=[], at=NOON + DAY - timedelta(microseconds=1))
    after = rules_in_force(brand_id=None, campaign_ids=[], at=NOON + DAY)
    assert (before.default, after.default) == (first, second)


def test_open_rule_version_starts_neither_in_the_past_nor_before_its_predecessor(alice):
    with pytest.raises(RuleStartsInThePast):
        open_rule_version(CreditRule(starts_at=NOON - DAY), reason="Late", actor=alice, at=NOON)
    make_rule(starts_at=NOON + 2 * DAY)
    with pytest.raises(RuleStartsInThePast):
        open_rule_version(CreditRule(starts_at=NOON + DAY), reason="Between", actor=alice, at=NOON)

    assert CreditRule.objects.count() == 1


def test_open_rule_version_wants_a_reason(alice):
    with pytest.raises(ReasonMissing):
        open_rule_version(CreditRule(starts_at=NOON), reason="  ", actor=alice, at=NOON)


def test_end_rule_leaves_credit_to_the_wider_rule():
    campaign = make_campaign()
    rule, default = make_rule(campaign=campaign), make_rule()

    end_rule(rule, at=NOON)
    end_rule(rule, at=NOON + DAY)

    assert rules_in_force(brand_id=None, campaign_ids=[campaign.pk], at=NOON).rule_for(campaign.pk) == default
    assert CreditRule.objects.get(pk=rule.pk).ends_at == NOON


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"click_hours": 0}, "credit_window_is_an_hour_to_400_days"),
        ({"install_hours": 9601}, "credit_window_is_an_hour_to_400_days"),
        ({"channels": []}, "credit_rule_credits_known_channels"),
        ({"channels": ["carrier pigeon"[:11]]}, "credit_rule_credits_known_channels"),
        ({"later_touch": "middle"}, "later_touch_is_known"),
        ({"protected_seconds": 3601}, "protection_is_at_most_an_hour"),
        ({"ends_at": NOON - 90 * DAY}, "credit_rule_ends_after_it_starts"),
    ],
)
def test_database_refuses_terms_that_make_no_sense(columns, constraint):
    with pytest.raises(IntegrityError) as refused:
        make_rule(**columns)

    assert broken_constraint(refused.value) == constraint


def test_database_refuses_a_rule_of_two_scopes():
    with pytest.raises(IntegrityError) as refused:
        make_rule(brand=make_brand(), campaign=make_campaign())

    assert broken_constraint(refused.value) == "credit_rule_has_one_scope"


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"version": 2, "starts_at": NOON}, "one_open_credit_rule_per_scope"),
        ({"ends_at": NOON, "starts_at": NOON - DAY}, "one_credit_rule_per_version"),
        ({"version": 2, "ends_at": NOON}, "one_credit_rule_per_start"),
    ],
)
def test_database_refuses_two_of_one_scope(columns, constraint):
    make_rule()

    with pytest.raises(IntegrityError) as refused:
        make_rule(**columns)

    assert broken_constraint(refused.value) == constraint


@pytest.mark.parametrize(
    "change",
    [
        lambda rule: CreditRule.objects.filter(pk=rule.pk).update(click_hours=1),
        lambda rule: CreditRule.objects.filter(pk=rule.pk).update(ends_at=NOON, click_hours=1),
        lambda rule: CreditRule.objects.filter(pk=rule.pk).delete(),
    ],
)
def test_database_keeps_a_version_as_it_was(change):
    rule = make_rule()

    with pytest.raises(DatabaseError, match="stays as it was"), transaction.atomic():
        change(rule)

    assert CreditRule.objects.get().click_hours == 720


def test_database_lets_a_version_end_once():
    rule = make_rule(ends_at=NOON)

    with pytest.raises(DatabaseError, match="stays as it was"), transaction.atomic():
        CreditRule.objects.filter(pk=rule.pk).update(ends_at=NOON + DAY)
