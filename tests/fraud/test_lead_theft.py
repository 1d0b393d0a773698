"""Lead theft in review: single signs are watched, a habit is held, and who was protected is never held for it."""

from datetime import timedelta
from typing import Any

import pytest

from campaigns.models import Partner
from conversions.models import Conversion, Player, TheftEvidence
from fraud.domain.reviewing import review_pending_conversions
from fraud.domain.rules import TheftSign, judge
from fraud.models import Review
from tests.fraud.builders import make_pending
from tests.fraud.test_rules import case
from tests.world import NOON, make_partner, make_platform

AT = NOON + timedelta(minutes=1)
SIGN = (
    "Alice Media had brought the player; he clicked Bob Media's link 5 s before he registered, 60 s after Alice "
    "Media's."
)


def sign(**facts: Any) -> TheftSign:
    defaults: dict[str, Any] = {"text": "A sign.", "taker": "Bob Media", "is_paid": True, "players": 20, "signs": 2}
    return TheftSign(**defaults | facts)


def test_judge_holds_what_a_habitual_thief_is_paid_for():
    judgement = judge(case(thefts=(sign(),)))

    assert judgement.verdict == Review.Verdict.HELD
    assert judgement.reasons == [
        {
            "rule": "lead_theft",
            "text": "A sign. It is so with 2 of Bob Media's 20 players of the last 30 days; more than 5% of 20 or "
            "more are held.",
        }
    ]


@pytest.mark.parametrize(
    "facts",
    [
        {"signs": 1},  # 5 % is not more than 5 %
        {"players": 19, "signs": 19},
        {"is_paid": False},
    ],
)
def test_judge_watches_single_signs(facts):
    judgement = judge(case(thefts=(sign(**facts),)))

    assert judgement.verdict == Review.Verdict.APPROVED
    assert judgement.reasons == [{"rule": "possible_lead_theft", "text": "A sign."}]


def make_evidence(player: Player, *, owner: Partner, taker: Partner) -> TheftEvidence:
    return TheftEvidence.objects.create(
        player=player,
        kind="late_click",
        partner_before=owner,
        partner_after=taker,
        seconds_before=5,
        seconds_after=60,
        is_probable=False,
        occurred_at=NOON,
        noticed_at=NOON,
    )


@pytest.mark.django_db
def test_review_holds_the_players_of_a_habitual_thief_alone():
    owner, taker, platform = make_partner(name="Alice Media"), make_partner(name="Bob Media"), make_platform()
    of_taker = {"country": "MT", "registered_at": NOON, "partner": taker, "credit_outcome": "click"}
    honest = [
        Player.objects.create(platform=platform, player_id=f"h-{number}", created_at=NOON, **of_taker)
        for number in range(18)
    ]
    taken = make_pending(player=of_taker, partner=taker)
    make_evidence(taken.player, owner=owner, taker=taker)
    make_evidence(honest[0], owner=owner, taker=taker)
    other = make_pending(player=of_taker, partner=taker)
    protected = make_pending(player={"country": "MT", "partner": owner}, partner=owner)
    make_evidence(protected.player, owner=owner, taker=taker)

    review_pending_conversions(at=AT, limit=10)

    states = dict(Conversion.objects.values_list("pk", "review_state"))
    assert states == {taken.pk: "held", other.pk: "approved", protected.pk: "approved"}
    assert Review.objects.get(conversion=protected).reasons == [{"rule": "possible_lead_theft", "text": SIGN}]
    assert Review.objects.get(conversion=taken).reasons[0]["text"].startswith(f"{SIGN} It is so with 2 of")
