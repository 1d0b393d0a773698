"""Which of a player's touches is credited, by the rule in force, and what is shared among them."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.domain.credit import decide_credit
from attribution.domain.credit_rules import RuleBook
from attribution.domain.credit_shares import exact_shares, shares_by_model
from attribution.domain.theft import find_thefts
from attribution.domain.touches import Touch
from attribution.models import CreditRule
from tests.world import NOON

ALICE, BOB = 1, 2


def touch(name: str, *, before: timedelta, channel: str = "click", **fields: Any) -> Touch:
    return Touch(channel=channel, name=name, occurred_at=NOON - before, **fields)


def decided(*touches: Touch, **terms: Any) -> tuple[str, dict[str, str]]:
    """Return the outcome and the verdicts by the touch's name, for a registration at noon."""
    rules = RuleBook(default=CreditRule(version=1, **terms))
    decision = decide_credit(touches, rules=rules, registered_at=NOON)
    return decision.credit.outcome, {each.touch.name: each.verdict.value for each in decision.candidates}


HOUR = timedelta(hours=1)
OF_ALICE = touch("a", before=3 * HOUR, partner_id=ALICE)
OF_BOB = touch("b", before=HOUR, partner_id=BOB)
LATE_OF_BOB = touch("b", before=timedelta(seconds=10), partner_id=BOB)
CODE_OF_BOB = touch("B10", before=2 * HOUR, channel="promo_code", partner_id=BOB)


def test_decide_credit_takes_the_latest_touch():
    assert decided(OF_ALICE, OF_BOB) == ("click", {"a": "overridden", "b": "credited"})


def test_decide_credit_takes_the_earliest_where_the_rule_says_so():
    assert decided(OF_ALICE, OF_BOB, later_touch="earliest") == ("click", {"a": "credited", "b": "later"})


def test_decide_credit_lets_the_first_partner_keep_the_player():
    own = touch("own", before=timedelta(minutes=5))

    assert decided(OF_ALICE, OF_BOB, own, later_touch="first_partner") == (
        "click",
        {"a": "credited", "b": "other_partner", "own": "other_partner"},
    )


def test_decide_credit_protects_the_first_partner_from_a_click_seconds_before_the_registration():
    assert decided(OF_ALICE, LATE_OF_BOB) == ("click", {"a": "credited", "b": "late_click"})
    assert decided(OF_ALICE, LATE_OF_BOB, protected_seconds=0) == ("click", {"a": "overridden", "b": "credited"})


def test_decide_credit_protects_nobody_where_no_partner_was_before():
    own = touch("own", before=HOUR)

    assert decided(own, LATE_OF_BOB) == ("click", {"own": "overridden", "b": "credited"})


def test_decide_credit_protects_from_a_tag_at_the_registration_but_not_from_a_code():
    tag = touch("bob", before=timedelta(0), channel="partner_tag", partner_id=BOB, is_named=True)
    code = touch("B10", before=timedelta(0), channel="promo_code", partner_id=BOB, is_named=True)
    order = ["partner_tag", "promo_code", "click"]

    assert decided(OF_ALICE, tag, channels=order) == ("click", {"a": "credited", "bob": "late_click"})
    assert decided(OF_ALICE, code, channels=order) == ("promo_code", {"a": "weaker", "B10": "credited"})


def test_decide_credit_protects_nobody_whom_the_rule_in_force_cannot_credit():
    own = touch("own", before=2 * HOUR)
    tag_of_alice = touch("alice", before=HOUR, channel="partner_tag", partner_id=ALICE, campaign_id=7)
    tags_too = CreditRule(version=1, channels=["click", "partner_tag"])
    rules = RuleBook(default=CreditRule(version=1, channels=["click"]), of_campaigns={7: tags_too})

    decision = decide_credit([own, tag_of_alice, LATE_OF_BOB], rules=rules, registered_at=NOON)

    assert decision.credit.partner_id == BOB
    assert [each.verdict.value for each in decision.candidates] == ["overridden", "not_credited", "credited"]


def test_decide_credit_follows_the_rules_order_of_channels():
    assert decided(OF_ALICE, CODE_OF_BOB) == ("click", {"a": "credited", "B10": "weaker"})
    assert decided(OF_ALICE, CODE_OF_BOB, channels=["promo_code", "click"]) == (
        "promo_code",
        {"a": "weaker", "B10": "credited"},
    )
    assert decided(CODE_OF_BOB, channels=["click"]) == ("not_credited", {"B10": "not_credited"})


def test_decide_credit_measures_each_touch_by_its_own_campaigns_rule():
    short = CreditRule(version=1, click_hours=2)
    rules = RuleBook(of_campaigns={7: short})
    old, young = touch("old", before=3 * HOUR, campaign_id=7), touch("young", before=4 * HOUR, campaign_id=8)

    decision = decide_credit([old, young], rules=rules, registered_at=NOON)

    assert [(each.touch.name, each.verdict.value) for each in decision.candidates] == [
        ("young", "credited"),
        ("old", "too_old"),
    ]
    assert decision.window == timedelta(days=30)


def test_decide_credit_keeps_the_window_to_the_instant():
    last, late = touch("last", before=timedelta(days=30)), touch("late", before=timedelta(days=30, milliseconds=1))

    assert decided(last) == ("click", {"last": "credited"})
    assert decided(late) == ("outside_window", {"late": "too_old"})


