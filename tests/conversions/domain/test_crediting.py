"""Who is credited with a player by all that is known of him, whatever comes first, and what is kept of why."""

from datetime import timedelta
from typing import Any

import pytest

from attribution.domain.credit import Claim
from conversions.domain.inbox import record_once
from conversions.domain.installs import place_install
from conversions.domain.milestones import place_milestone
from conversions.domain.recrediting import settle_due_touches
from conversions.domain.reported import ReportedInstall, ReportedMilestone
from conversions.models import Conversion, CreditDecision, Install, Platform, Player, TheftEvidence, Touchpoint
from tests.attribution.builders import make_impression
from tests.attribution.credit_builders import make_rule
from tests.conversions.builders import LATER, deposit, register, the_deposit
from tests.world import NOON, make_click, make_link, make_partner, make_platform

pytestmark = pytest.mark.django_db

REGISTERED_AT = NOON + timedelta(hours=1)


def sign_up(platform: Platform, event_id: str, *, at: Any = NOON, **fields: Any) -> None:
    """Record a signup of whoever is named."""
    reported = ReportedMilestone(event_id=event_id, kind="signup", status="confirmed", occurred_at=at, **fields)
    place = lambda event: place_milestone(reported, event, at=LATER)  # noqa: E731
    record_once(reported, platform=platform, webhook_id=f"msg-{event_id}", at=LATER, place=place)


def install(platform: Platform, event_id: str, *, at: Any = NOON, **fields: Any) -> None:
    """Record an install on device d-1."""
    defaults: dict[str, Any] = {"install_id": "d-1", "activity": "install"}
    reported = ReportedInstall(event_id=event_id, occurred_at=at, **defaults | fields)
    place = lambda event: place_install(reported, event, at=LATER)  # noqa: E731
    record_once(reported, platform=platform, webhook_id=f"msg-{event_id}", at=LATER, place=place)


def settle() -> None:
    settle_due_touches(at=LATER, limit=1000)


def credited() -> tuple[str, int | None]:
    player = Player.objects.get(player_id="p-1")
    return player.credit_outcome, player.partner_id


def verdicts() -> list[tuple[str, str]]:
    decision = Player.objects.get(player_id="p-1").credit_decision
    assert decision is not None
    return [(each["channel"], each["verdict"]) for each in decision.candidates]


def test_registration_keeps_why_it_is_credited_so():
    partner = make_partner()
    click = make_click(make_link(partner=partner))
    platform = make_platform()

    register(platform, click_id=click.click_id)
    deposit(platform)

    decision = CreditDecision.objects.get()
    assert (decision.outcome, decision.click_uuid, decision.partner_id) == ("click", click.id, partner.id)
    assert (decision.rule, decision.window_hours) == (None, 720)
    assert decision.reason == (
        "His click is credited: it lies within 30 days, by the terms that hold where no rule was made."
    )
    assert decision.candidates == [
        {
            "channel": "click",
            "name": click.id.hex,
            "occurred_at": "2026-11-22T12:00:00+00:00",
            "problem": "",
            "link": click.link_id,
            "campaign": click.campaign_id,
            "partner": partner.id,
            "is_named": True,
            "is_probable": False,
            "verdict": "credited",
            "shares": {"first": "1.000000", "linear": "1.000000", "position": "1.000000", "decay": "1.000000"},
        }
    ]
    assert {each.credit_decision for each in Conversion.objects.all()} == {decision}


def test_registration_is_credited_by_the_brands_rule_in_force():
    platform = make_platform()
    rule = make_rule(brand=platform.brand, click_hours=1)
    make_rule(click_hours=720)

    register(platform, click_id=make_click(make_link(), at=REGISTERED_AT - timedelta(hours=1, seconds=1)).click_id)

    decision = CreditDecision.objects.get()
    assert (decision.outcome, decision.rule) == ("outside_window", rule)


def test_deposit_adds_no_statement_for_credit(django_assert_max_num_queries):
    platform = make_platform()
    register(platform, click_id=make_click(make_link()).click_id)
    touchpoints, decisions = Touchpoint.objects.count(), CreditDecision.objects.count()

    with django_assert_max_num_queries(26):
        deposit(platform)

    assert (Touchpoint.objects.count(), CreditDecision.objects.count()) == (touchpoints, decisions)


