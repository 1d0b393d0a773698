"""What another rule would have credited, without writing anything."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from attribution.models import CreditRule
from conversions.domain.credit_preview import Change, preview_rule
from conversions.domain.interventions import retag_player
from conversions.models import Conversion, CreditDecision, Player
from tests.conversions.builders import LATER, deposit, register
from tests.conversions.domain.test_crediting import sign_up
from tests.world import NOON, make_click, make_link, make_partner, make_platform

pytestmark = pytest.mark.django_db

PERIOD = {"starts_at": NOON, "ends_at": NOON + timedelta(days=1)}


def two_partners():
    """Register p-1, whom the first partner brought to sign up and the second to register."""
    platform, first, second = make_platform(), make_partner(name="First"), make_partner(name="Second")
    sign_up(platform, "s-1", player_id="p-1", click_id=make_click(make_link(partner=first)).click_id)
    later = make_click(make_link(partner=second), at=NOON + timedelta(minutes=30))
    register(platform, click_id=later.click_id)
    return platform, first, second


def test_preview_rule_counts_who_would_win_and_lose_and_writes_nothing():
    two_partners()
    before = list(Player.objects.values()), list(Conversion.objects.values()), CreditDecision.objects.count()

    preview = preview_rule(CreditRule(version=0, later_touch="first_partner"), **PERIOD)

    assert (preview.players, preview.moved) == (1, 1)
    assert preview.partners == [
        Change(name="First", has=0, wins=1, loses=0),
        Change(name="Second", has=1, wins=0, loses=1),
    ]
    assert [(moved.player.player_id, moved.partner) for moved in preview.examples] == [("p-1", ("Second", "First"))]
    after = list(Player.objects.values()), list(Conversion.objects.values()), CreditDecision.objects.count()
    assert after == before


def test_preview_rule_of_the_terms_in_force_moves_nobody():
    two_partners()

    preview = preview_rule(CreditRule(version=0), **PERIOD)

    assert (preview.players, preview.moved, preview.examples) == (1, 0, [])


def test_preview_rule_keeps_to_its_scope_and_period():
    platform, _, _ = two_partners()
    draft = CreditRule(version=0, later_touch="earliest", brand=make_platform().brand)

    assert preview_rule(draft, **PERIOD).players == 0
    draft.brand = platform.brand
    assert preview_rule(draft, **PERIOD).moved == 1
    tomorrow = {"starts_at": NOON + timedelta(days=1), "ends_at": NOON + timedelta(days=2)}
    assert preview_rule(draft, **tomorrow).players == 0


def test_preview_rule_leaves_out_whom_staff_gave_away_and_who_has_no_reasons():
    platform, _, _ = two_partners()
    alice = User.objects.create_user("alice")
    retag_player(Player.objects.get(), partner=make_partner(), reason="Contract", actor=alice, at=LATER)
    register(platform, "reg-2", player_id="p-2")
    Player.objects.filter(player_id="p-2").update(credit_decision=None)

    preview = preview_rule(CreditRule(version=0, later_touch="earliest"), **PERIOD)

    assert (preview.players, preview.by_staff, preview.without_reasons) == (0, 1, 1)


def test_preview_rule_counts_deposits_that_would_come_too_late():
    platform, _, _ = two_partners()
    deposit(platform, occurred_at=NOON + timedelta(days=3))

    assert preview_rule(CreditRule(version=0, deposit_days=2), **PERIOD).late_deposits == 1
    assert preview_rule(CreditRule(version=0, deposit_days=3), **PERIOD).late_deposits == 0
