"""Each rule on its own: what it hits, what it leaves, and what it says."""

from datetime import timedelta
from typing import Any

import pytest

from fraud.domain.rules import Case, Judgement, judge
from fraud.models import Review
from tests.world import NOON


def case(**facts: Any) -> Case:
    defaults: dict[str, Any] = {"occurred_at": NOON, "credit_outcome": "click"}
    return Case(**defaults | facts)


def held(rule: str, text: str) -> Judgement:
    return Judgement(verdict=Review.Verdict.HELD, reasons=[{"rule": rule, "text": text}])


APPROVED = Judgement(verdict=Review.Verdict.APPROVED, reasons=[])


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"credit_outcome": "waiting"},
        {"credit_outcome": "malformed_click_id"},
        {"clicked_at": NOON},
        {"click_kind": "click"},
        {"country": "US"},
        {"country": "MT", "offer_countries": ("MT", "FI")},
    ],
)
def test_judge_approves(facts):
    assert judge(case(**facts)) == APPROVED


def test_judge_rejects_a_forged_click_id():
    assert judge(case(credit_outcome="forged_click_id")) == Judgement(
        verdict=Review.Verdict.REJECTED,
        reasons=[
            {
                "rule": "forged_click_id",
                "text": "The click id of the registration has the form of ours, but none of our keys signed it.",
            }
        ],
    )


def test_judge_holds_a_declared_bot():
    assert judge(case(click_kind="bot")) == held(
        "declared_bot", "The click came from a program that calls itself a bot."
    )


def test_judge_holds_an_event_before_its_click():
    assert judge(case(clicked_at=NOON + timedelta(seconds=61))) == held(
        "event_before_click",
        "The event is of 2026-11-22 12:00:00 UTC, 61 s before its click (2026-11-22 12:01:01 UTC); "
        "60 s are allowed for clocks that differ.",
    )


def test_judge_allows_clocks_a_minute():
    assert judge(case(clicked_at=NOON + timedelta(seconds=60))) == APPROVED


def test_judge_holds_a_country_outside_the_offers():
    assert judge(case(country="US", offer_countries=("MT", "FI"))) == held(
        "country_outside_offer", "The player is from US; the offer takes MT, FI."
    )


def test_judge_holds_an_unknown_country_where_the_offer_is_restricted():
    assert judge(case(country=None, offer_countries=("MT",))) == held(
        "country_unknown",
        "Neither the registration nor the click says which country the player is from; the offer takes MT.",
    )


def test_judge_gives_all_reasons_and_the_gravest_verdict():
    judgement = judge(case(credit_outcome="forged_click_id", click_kind="bot"))

    assert judgement.verdict == Review.Verdict.REJECTED
    assert [reason["rule"] for reason in judgement.reasons] == ["forged_click_id", "declared_bot"]


def test_judge_holds_what_the_measurement_partner_refused():
    assert judge(case(refusals=("ctit_anomalies", "bots"))) == held(
        "install_refused", "The measurement partner refused the install as fraud: ctit_anomalies; bots."
    )
