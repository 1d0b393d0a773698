"""Every conversion is reviewed once, by the rules or by a person, and one that cannot be stops no other."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from conversions.models import Conversion
from fraud.domain.reviewing import ReasonMissing, decide_review, review_pending_conversions
from fraud.models import Review
from tests.fraud.builders import make_pending
from tests.world import NOON, make_click, make_link, make_offer
from tracker_project.common.database import broken_constraint

pytestmark = pytest.mark.django_db

AT = NOON + timedelta(minutes=1)
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def analyst() -> User:
    return User.objects.create_user("analyst")


def state_of(conversion: Conversion) -> str:
    return Conversion.objects.get(pk=conversion.pk).review_state


def make_waiting_again(conversion: Conversion, **columns: object) -> None:
    Conversion.objects.filter(pk=conversion.pk).update(review_state="pending", is_valuable=False, **columns)


def test_review_approves_what_no_rule_hits():
    conversion = make_pending()

    reviewed = review_pending_conversions(at=AT, limit=10)

    review = Review.objects.get()
    assert reviewed == 1
    assert (review.conversion, review.verdict, review.reasons) == (conversion, "approved", [])
    assert (review.decided_by, review.created_at) == (None, AT)
    assert Conversion.objects.values_list("review_state", "booking_state", "is_valuable").get() == (
        "approved",
        "due",
        True,
    )


def test_review_holds_and_says_why():
    make_pending(player={"country": "US"}, offer=make_offer(countries=["MT", "FI"]))

    review_pending_conversions(at=AT, limit=10)

    conversion, review = Conversion.objects.get(), Review.objects.get()
    assert (conversion.review_state, conversion.is_valuable) == ("held", False)
    assert review.verdict == "held"
    assert review.reasons == [
        {"rule": "country_outside_offer", "text": "The player is from US; the offer takes MT, FI."}
    ]


def test_review_rejects_a_forged_click_id():
    conversion = make_pending(credit_outcome="forged_click_id")

    review_pending_conversions(at=AT, limit=10)

    assert state_of(conversion) == "rejected"


def test_review_takes_the_clicks_country_where_the_registration_has_none():
    conversion = make_pending(
        player={"country": "", "click_facts": {"country": "MT"}}, offer=make_offer(countries=["MT"])
    )

    review_pending_conversions(at=AT, limit=10)

    assert state_of(conversion) == "approved"


def test_review_reads_the_click_itself_when_its_facts_came_late():
    click = make_click(make_link(), kind="bot")
    player = {"country": "MT", "click_uuid": click.id, "registered_at": NOON, "credit_outcome": "click"}
    conversion = make_pending(player=player, click_uuid=click.id, clicked_at=click.clicked_at)

    review_pending_conversions(at=AT, limit=10)

    assert state_of(conversion) == "held"


def test_review_is_done_once():
    make_pending()
    review_pending_conversions(at=AT, limit=10)

    assert review_pending_conversions(at=LATER, limit=10) == 0
    assert Review.objects.count() == 1


def test_review_stays_within_its_limit_oldest_first():
    first, second = make_pending(), make_pending()

    reviewed = review_pending_conversions(at=AT, limit=1)

    assert reviewed == 1
    assert (state_of(first), state_of(second)) == ("approved", "pending")


def test_review_that_fails_stops_no_other(caplog):
    poison = make_pending(player={"country": "MT", "click_facts": []})
    other = make_pending()

    reviewed = review_pending_conversions(at=AT, limit=1)

    assert reviewed == 1
    assert (state_of(poison), state_of(other)) == ("pending", "approved")
    assert "review_failed" in caplog.text


def test_decide_review_overrides_the_rules(analyst):
    conversion = make_pending(player={"country": "US"}, offer=make_offer(countries=["MT"]))
    review_pending_conversions(at=AT, limit=10)

    review = decide_review(
        conversion, verdict=Review.Verdict.APPROVED, reason="Moved to Malta. ", actor=analyst, at=LATER
    )

    assert state_of(conversion) == "approved"
    assert (review.decided_by, review.verdict, review.created_at) == (analyst, "approved", LATER)
    assert review.reasons == [{"rule": "person", "text": "Moved to Malta."}]


def test_decide_review_stands_when_the_conversion_is_reviewed_again(analyst):
    conversion = make_pending()
    decide_review(conversion, verdict=Review.Verdict.HELD, reason="Odd hours.", actor=analyst, at=AT)
    make_waiting_again(conversion)

    review_pending_conversions(at=LATER, limit=10)

    assert state_of(conversion) == "held"
    assert Review.objects.count() == 1


def test_decide_review_of_the_latest_person_stands(analyst):
    conversion = make_pending()
    decide_review(conversion, verdict=Review.Verdict.HELD, reason="Odd hours.", actor=analyst, at=AT)
    decide_review(conversion, verdict=Review.Verdict.APPROVED, reason="", actor=analyst, at=LATER)
    make_waiting_again(conversion)

    review_pending_conversions(at=LATER, limit=10)

    assert state_of(conversion) == "approved"


def test_decide_review_ends_when_the_credit_changes(analyst):
    conversion = make_pending()
    decide_review(conversion, verdict=Review.Verdict.HELD, reason="No source.", actor=analyst, at=AT)
    make_waiting_again(conversion, link=make_link(), credit_outcome="click")

    review_pending_conversions(at=LATER, limit=10)

    assert state_of(conversion) == "approved"
    assert list(Review.objects.order_by("pk").values_list("verdict", flat=True)) == ["held", "approved"]


@pytest.mark.parametrize("verdict", [Review.Verdict.HELD, Review.Verdict.REJECTED])
def test_decide_review_wants_a_reason_for_stopping(analyst, verdict):
    conversion = make_pending()

    with pytest.raises(ReasonMissing):
        decide_review(conversion, verdict=verdict, reason="  ", actor=analyst, at=AT)

    assert state_of(conversion) == "pending"


def test_review_costs_two_statements_a_row(django_assert_num_queries):
    make_pending()
    with django_assert_num_queries(6 + 2):
        review_pending_conversions(at=AT, limit=1)
    make_pending()
    make_pending()
    make_pending()

    with django_assert_num_queries(6 + 3 * 2):
        review_pending_conversions(at=AT, limit=3)


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"verdict": "held", "reasons": []}, "review_that_stops_has_a_reason"),
        ({"verdict": "maybe", "reasons": [{}]}, "verdict_is_known"),
    ],
)
def test_refuse_a_review_that_makes_no_sense(columns, constraint):
    conversion = make_pending()

    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        Review.objects.create(conversion=conversion, created_at=AT, **columns)

    assert broken_constraint(refused.value) == constraint