def test_decide_credit_takes_a_view_within_its_day_where_views_are_credited():
    view = touch("v", before=24 * HOUR, channel="view")
    order = ["click", "view"]

    assert decided(view) == ("not_credited", {"v": "not_credited"})
    assert decided(view, channels=order) == ("view", {"v": "credited"})
    assert decided(touch("v", before=25 * HOUR, channel="view"), channels=order)[1] == {"v": "too_old"}


def test_decide_credit_only_shows_what_the_visitors_key_alone_tells():
    probable = touch("a", before=3 * HOUR, partner_id=ALICE, is_probable=True)

    assert decided(probable) == ("no_claim", {"a": "probable"})
    assert decided(probable, LATE_OF_BOB)[1] == {"a": "probable", "b": "credited"}
    assert decided(probable, LATE_OF_BOB, credits_same_visitor=True)[1] == {"a": "credited", "b": "late_click"}


def test_decide_credit_leaves_out_what_came_after_the_registration():
    after = touch("after", before=-HOUR)

    assert decided(OF_ALICE, after) == ("click", {"a": "credited"})


def test_decide_credit_credits_nobody_after_a_forged_click_id_of_the_registration():
    forged = touch("", before=timedelta(0), problem="forged_click_id", is_named=True)

    assert decided(forged, OF_ALICE) == ("forged_click_id", {"": "forged", "a": "forged"})


def test_decide_credit_says_why_in_words():
    decision = decide_credit([OF_ALICE, OF_BOB], rules=RuleBook(), registered_at=NOON)

    assert decision.reason == (
        "His click is credited: it lies within 30 days. Of several, the latest touch of the strongest channel is "
        "credited, by the terms that hold where no rule was made."
    )


TOUCHES = st.builds(
    touch,
    st.sampled_from("abcdef"),
    before=st.integers(min_value=-60, max_value=60 * 24 * 40).map(lambda minutes: timedelta(minutes=minutes)),
    channel=st.sampled_from(["click", "install", "promo_code", "partner_tag", "view"]),
    partner_id=st.sampled_from([None, ALICE, BOB]),
    is_named=st.booleans(),
    is_probable=st.booleans(),
)


@given(data=st.data(), touches=st.lists(TOUCHES, max_size=8, unique_by=lambda each: (each.channel, each.name)))
def test_decide_credit_does_not_depend_on_the_order_of_touches(data, touches):
    shuffled = data.draw(st.permutations(touches))
    terms = {
        "later_touch": data.draw(st.sampled_from(["latest", "first_partner", "earliest"])),
        "credits_same_visitor": data.draw(st.booleans()),
    }
    rules = RuleBook(default=CreditRule(version=1, **terms))

    assert decide_credit(shuffled, rules=rules, registered_at=NOON) == decide_credit(
        touches, rules=rules, registered_at=NOON
    )
    assert find_thefts(shuffled, registered_at=NOON) == find_thefts(touches, registered_at=NOON)


def test_shares_by_model_are_those_of_the_books():
    touched = [NOON - timedelta(days=14), NOON - timedelta(days=7), NOON - timedelta(days=7), NOON]

    assert shares_by_model(touched) == {
        "first": [Decimal(1), Decimal(0), Decimal(0), Decimal(0)],
        "linear": [Decimal("0.25")] * 4,
        "position": [Decimal("0.4"), Decimal("0.1"), Decimal("0.1"), Decimal("0.4")],
        "decay": [Decimal("0.111111"), Decimal("0.222222"), Decimal("0.222222"), Decimal("0.444445")],
    }


def test_position_based_shares_two_touches_evenly():
    assert shares_by_model([NOON, NOON])["position"] == [Decimal("0.5"), Decimal("0.5")]


@given(weights=st.lists(st.floats(min_value=0.001, max_value=1000), min_size=1, max_size=50))
def test_exact_shares_sum_to_one(weights):
    assert sum(exact_shares(weights)) == Decimal(1)


def kinds(*touches: Touch) -> list[tuple[str, int | None, int | None]]:
    found = find_thefts(touches, registered_at=NOON)
    return [(each.kind, each.before.partner_id, each.after.partner_id) for each in found]


def test_find_thefts_sees_a_click_of_another_partner_seconds_before_the_registration():
    minute = touch("b", before=timedelta(seconds=60), partner_id=BOB)
    longer = touch("b", before=timedelta(seconds=61), partner_id=BOB)

    assert kinds(OF_ALICE, minute) == [("late_click", ALICE, BOB)]
    assert kinds(OF_ALICE, longer) == []
    assert kinds(touch("x", before=HOUR), minute) == []


def test_find_thefts_sees_tags_overwritten_and_changed_at_the_registration():
    signup = touch("alice", before=HOUR, channel="partner_tag", partner_id=ALICE)
    at_registration = touch("bob", before=timedelta(0), channel="partner_tag", partner_id=BOB, is_named=True)

    assert kinds(signup, at_registration) == [("changed_tag", ALICE, BOB)]
    assert kinds(OF_ALICE, at_registration) == [("other_tag", ALICE, BOB)]


@pytest.mark.parametrize("touches", [(), (OF_ALICE,), (OF_ALICE, touch("c", before=HOUR, partner_id=ALICE))])
def test_find_thefts_suspects_nobody_of_his_own_players(touches):
    assert kinds(*touches) == []
