"""Test clicks: cleared by campaign and instant, or one by one; what is no test stays."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from attribution.domain import clearing
from attribution.domain.clearing import TooManyClicks, clear_clicks, clear_test_clicks, count_clearable_clicks
from attribution.models import Click
from campaigns.models import Campaign
from conversions.models import Conversion
from tests.conversions.builders import register
from tests.world import NOON, make_campaign, make_click, make_link, make_platform

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


@pytest.fixture
def alice() -> User:
    return User.objects.create_superuser("alice")


def old_campaign() -> Campaign:
    campaign = make_campaign()
    Campaign.objects.filter(pk=campaign.pk).update(created_at=NOON - timedelta(days=3))
    campaign.refresh_from_db()
    return campaign


def kinds_of(*clicks: Click) -> list[str]:
    return [Click.objects.get(pk=click.pk).kind for click in clicks]


def test_clear_test_clicks_marks_what_came_before_the_instant(alice: User) -> None:
    link = make_link(campaign=old_campaign())
    first, before, at_it = (
        make_click(link, at=NOON - timedelta(days=2)),
        make_click(link, at=NOON - SECOND),
        make_click(link, at=NOON),
    )

    cleared = clear_test_clicks(link.campaign, until=NOON, actor=alice)

    assert cleared == 2
    assert kinds_of(first, before, at_it) == ["test", "test", "click"]


def test_clear_test_clicks_leaves_other_campaigns_bots_and_previews(alice: User) -> None:
    link = make_link(campaign=old_campaign())
    mine = [make_click(link, at=NOON - SECOND, kind=kind) for kind in ("excess", "staff", "bot", "preview")]
    other = make_click(make_link(campaign=old_campaign()), at=NOON - SECOND)

    cleared = clear_test_clicks(link.campaign, until=NOON, actor=alice)

    assert cleared == 2
    assert kinds_of(*mine, other) == ["test", "test", "bot", "preview", "click"]


def test_clear_test_clicks_a_second_time_finds_none(alice: User) -> None:
    link = make_link(campaign=old_campaign())
    make_click(link, at=NOON - SECOND)

    assert [clear_test_clicks(link.campaign, until=NOON, actor=alice) for _ in range(2)] == [1, 0]


def test_clear_test_clicks_keeps_the_credit_that_a_registration_took(alice: User) -> None:
    link = make_link(campaign=old_campaign())
    click = make_click(link, at=NOON - SECOND)
    register(make_platform(), click_id=click.click_id)

    clear_test_clicks(link.campaign, until=NOON, actor=alice)

    conversion = Conversion.objects.get()
    assert (conversion.credit_outcome, conversion.click_uuid, conversion.campaign) == ("click", click.id, link.campaign)


def test_clear_test_clicks_changes_nothing_when_there_are_too_many(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clearing, "MOST", 2)
    link = make_link(campaign=old_campaign())
    for _ in range(4):
        make_click(link, at=NOON - SECOND)

    with pytest.raises(TooManyClicks):
        clear_test_clicks(link.campaign, until=NOON, actor=alice)

    assert count_clearable_clicks(link.campaign, until=NOON) == 3
    assert set(Click.objects.values_list("kind", flat=True)) == {"click"}


def test_clear_clicks_marks_the_named_ones(alice: User) -> None:
    link = make_link()
    named, bot, other = make_click(link), make_click(link, kind="bot"), make_click(link)

    assert clear_clicks([named.id, bot.id], actor=alice) == 1
    assert kinds_of(named, bot, other) == ["test", "bot", "click"]


def test_clear_test_clicks_reads_the_partitions_of_the_campaigns_life_alone(
    alice: User, django_assert_num_queries: Any
) -> None:
    link = make_link(campaign=old_campaign())
    make_click(link, at=NOON - timedelta(days=40))

    with django_assert_num_queries(2):
        cleared = clear_test_clicks(link.campaign, until=NOON, actor=alice)

    assert cleared == 0
