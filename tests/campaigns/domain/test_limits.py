"""Caps' use: summed over counters, by the cap's own day; old counters fold without a change of the sum."""

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from campaigns.domain.limits import CapCount, cap_day, fold_cap_uses, standings_of, write_conversion_uses
from campaigns.models import CampaignSpend, Cap, CapUse, Flow
from campaigns.tasks import fold_counters
from tests.world import NOON, make_campaign, make_offer
from tracker_project.common.database import broken_constraint

TODAY = date(2026, 11, 22)

pytestmark = pytest.mark.django_db


def use(cap: Cap, uses: int, *, counter: str = "edge-1", day: date | None = TODAY, at: datetime = NOON) -> CapUse:
    row = CapUse.objects.create(cap=cap, day=day, counter=counter, uses=uses)
    CapUse.objects.filter(pk=row.pk).update(updated_at=at)
    return row


def uses_of(cap: Cap) -> list[tuple[date | None, str, int]]:
    return list(CapUse.objects.filter(cap=cap).order_by("day", "counter").values_list("day", "counter", "uses"))


def test_standings_of_sums_the_counters_of_the_caps_day() -> None:
    cap = Cap.objects.create(campaign=make_campaign(), limit=100)
    use(cap, 60)
    use(cap, 45, counter="edge-2")
    use(cap, 900, day=date(2026, 11, 21))

    [standing] = standings_of([cap], at=NOON)

    assert (standing.day, standing.uses, standing.overshoot, standing.is_reached) == (TODAY, 105, 5, True)


def test_standings_of_sums_a_cap_in_all_whatever_the_day() -> None:
    cap = Cap.objects.create(campaign=make_campaign(), limit=100, period="total")
    use(cap, 40, day=None)
    use(cap, 30, day=None, counter="edge-2")

    [standing] = standings_of([cap], at=NOON)

    assert (standing.day, standing.uses, standing.overshoot, standing.is_reached) == (None, 70, 0, False)


def test_standings_of_asks_once_however_many_caps_there_are(django_assert_num_queries: Any) -> None:
    campaign = make_campaign()
    caps = [Cap.objects.create(campaign=campaign, limit=5, event=event) for event in Cap.Event.values]

    with django_assert_num_queries(1):
        standings_of(caps, at=NOON)


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 11, 22, 22, 59, tzinfo=UTC), date(2026, 11, 22)),
        (datetime(2026, 11, 22, 23, 0, tzinfo=UTC), date(2026, 11, 23)),
        # On 25 October 2026 the clocks in Malta go back: the day has 25 hours.
        (datetime(2026, 10, 24, 21, 59, tzinfo=UTC), date(2026, 10, 24)),
        (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), date(2026, 10, 25)),
        (datetime(2026, 10, 25, 22, 59, tzinfo=UTC), date(2026, 10, 25)),
    ],
)
def test_cap_day_begins_at_midnight_of_the_campaign(at: datetime, day: date) -> None:
    campaign = make_campaign(time_zone="Europe/Malta")
    flow = Flow.objects.create(campaign=campaign, name="A")

    assert cap_day(Cap(campaign=campaign, limit=1), at=at) == day
    assert cap_day(Cap(flow=flow, limit=1), at=at) == day


def test_cap_day_of_an_offer_is_that_of_its_own_zone() -> None:
    cap = Cap(offer=make_offer(), limit=1, time_zone="Asia/Tokyo")

    assert cap_day(cap, at=datetime(2026, 11, 22, 15, 0, tzinfo=UTC)) == date(2026, 11, 23)


def test_write_conversion_uses_replaces_what_was_counted_before() -> None:
    cap = Cap.objects.create(campaign=make_campaign(), limit=10, event="registration")

    write_conversion_uses([CapCount(cap_id=cap.pk, day=TODAY, uses=3), CapCount(cap_id=cap.pk, day=None, uses=8)])
    write_conversion_uses([CapCount(cap_id=cap.pk, day=TODAY, uses=2), CapCount(cap_id=cap.pk, day=None, uses=9)])

    assert uses_of(cap) == [(TODAY, "conversions", 2), (None, "conversions", 9)]


def test_write_conversion_uses_leaves_out_a_cap_that_is_gone() -> None:
    cap = Cap.objects.create(campaign=make_campaign(), limit=10, event="registration")

    write_conversion_uses([CapCount(cap_id=cap.pk + 1, day=TODAY, uses=3), CapCount(cap_id=cap.pk, day=TODAY, uses=1)])

    assert uses_of(cap) == [(TODAY, "conversions", 1)]