def test_deposit_after_the_rules_bound_is_credited_to_nobody_in_any_order():
    platform = make_platform()
    make_rule(deposit_days=1)
    click_id = make_click(make_link(partner=make_partner())).click_id

    deposit(platform, "dep-2", transaction_id="t-2", occurred_at=REGISTERED_AT + timedelta(days=1))
    register(platform, click_id=click_id)
    deposit(platform, "dep-1", occurred_at=REGISTERED_AT + timedelta(hours=23))

    early, late = the_deposit("t-1"), the_deposit("t-2")
    assert (early.credit_outcome, late.credit_outcome) == ("click", "late_deposit")
    assert early.partner_id is not None
    assert (late.partner_id, late.campaign_id, late.click_uuid) == (None, None, None)


def test_deposit_that_turns_out_to_be_earlier_gets_the_credit_back():
    platform = make_platform()
    make_rule(deposit_days=1)
    register(platform, click_id=make_click(make_link(partner=make_partner())).click_id)
    deposit(platform, "dep-1", status="pending", occurred_at=REGISTERED_AT + timedelta(days=2))
    assert the_deposit().credit_outcome == "late_deposit"

    deposit(platform, "dep-1+", occurred_at=REGISTERED_AT + timedelta(hours=1))

    assert (the_deposit().credit_outcome, the_deposit().partner is None) == ("click", False)


def test_signup_and_registration_are_credited_alike_whichever_comes_first():
    alice, bob = make_partner(), make_partner()
    first, second = make_platform(), make_platform()
    click = make_click(make_link(partner=alice), at=NOON - timedelta(hours=2)).click_id

    for platform, steps in ((first, ("signup", "registration")), (second, ("registration", "signup"))):
        for step in steps:
            if step == "signup":
                sign_up(platform, "s-1", player_id="p-1", click_id=click)
            else:
                register(platform, claim=Claim(partner_tag=bob.tag))
        settle()

    found = [(each.credit_outcome, each.partner_id, each.click_uuid) for each in Player.objects.all()]
    assert found == [found[0]] * 2
    assert found[0][:2] == ("click", alice.pk)


@pytest.mark.parametrize("order", [("install", "known", "registration"), ("registration", "known", "install")])
def test_install_is_stitched_by_the_partners_token_to_the_player(order):
    platform, partner = make_platform(), make_partner()
    click = make_click(make_link(partner=partner), at=NOON - timedelta(minutes=5))
    steps = {
        "install": lambda: install(platform, "i-1", click_id=click.click_id),
        "known": lambda: install(
            platform, "i-2", at=NOON + timedelta(minutes=1), activity="reinstall", player_id="p-1"
        ),
        "registration": lambda: register(platform),
    }

    for step in order:
        steps[step]()
    settle()

    assert credited() == ("install", partner.pk)
    assert Player.objects.get().click_uuid == click.id
    assert Conversion.objects.get().partner_id == partner.pk
    assert Install.objects.get(activity="install").click_to_install_seconds == 300


def test_click_that_a_deposit_names_later_is_shown_and_changes_no_credit():
    platform, alice, bob = make_platform(), make_partner(), make_partner()
    register(platform, click_id=make_click(make_link(partner=alice)).click_id)

    deposit(platform, click_id=make_click(make_link(partner=bob), at=NOON + timedelta(minutes=30)).click_id)
    settle()

    assert credited() == ("click", alice.pk)
    assert verdicts() == [("click", "credited")]
    assert list(Touchpoint.objects.order_by("pk").values_list("how", flat=True)) == ["registration", "deposit"]


def test_deposit_finds_the_player_by_the_click_he_registered_with_though_another_is_credited():
    platform, alice, bob = make_platform(), make_partner(), make_partner()
    of_alice = make_click(make_link(partner=alice), at=NOON - timedelta(hours=1))
    late = make_click(make_link(partner=bob), at=REGISTERED_AT - timedelta(seconds=20))
    sign_up(platform, "s-1", player_id="p-1", click_id=of_alice.click_id)
    register(platform, click_id=late.click_id)

    deposit(platform, player_id="", click_id=late.click_id)

    assert the_deposit().player.player_id == "p-1"
    assert the_deposit().partner_id == alice.pk


