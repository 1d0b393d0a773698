"""Conversions under caps: counted by what was credited, on the cap's days, and written to its counter."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from attribution.click_ids import new_uuid7
from attribution.models import Click
from campaigns.models import Campaign, Cap, CapUse, Flow
from conversions.domain.caps import count_capped_conversions
from conversions.models import Conversion, Platform
from conversions.tasks import count_capped, count_capped_in_all
from tests.conversions.builders import deposit, register
from tests.world import NOON, click_id_of, make_campaign, make_click, make_link, make_platform

TODAY, YESTERDAY = date(2026, 11, 22), date(2026, 11, 21)

pytestmark = pytest.mark.django_db


def bring(campaign: Campaign, player: str, *, platform: Platform, at: datetime = NOON, **click: Any) -> None:
    """Have a player register on a click of the campaign."""
    link = make_link(campaign=campaign)
    stored = make_click(link, at=at - timedelta(minutes=5), **click)
    register(
        platform,
        f"reg-{player}",
        player_id=player,
        occurred_at=at,
        click_id=click_id_of(link, at=at, uuid=stored.id),
    )


def counts(period: Cap.Period = Cap.Period.DAY) -> list[tuple[int, date | None, int]]:
    return [(count.cap_id, count.day, count.uses) for count in count_capped_conversions(at=NOON, period=period)]


def test_count_capped_conversions_counts_a_campaigns_registrations_by_day() -> None:
    campaign, platform = make_campaign(), make_platform()
    cap = Cap.objects.create(campaign=campaign, limit=5, event="registration")
    bring(campaign, "p-1", platform=platform)
    bring(campaign, "p-2", platform=platform)
    bring(campaign, "p-3", platform=platform, at=NOON - timedelta(days=1))
    bring(campaign, "p-4", platform=platform, at=NOON - timedelta(days=2))
    bring(make_campaign(), "p-5", platform=platform)

    counted = counts()

    assert counted == [(cap.pk, YESTERDAY, 1), (cap.pk, TODAY, 2)]
    stored = CapUse.objects.order_by("day").values_list("cap", "day", "counter", "uses")
    assert list(stored) == [(cap.pk, YESTERDAY, "conversions", 1), (cap.pk, TODAY, "conversions", 2)]


def test_count_capped_conversions_counts_everything_for_a_cap_in_all() -> None:
    campaign, platform = make_campaign(), make_platform()
    cap = Cap.objects.create(campaign=campaign, limit=5, event="registration", period="total")
    bring(campaign, "p-1", platform=platform)
    bring(campaign, "p-2", platform=platform, at=NOON - timedelta(days=20))

    assert counts(Cap.Period.TOTAL) == [(cap.pk, None, 2)]
    assert counts(Cap.Period.DAY) == []


def test_count_capped_conversions_counts_an_offers_first_deposits_in_the_caps_zone() -> None:
    campaign, platform = make_campaign(), make_platform()
    cap = Cap.objects.create(offer=campaign.offer, limit=5, event="first_deposit", time_zone="Asia/Tokyo")
    bring(campaign, "p-1", platform=platform, at=datetime(2026, 11, 21, 14, 0, tzinfo=UTC))
    deposit(platform, "d-1", player_id="p-1", occurred_at=datetime(2026, 11, 21, 14, 59, tzinfo=UTC))
    bring(campaign, "p-2", platform=platform, at=datetime(2026, 11, 21, 14, 0, tzinfo=UTC))
    deposit(
        platform, "d-2", player_id="p-2", transaction_id="t-2", occurred_at=datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
    )
    deposit(platform, "d-3", player_id="p-2", transaction_id="t-3", occurred_at=NOON)

    assert counts() == [(cap.pk, YESTERDAY, 1), (cap.pk, TODAY, 1)]


def test_count_capped_conversions_gives_a_flow_what_its_own_clicks_brought() -> None:
    campaign, platform = make_campaign(), make_platform()
    flow, other = (Flow.objects.create(campaign=campaign, name=name) for name in ("A", "B"))
    cap = Cap.objects.create(flow=flow, limit=5, event="registration")
    bring(campaign, "p-1", platform=platform, flow=flow)
    bring(campaign, "p-2", platform=platform, flow=other)
    bring(campaign, "p-3", platform=platform)

    assert counts() == [(cap.pk, YESTERDAY, 0), (cap.pk, TODAY, 1)]


def test_count_capped_conversions_gives_a_flow_what_a_click_brought_that_is_gone_meanwhile() -> None:
    campaign, platform = make_campaign(), make_platform()
    flow = Flow.objects.create(campaign=campaign, name="A")
    cap = Cap.objects.create(flow=flow, limit=5, event="registration", period="total")
    bring(campaign, "p-1", platform=platform, flow=flow)
    Click.objects.all().delete()

    assert counts(Cap.Period.TOTAL) == [(cap.pk, None, 1)]


def test_count_capped_conversions_gives_a_flow_what_a_click_brought_that_was_stored_late() -> None:
    campaign, platform = make_campaign(), make_platform()
    flow = Flow.objects.create(campaign=campaign, name="A")
    cap = Cap.objects.create(flow=flow, limit=5, event="registration", period="total")
    link, uuid = make_link(campaign=campaign), new_uuid7(int(NOON.timestamp() * 1000))
    register(platform, occurred_at=NOON, click_id=click_id_of(link, uuid=uuid))
    before = counts(Cap.Period.TOTAL)

    make_click(link, id=uuid, flow=flow)

    assert before == [(cap.pk, None, 0)]
    assert counts(Cap.Period.TOTAL) == [(cap.pk, None, 1)]


def test_count_capped_conversions_leaves_out_tests_and_what_was_rejected() -> None:
    campaign, platform = make_campaign(), make_platform()
    cap = Cap.objects.create(campaign=campaign, limit=5, event="registration")
    for player in ("p-1", "p-2", "p-3", "p-4"):
        bring(campaign, player, platform=platform)
    Conversion.objects.filter(player__player_id="p-1").update(is_test=True)
    Conversion.objects.filter(player__player_id="p-2").update(review_state="rejected")
    Conversion.objects.filter(player__player_id="p-3").update(status="void")

    assert counts() == [(cap.pk, YESTERDAY, 0), (cap.pk, TODAY, 1)]


def test_count_capped_conversions_keeps_the_place_of_a_reversed_first_deposit() -> None:
    campaign, platform = make_campaign(), make_platform()
    cap = Cap.objects.create(campaign=campaign, limit=5, event="first_deposit")
    bring(campaign, "p-1", platform=platform)
    deposit(platform, "d-1", player_id="p-1", occurred_at=NOON)
    deposit(platform, "d-2", player_id="p-1", status="charged_back", occurred_at=NOON + timedelta(hours=1))

    assert counts() == [(cap.pk, YESTERDAY, 0), (cap.pk, TODAY, 1)]


def test_count_capped_conversions_lowers_the_counter_when_one_is_rejected_later() -> None:
    campaign, platform = make_campaign(), make_platform()
    Cap.objects.create(campaign=campaign, limit=5, event="registration")
    bring(campaign, "p-1", platform=platform)
    counts()

    Conversion.objects.update(review_state="rejected")
    counts()

    assert list(CapUse.objects.order_by("day").values_list("uses", flat=True)) == [0, 0]


def test_count_capped_conversions_asks_as_often_for_many_caps(django_assert_num_queries: Any) -> None:
    campaign = make_campaign()
    flow = Flow.objects.create(campaign=campaign, name="A")
    Cap.objects.create(campaign=campaign, limit=5, event="registration")
    with django_assert_num_queries(3):
        counts()
    Cap.objects.create(offer=campaign.offer, limit=5, event="registration")
    Cap.objects.create(flow=flow, limit=5, event="first_deposit")
    Cap.objects.create(campaign=campaign, limit=5, event="click")

    with django_assert_num_queries(3):
        counts()


def test_the_tasks_count_both_periods() -> None:
    campaign = make_campaign()
    of_day = Cap.objects.create(campaign=campaign, limit=5, event="registration")
    in_all = Cap.objects.create(campaign=campaign, limit=5, event="registration", period="total")

    count_capped()
    count_capped_in_all()

    assert set(CapUse.objects.values_list("cap", flat=True)) == {of_day.pk, in_all.pk}