def test_fold_cap_uses_keeps_the_sum_of_each_day() -> None:
    cap = Cap.objects.create(campaign=make_campaign(), limit=10)
    old, at = date(2026, 11, 19), NOON - timedelta(days=2)
    use(cap, 5, day=old, at=at)
    use(cap, 7, day=old, counter="edge-2", at=at)
    use(cap, 2, day=old, counter="conversions", at=at)

    folded = fold_cap_uses(at=NOON)
    use(cap, 1, day=old, counter="edge-3", at=at)
    folded_later = fold_cap_uses(at=NOON)

    assert (folded, folded_later) == (2, 1)
    assert uses_of(cap) == [(old, "conversions", 2), (old, "folded", 13)]


def test_fold_cap_uses_leaves_what_an_edge_may_still_write() -> None:
    cap = Cap.objects.create(campaign=make_campaign(), limit=10)
    kept = [
        use(cap, 5, day=date(2026, 11, 19), at=NOON - timedelta(hours=23)),
        use(cap, 6, day=date(2026, 11, 21), at=NOON - timedelta(days=2)),
        use(cap, 7, day=None, at=NOON - timedelta(days=29)),
    ]

    fold_cap_uses(at=NOON)

    assert set(CapUse.objects.all()) == set(kept)


def test_fold_cap_uses_folds_a_cap_in_all_once_its_edge_is_gone() -> None:
    cap = Cap.objects.create(campaign=make_campaign(), limit=10, period="total")
    use(cap, 5, day=None, at=NOON - timedelta(days=31))
    use(cap, 6, day=None, counter="edge-2", at=NOON - timedelta(days=31))

    fold_cap_uses(at=NOON)

    assert uses_of(cap) == [(None, "folded", 11)]


def test_fold_cap_uses_leaves_a_cap_in_all_to_an_edge_that_was_heard_of_elsewhere() -> None:
    cap, other = (Cap.objects.create(campaign=make_campaign(), limit=10, period="total") for _ in range(2))
    use(cap, 5, day=None, counter="edge-1", at=NOON - timedelta(days=31))
    use(cap, 6, day=None, counter="edge-2", at=NOON - timedelta(days=31))
    use(cap, 7, day=None, counter="edge-3", at=NOON - timedelta(days=31))
    use(other, 1, day=None, counter="edge-1", at=NOON - timedelta(days=2))
    CampaignSpend.objects.create(campaign=make_campaign(), day=TODAY, counter="edge-2", amount=1)

    fold_cap_uses(at=NOON)

    assert uses_of(cap) == [(None, "edge-1", 5), (None, "edge-2", 6), (None, "folded", 7)]


def test_fold_cap_uses_forgets_days_long_past() -> None:
    cap = Cap.objects.create(campaign=make_campaign(), limit=10)
    use(cap, 5, day=date(2026, 8, 23), counter="folded")
    kept = use(cap, 6, day=date(2026, 8, 24), counter="folded")

    fold_cap_uses(at=NOON)

    assert list(CapUse.objects.all()) == [kept]


@pytest.mark.django_db(transaction=True)
def test_fold_counters_twice_at_once_folds_nothing_twice() -> None:
    cap = Cap.objects.create(campaign=make_campaign(), limit=10)
    for number in range(50):
        use(cap, 1, day=date(2026, 1, 1), counter=f"edge-{number}", at=NOON - timedelta(days=90))
    CapUse.objects.update(day=datetime.now(UTC).date() - timedelta(days=3))
    start = threading.Barrier(2)

    def run() -> None:
        start.wait()
        fold_counters()
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [(counter, uses) for _, counter, uses in uses_of(cap)] == [("folded", 50)]


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"counter": "edge-1", "uses": 1}, "one_use_per_counter"),
        ({"counter": "edge-2", "uses": -1}, "cap_uses_are_not_negative"),
        ({"counter": "", "uses": 1}, "cap_use_names_its_counter"),
    ],
)
def test_a_use_that_cannot_be_is_refused(columns: dict[str, Any], constraint: str) -> None:
    cap = Cap.objects.create(campaign=make_campaign(), limit=10, period="total")
    CapUse.objects.create(cap=cap, day=None, counter="edge-1", uses=1)

    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        CapUse.objects.create(cap=cap, day=None, **columns)

    assert broken_constraint(refused.value) == constraint