def test_late_click_of_another_partner_is_evidence_and_takes_nothing():
    platform, alice, bob = make_platform(), make_partner(), make_partner()
    of_alice = make_click(make_link(partner=alice), at=NOON)
    late = make_click(make_link(partner=bob), at=REGISTERED_AT - timedelta(seconds=20))

    register(platform, click_id=late.click_id)
    sign_up(platform, "s-1", player_id="p-1", click_id=of_alice.click_id)
    settle()

    assert credited() == ("click", alice.pk)
    evidence = TheftEvidence.objects.get()
    assert (evidence.kind, evidence.partner_before, evidence.partner_after) == ("late_click", alice, bob)
    assert (evidence.seconds_before, evidence.seconds_after, evidence.is_probable) == (20, 3580, False)
    assert Conversion.objects.get().review_state == "pending"


def test_partner_tag_changed_at_the_registration_is_evidence():
    platform, alice, bob = make_platform(), make_partner(), make_partner()
    click_id = make_click(make_link(partner=alice)).click_id

    register(platform, claim=Claim(click_id=click_id, partner_tag=bob.tag))

    assert credited() == ("click", alice.pk)
    assert list(TheftEvidence.objects.values_list("kind", "partner_before", "partner_after")) == [
        ("other_tag", alice.pk, bob.pk)
    ]


def test_other_clicks_and_views_of_the_visitor_are_shown_and_are_evidence():
    platform, alice, bob = make_platform(), make_partner(), make_partner()
    late = make_click(make_link(partner=bob), at=REGISTERED_AT - timedelta(seconds=9), visitor_key=77)
    make_click(make_link(partner=alice), at=NOON, visitor_key=77)
    make_click(make_link(partner=alice), at=NOON, visitor_key=78)
    make_impression(make_link(), at=NOON - timedelta(hours=3), visitor_key=77)
    make_click(make_link(), at=NOON - timedelta(days=1), visitor_key=77)

    register(platform, click_id=late.click_id)
    settle()
    settle()

    assert credited() == ("click", bob.pk)
    assert verdicts() == [("view", "probable"), ("click", "probable"), ("click", "credited")]
    assert list(TheftEvidence.objects.values_list("partner_before", "is_probable")) == [(alice.pk, True)]


def test_same_visitors_first_partner_keeps_the_player_where_the_rule_credits_him():
    platform, alice, bob = make_platform(), make_partner(), make_partner()
    make_rule(credits_same_visitor=True)
    late = make_click(make_link(partner=bob), at=REGISTERED_AT - timedelta(seconds=9), visitor_key=77)
    make_click(make_link(partner=alice), at=NOON, visitor_key=77)

    register(platform, click_id=late.click_id)
    settle()

    assert credited() == ("click", alice.pk)


def test_settle_due_touches_changes_nothing_the_second_time():
    platform = make_platform()
    sign_up(platform, "s-1", click_id=make_click(make_link()).click_id)
    register(platform, click_id=make_click(make_link(), at=NOON + timedelta(minutes=1)).click_id)

    assert settle_due_touches(at=LATER, limit=1) == 1
    settle()
    decisions = CreditDecision.objects.count()

    assert settle_due_touches(at=LATER, limit=1000) == 0
    assert CreditDecision.objects.count() == decisions
    assert not Touchpoint.objects.filter(is_due=True).exists()


def test_settle_due_touches_costs_no_statement_more_for_players_of_one_touch(django_assert_max_num_queries):
    platform, link = make_platform(), make_link()
    for number in range(20):
        register(platform, event_id=f"r-{number}", player_id=f"p-{number}", click_id=make_click(link).click_id)

    with django_assert_max_num_queries(8):
        settled = settle_due_touches(at=LATER, limit=1000)

    assert settled == 20
    assert not Touchpoint.objects.filter(is_due=True).exists()
    assert CreditDecision.objects.count() == 20


def test_settle_due_touches_leaves_players_from_before_reasons_were_kept():
    platform, partner = make_platform(), make_partner()
    register(platform)
    Player.objects.update(credit_decision=None)
    Conversion.objects.update(credit_decision=None)
    CreditDecision.objects.all().delete()

    sign_up(platform, "s-1", player_id="p-1", click_id=make_click(make_link(partner=partner)).click_id)
    settle()

    assert credited() == ("no_claim", None)
    assert not CreditDecision.objects.exists()
