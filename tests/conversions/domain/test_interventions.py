"""What staff change about credit: it needs a reason, follows through to the money, and can be undone."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from attribution.domain.credit import Claim
from conversions.domain.destination_limits import limit_destination
from conversions.domain.interventions import (
    AlreadyMerged,
    CreditReasonMissing,
    NothingToRetag,
    UnusableTouch,
    join_touch,
    merge_players,
    rejoin_touch,
    release_player,
    retag_player,
    separate_touch,
    undo_merge,
)
from conversions.domain.recrediting import settle_due_touches
from conversions.models import Conversion, CreditDecision, CreditIntervention, Destination, Platform, Player, Postback
from fraud.domain.reviewing import review_pending_conversions
from tests.conversions.builders import LATER, deposit, register, the_deposit
from tests.conversions.domain.test_crediting import sign_up
from tests.world import NOON, make_click, make_link, make_partner, make_platform

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice")


@pytest.fixture
def platform() -> Platform:
    return make_platform()


def by(alice: User, reason: str = "The contract says so") -> dict[str, Any]:
    return {"reason": reason, "actor": alice, "at": LATER}


def the_player() -> Player:
    return Player.objects.get(player_id="p-1")


def test_retag_player_gives_all_that_he_did_to_the_link(platform, alice):
    before, after = make_partner(), make_partner()
    link = make_link(partner=after)
    register(platform, click_id=make_click(make_link(partner=before)).click_id)
    deposit(platform)
    review_pending_conversions(at=LATER, limit=10)

    intervention = retag_player(the_player(), link=link, **by(alice))

    assert (intervention.partner_before, intervention.partner_after) == (before, after)
    for conversion in Conversion.objects.all():
        assert (conversion.credit_outcome, conversion.link, conversion.campaign) == ("staff", link, link.campaign)
        assert (conversion.partner, conversion.click_uuid, conversion.review_state) == (after, None, "pending")
    assert the_deposit().is_first_deposit
    decision = CreditDecision.objects.latest("pk")
    assert decision.reason == "A person gave him to another whatever his touches say: The contract says so"
    assert the_deposit().credit_decision == decision
    assert CreditDecision.objects.count() == 2


def test_retag_player_stands_against_what_becomes_known_later(platform, alice):
    partner = make_partner()
    register(platform)
    retag_player(the_player(), partner=partner, **by(alice))

    sign_up(platform, "s-1", player_id="p-1", click_id=make_click(make_link(partner=make_partner())).click_id)
    settle_due_touches(at=LATER, limit=10)

    assert (the_player().credit_outcome, the_player().partner) == ("staff", partner)


def test_deposits_after_a_retag_inherit_it(platform, alice):
    partner = make_partner()
    register(platform)
    retag_player(the_player(), partner=partner, **by(alice))

    deposit(platform)

    assert the_deposit().partner == partner


def test_release_player_leaves_him_to_the_rule_again(platform, alice):
    before = make_partner()
    register(platform, click_id=make_click(make_link(partner=before)).click_id)
    retag_player(the_player(), partner=make_partner(), **by(alice))

    release_player(the_player(), **by(alice, "It was a mistake"))

    assert (the_player().credit_outcome, the_player().partner) == ("click", before)
    with pytest.raises(NothingToRetag):
        release_player(the_player(), **by(alice))


def test_retag_player_refuses_what_changes_nothing(platform, alice):
    partner = make_partner()
    link = make_link(partner=partner)
    sign_up(platform, "s-1", player_id="p-1")
    with pytest.raises(NothingToRetag, match="not registered"):
        retag_player(the_player(), partner=partner, **by(alice))
    register(platform, click_id=make_click(link).click_id)

    with pytest.raises(NothingToRetag):
        retag_player(the_player(), link=link, **by(alice))
    with pytest.raises(CreditReasonMissing):
        retag_player(the_player(), partner=make_partner(), **by(alice, " "))

    assert not CreditIntervention.objects.exists()


def test_retag_player_takes_back_what_another_campaigns_destination_heard(platform, alice):
    link = make_link()
    own = Destination.objects.create(name="Own", kind="generic", url_template="https://a.example/")
    limit_destination(own, campaigns=[link.campaign], partners=[])
    everybody = Destination.objects.create(name="All", kind="generic", url_template="https://b.example/")
    register(platform, click_id=make_click(link).click_id, consent_ad_user_data=True)
    deposit(platform)
    review_pending_conversions(at=LATER, limit=10)
    Postback.objects.update(state="done", tries=1, finished_at=LATER)

    retag_player(the_player(), link=make_link(), **by(alice))

    corrected = Postback.objects.filter(is_correction=True).values_list("destination", flat=True)
    assert set(corrected) == {own.pk}
    assert everybody.pk in Postback.objects.values_list("destination", flat=True)


def test_separate_touch_takes_its_credit_and_what_hangs_on_it(platform, alice):
    earlier, later = make_partner(), make_partner()
    click = make_click(make_link(partner=later), at=NOON + timedelta(minutes=10))
    sign_up(platform, "s-1", player_id="p-1", click_id=make_click(make_link(partner=earlier)).click_id)
    register(platform, click_id=click.click_id)
    assert the_player().partner == later

    intervention = separate_touch(the_player(), channel="click", name=click.id.hex, **by(alice, "Shared device"))

    assert (intervention.partner_before, intervention.partner_after) == (later, earlier)
    assert the_player().partner == earlier

    rejoin_touch(the_player(), channel="click", name=click.id.hex, **by(alice, "His after all"))

    assert the_player().partner == later


def test_join_touch_adds_what_no_event_named(platform, alice):
    partner = make_partner()
    click = make_click(make_link(partner=partner))
    register(platform)

    join_touch(the_player(), Claim(click_id=click.click_id), **by(alice, "Support ticket"))

    assert (the_player().credit_outcome, the_player().partner) == ("click", partner)
    with pytest.raises(UnusableTouch):
        join_touch(the_player(), Claim(promo_code="nobody"), **by(alice))


def test_merge_players_counts_the_touches_of_both_until_it_is_undone(platform, alice):
    partner = make_partner()
    register(platform, "reg-1", click_id=make_click(make_link(partner=partner)).click_id)
    register(platform, "reg-2", player_id="p-2", occurred_at=NOON + timedelta(hours=2))
    first, second = Player.objects.order_by("pk")

    merge = merge_players(second, first, **by(alice, "Same person"))

    assert Player.objects.get(pk=second.pk).partner == partner
    with pytest.raises(AlreadyMerged):
        merge_players(first, second, **by(alice))

    undone = undo_merge(merge, **by(alice, "Two brothers"))
    undo_merge(merge, **by(alice, "Again"))

    assert Player.objects.get(pk=second.pk).credit_outcome == "no_claim"
    assert (undone.undone_at, undone.undone_by, undone.undo_reason) == (LATER, alice, "Two brothers")


def test_merge_players_credits_nobody_with_what_the_other_did_after_he_registered(platform, alice):
    register(platform, "reg-1")
    click = make_click(make_link(partner=make_partner()), at=NOON + timedelta(hours=3))
    register(platform, "reg-2", player_id="p-2", occurred_at=NOON + timedelta(hours=4), click_id=click.click_id)
    first, second = Player.objects.order_by("pk")

    merge_players(first, second, **by(alice, "Same person"))

    assert Player.objects.get(pk=first.pk).credit_outcome == "no_claim"


def test_merge_players_takes_two_of_one_platform(platform, alice):
    register(platform)
    register(make_platform(), "reg-2", player_id="p-2")
    first, second = Player.objects.order_by("pk")

    with pytest.raises(AlreadyMerged):
        merge_players(first, first, **by(alice))
    with pytest.raises(AlreadyMerged):
        merge_players(first, second, **by(alice))
