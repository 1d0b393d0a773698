"""Goals: what is reached of them."""

from datetime import UTC, datetime

import pytest

from analytics.domain.goals import goals_of
from campaigns.models import Campaign, Goal
from tests.affiliates.builders import make_deposit
from tests.world import NOON, make_campaign, make_click, make_link

pytestmark = pytest.mark.django_db

EVENING = datetime(2026, 11, 22, 20, tzinfo=UTC)


def test_goals_of_counts_since_the_campaign_began() -> None:
    campaign = make_campaign()
    Campaign.objects.filter(pk=campaign.pk).update(created_at=NOON)
    campaign.refresh_from_db()
    link = make_link(campaign=campaign)
    make_click(link, at=NOON)
    make_click(link, at=NOON, kind="bot")
    make_click(link, at=NOON, outcome="capped")
    make_click(make_link(), at=NOON)
    make_deposit(campaign=campaign)
    make_deposit(campaign=campaign, review_state="rejected")
    Goal.objects.create(campaign=campaign, event="click", target=4)
    Goal.objects.create(campaign=campaign, event="first_deposit", target=1)
    Goal.objects.create(campaign=campaign, event="registration", target=10)

    progress = goals_of(campaign, at=EVENING)

    assert [(each.goal.event, each.reached, each.percent) for each in progress] == [
        ("click", 1, 25),
        ("first_deposit", 1, 100),
        ("registration", 0, 0),
    ]
