"""Replay: what the inbox says is what is stored, or each difference is named."""

from datetime import timedelta

import pytest

from conversions.models import Platform
from conversions.replay.ordering import Choice
from conversions.replay.running import Replayed, replay
from tests.conversions.histories import STARTED_AT, deliver, history
from tests.world import make_click, make_link, make_partner, make_platform

pytestmark = pytest.mark.django_db(transaction=True)

RECEIVED_AT = STARTED_AT + timedelta(days=1)


def replay_all(platform: Platform, **options) -> Replayed:
    return replay(Choice(platforms=(platform.pk,)), scratch="replay_of_tests", processes=2, **options)


def test_replay_finds_what_was_recorded_in_order_identical():
    platform = make_platform()
    for number in range(3):
        click = make_click(make_link(partner=make_partner()), at=STARTED_AT - timedelta(hours=1))
        deliver(platform, history(number, click.click_id), at=RECEIVED_AT)

    replayed = replay_all(platform)

    assert replayed.differences == []
    assert replayed.events == 60
    assert replayed.rows == {}
