"""Each constraint of touchpoints, decisions, interventions, merges and evidence, broken once."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, models, transaction

from conversions.models import (
    CreditDecision,
    CreditIntervention,
    InboxEvent,
    Player,
    PlayerMerge,
    TheftEvidence,
    Touchpoint,
)
from tests.conversions.builders import register
from tests.world import NOON, make_partner, make_platform
from tracker_project.common.database import broken_constraint

pytestmark = pytest.mark.django_db


@pytest.fixture
def player() -> Player:
    platform = make_platform()
    register(platform)
    register(platform, "reg-2", player_id="p-2")
    return Player.objects.get(player_id="p-1")


def refused(model: type[models.Model], **columns: Any) -> str:
    """Return the constraint that refuses a row."""
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        model._default_manager.create(**columns)
    return broken_constraint(error.value)


def touchpoint(owner: Player, **columns: Any) -> dict[str, Any]:
    event = InboxEvent.objects.order_by("pk").first()
    defaults = {"platform": owner.platform, "player": owner, "event": event, "how": "registration", "name": "LUCKY7"}
    return defaults | {"channel": "promo_code", "occurred_at": NOON, "named_at": NOON} | columns


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"how": "guessed"}, "touchpoint_tells_how"),
        ({"channel": "pigeon"}, "touchpoint_channel_is_known"),
        ({"event": None}, "touchpoint_has_its_event_or_is_by_staff"),
        ({"how": "staff"}, "touchpoint_has_its_event_or_is_by_staff"),
        ({"how": "staff", "event": None, "player": None}, "touchpoint_has_its_event_or_is_by_staff"),
    ],
)
def test_touchpoint_says_what_and_how(player, columns, constraint):
    assert refused(Touchpoint, **touchpoint(player, **columns)) == constraint


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({}, "one_touchpoint_per_event_and_name"),
        ({"how": "staff", "event": None}, "one_touchpoint_joined_by_staff"),
    ],
)
def test_touchpoint_is_kept_once(player, columns, constraint):
    Touchpoint.objects.create(**touchpoint(player, **columns))

    assert refused(Touchpoint, **touchpoint(player, **columns)) == constraint


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [({"reason": ""}, "credit_decision_has_a_reason"), ({"cause": "whim"}, "credit_decision_has_a_cause")],
)
def test_credit_decision_says_why(player, columns, constraint):
    defaults = {"player": player, "cause": "registration", "outcome": "click", "reason": "Latest", "candidates": []}

    assert refused(CreditDecision, decided_at=NOON, **defaults | columns) == constraint


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"reason": ""}, "credit_intervention_has_a_reason"),
        ({"partner_after": None}, "credit_intervention_says_what"),
        ({"channel": "click"}, "credit_intervention_says_what"),
        ({"kind": "separate"}, "credit_intervention_says_what"),
        ({"kind": "steal"}, "credit_intervention_says_what"),
    ],
)
def test_credit_intervention_says_what_and_why(player, columns, constraint):
    alice = User.objects.create_user("alice")
    defaults = {"player": player, "kind": "retag", "partner_after": make_partner(), "reason": "Contract"}

    assert refused(CreditIntervention, actor=alice, created_at=NOON, **defaults | columns) == constraint


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"reason": ""}, "merge_has_a_reason"),
        ({"undone_at": NOON}, "undone_merge_says_who_and_why"),
        ({"undo_reason": "Brothers"}, "undone_merge_says_who_and_why"),
    ],
)
def test_player_merge_says_who_and_why(player, columns, constraint):
    alice, other = User.objects.create_user("alice"), Player.objects.get(player_id="p-2")
    defaults = {"player": player, "other": other, "reason": "Same person", "actor": alice, "merged_at": NOON}

    assert refused(PlayerMerge, **defaults | columns) == constraint


def test_player_merge_is_written_one_way_and_once(player):
    alice, other = User.objects.create_user("alice"), Player.objects.get(player_id="p-2")
    said = {"reason": "Same person", "actor": alice, "merged_at": NOON}
    PlayerMerge.objects.create(player=player, other=other, **said)

    assert refused(PlayerMerge, player=player, other=other, **said) == "one_merge_in_force_per_pair"


def test_player_merge_names_two_players(player):
    alice = User.objects.create_user("alice")

    constraint = refused(PlayerMerge, player=player, other=player, reason="Same person", actor=alice, merged_at=NOON)

    assert constraint == "merge_names_two_players_in_order"


def evidence(player: Player, **columns: Any) -> dict[str, Any]:
    defaults = {"player": player, "kind": "late_click", "seconds_before": 5, "seconds_after": 60}
    return defaults | {"is_probable": False, "occurred_at": NOON, "noticed_at": NOON} | columns


def test_theft_evidence_is_of_a_known_kind_about_two_partners_once(player):
    owner, taker = make_partner(), make_partner()
    TheftEvidence.objects.create(**evidence(player, partner_before=owner, partner_after=taker))

    again = evidence(player, partner_before=owner, partner_after=taker)
    assert refused(TheftEvidence, **again) == "one_evidence_per_kind_and_partners"
    of_himself = evidence(player, partner_before=owner, partner_after=owner)
    assert refused(TheftEvidence, **of_himself) == "evidence_is_about_two_partners"
    unknown = evidence(player, partner_before=owner, partner_after=taker, kind="hunch")
    assert refused(TheftEvidence, **unknown) == "evidence_kind_is_known"
