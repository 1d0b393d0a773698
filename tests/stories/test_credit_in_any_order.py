"""A player's touches through every channel, told in any order and repeated: the same touch is credited, for the same
reason, and the same evidence is found."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from attribution.domain.credit import Claim
from attribution.models import CreditRule
from campaigns.models import Partner
from conversions.domain.intake import record_event
from conversions.domain.recrediting import settle_due_touches
from conversions.domain.reported import (
    Reported,
    ReportedDeposit,
    ReportedInstall,
    ReportedMilestone,
    ReportedRegistration,
)
from conversions.models import Conversion, Milestone, Platform, Player, TheftEvidence
from fraud.domain.reviewing import review_pending_conversions
from tests.attribution.credit_builders import make_rule
from tests.stories.test_every_kind_in_any_order import money
from tests.world import NOON, make_click, make_link, make_partner

REGISTERED_AT = NOON - timedelta(minutes=30)
EVENTS = 8


def history(partners: list[Partner]) -> list[Reported]:
    """Return what was told of one player whom four partners touched: two hours before, and seconds before."""
    alice, bob, carol, dave = partners
    of_alice = make_click(make_link(partner=alice), at=NOON - timedelta(hours=5), visitor_key=5)
    of_bob = make_click(make_link(partner=bob), at=NOON - timedelta(hours=4))
    late = make_click(make_link(partner=carol), at=REGISTERED_AT - timedelta(seconds=12), visitor_key=5)
    after = make_click(make_link(partner=dave), at=NOON)
    link_with_code = make_link(partner=dave, promo_code="DAVE10")
    by_name: dict[str, Any] = {"player_id": "p-1"}

    def at(minute: int) -> dict[str, Any]:
        return {"occurred_at": REGISTERED_AT + timedelta(minutes=minute)}

    return [
        ReportedMilestone(
            event_id="lead",
            kind="lead",
            status="confirmed",
            click_id=late.click_id,
            promo_code=link_with_code.promo_code,
            occurred_at=REGISTERED_AT - timedelta(seconds=6),
        ),
        ReportedInstall(event_id="i-1", install_id="d", activity="install", click_id=of_bob.click_id, **at(-20)),
        ReportedInstall(event_id="i-2", install_id="d", activity="reinstall", **at(-10), **by_name),
        ReportedMilestone(
            event_id="signup", kind="signup", status="confirmed", partner_tag=alice.tag, **at(-15), **by_name
        ),
        ReportedRegistration(
            event_id="reg", claim=Claim(click_id=late.click_id, partner_tag=bob.tag), **at(0), **by_name
        ),
        ReportedDeposit(
            event_id="d1",
            transaction_id="t-1",
            status="confirmed",
            money=money("100"),
            click_id=of_alice.click_id,
            **at(10),
            **by_name,
        ),
        ReportedDeposit(
            event_id="d2",
            transaction_id="t-2",
            status="confirmed",
            money=money("50"),
            click_id=after.click_id,
            **at(60 * 30),
            **by_name,
        ),
        ReportedMilestone(
            event_id="sale", kind="sale", status="confirmed", click_id=late.click_id, **at(20), **by_name
        ),
    ]


def state_after(platform: Platform, events: list[Reported], *, reviews: bool) -> list[Any]:
    """Return who is credited and why once all was told and looked at, by facts that the order does not touch."""
    with transaction.atomic():
        for number, event in enumerate(events):
            record_event(event, platform=platform, webhook_id=f"msg-{event.event_id}", at=NOON)
            if reviews and number % 3 == 0:
                settle_due_touches(at=NOON, limit=100)
                review_pending_conversions(at=timezone.now(), limit=100)
        settle_due_touches(at=NOON, limit=100)
        player = Player.objects.select_related("credit_decision").get()
        decision = player.credit_decision
        assert decision is not None
        credit = ("credit_outcome", "click_uuid", "campaign", "partner", "link")
        ended = [
            [getattr(player, name) for name in ("credit_outcome", "click_uuid", "partner_id", "credit_ends_at")],
            [decision.outcome, decision.rule_id, decision.window_hours, decision.reason, decision.candidates],
            set(Conversion.objects.values_list("credit_decision", flat=True)) == {decision.pk},
            list(Conversion.objects.order_by("kind", "transaction_id").values_list("kind", "transaction_id", *credit)),
            list(Milestone.objects.filter(player=player).order_by("kind").values_list("kind", *credit)),
            list(
                TheftEvidence.objects.order_by("kind", "partner_before", "partner_after").values_list(
                    "kind", "partner_before", "partner_after", "seconds_before", "seconds_after", "is_probable"
                )
            ),
        ]
        transaction.set_rollback(True)
    return ended


@pytest.fixture
def partners(db: None) -> list[Partner]:
    return [make_partner() for _ in range(4)]


TERMS = st.fixed_dictionaries(
    {
        "later_touch": st.sampled_from(CreditRule.LaterTouch.values),
        "protected_seconds": st.sampled_from([0, 60]),
        "credits_same_visitor": st.booleans(),
        "deposit_days": st.sampled_from([None, 1]),
        "channels": st.permutations(["click", "install", "promo_code", "partner_tag"]),
    }
)
DEFAULTS: dict[str, Any] = {
    "later_touch": "latest",
    "protected_seconds": 60,
    "credits_same_visitor": False,
    "deposit_days": None,
    "channels": ["click", "install", "promo_code", "partner_tag"],
}


@pytest.mark.django_db
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations(range(EVENTS)),
    repeats=st.lists(st.integers(0, EVENTS - 1), max_size=3),
    reviews=st.booleans(),
    terms=TERMS,
)
@example(order=list(reversed(range(EVENTS))), repeats=[], reviews=True, terms=DEFAULTS)
def test_touches_in_any_order_give_the_same_credit(
    platform: Platform,
    partners: list[Partner],
    order: list[int],
    repeats: list[int],
    reviews: bool,
    terms: dict[str, Any],
) -> None:
    with transaction.atomic():
        told = history(partners)
        make_rule(**terms)
        expected = state_after(platform, told, reviews=False)
        ended = state_after(platform, [told[position] for position in [*order, *repeats]], reviews=reviews)
        transaction.set_rollback(True)

    assert ended == expected


@pytest.mark.django_db
def test_the_first_partner_is_protected_from_who_clicked_last(platform: Platform, partners: list[Partner]) -> None:
    alice, bob, carol, dave = partners

    player, decision, is_one_decision, conversions, _, evidence = state_after(
        platform, history(partners), reviews=False
    )

    assert (player[0], player[2]) == ("install", bob.pk)
    assert is_one_decision
    assert [row[0] for row in conversions] == ["deposit", "deposit", "registration"]
    assert [(each["channel"], each["partner"], each["verdict"]) for each in decision[4]] == [
        ("click", alice.pk, "probable"),
        ("install", bob.pk, "credited"),
        ("partner_tag", alice.pk, "weaker"),
        ("click", carol.pk, "late_click"),
        ("promo_code", dave.pk, "weaker"),
        ("partner_tag", bob.pk, "late_click"),
    ]
    assert [(row[0], row[1], row[2]) for row in evidence if row[0] == "late_click"] == [
        ("late_click", alice.pk, carol.pk),
        ("late_click", bob.pk, carol.pk),
    ]
    assert ("changed_tag", alice.pk, bob.pk) in [row[:3] for row in evidence]
