"""Which players are placed together."""

import pytest
from django.contrib.auth.models import User
from django.db import connection

from conversions.domain.interventions import merge_players, undo_merge
from conversions.models import Platform, Player, PlayerMerge
from conversions.replay.ordering import Choice, copy_inbox, order_events
from conversions.replay.scratch import copy_tables, scratch_schema
from tests.conversions.builders import register
from tests.world import NOON, make_platform

pytestmark = pytest.mark.django_db(transaction=True)

SCRATCH = "replay_in_order"


@pytest.fixture
def platform() -> Platform:
    platform = make_platform()
    for name in ("p-1", "p-2", "p-3"):
        register(platform, f"reg-{name}", player_id=name)
    return platform


def merge(one: str, other: str) -> PlayerMerge:
    alice = User.objects.get_or_create(username="alice")[0]
    players = [Player.objects.get(player_id=name) for name in (one, other)]
    return merge_players(*players, reason="One person.", actor=alice, at=NOON)


def placed_together(platform: Platform) -> set[tuple[str, ...]]:
    """Return the events of each group that one process places at one go."""
    choice = Choice(platforms=(platform.pk,))
    with scratch_schema(SCRATCH, keep=False):
        copy_tables(SCRATCH)
        copy_inbox(SCRATCH, choice)
        order_events(SCRATCH, choice, shares=16)
        with connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT array_agg(event.event_id ORDER BY event.event_id)
                      FROM {SCRATCH}.replay_order placed JOIN {SCRATCH}.inbox_events event ON event.id = placed.event_id
                     GROUP BY placed.subject, placed.share"""
            )
            return {tuple(events) for (events,) in cursor.fetchall()}


def test_players_whom_staff_merged_are_placed_together(platform: Platform) -> None:
    merge("p-1", "p-3")

    assert placed_together(platform) == {("reg-p-1", "reg-p-3"), ("reg-p-2",)}


def test_players_whose_merge_was_undone_are_placed_apart(platform: Platform) -> None:
    undone = merge("p-1", "p-3")
    undo_merge(undone, reason="They are two.", actor=undone.actor, at=NOON)

    assert placed_together(platform) == {("reg-p-1",), ("reg-p-2",), ("reg-p-3",)}
