"""What platforms say of their days beside what was recorded."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from django.db import connection

from conversions.domain.day_comparison import IdDifference, compare_days, id_differences
from conversions.domain.day_reports import DayReportConflict, ReportedDay, record_day_report, standing_report
from conversions.domain.sandbox import open_sandbox
from conversions.models import DayReport, Platform
from tests.conversions.builders import LATER, deposit, register
from tests.world import NOON, make_platform
from tracker_project.common.money import Money

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 22)


def say(
    platform: Platform, event_id: str = "day-1", *, on_date: date = DAY, counted_at: datetime = LATER, **said: Any
) -> DayReport:
    """Report a count: whole numbers are counts, lists are ids, a dictionary is money."""
    counts = {name: value for name, value in said.items() if isinstance(value, int)}
    ids = {name: value for name, value in said.items() if isinstance(value, list)}
    counts |= {name: len(listed) for name, listed in ids.items()}
    amounts = [Money(amount=Decimal(text), currency=code) for code, text in said.get("amounts", {}).items()]
    reported = ReportedDay(
        event_id=event_id,
        on_date=on_date,
        counted_at=counted_at,
        counts=counts,
        ids=ids,
        amounts=amounts if "amounts" in said else None,
    )
    return record_day_report(reported, platform=platform, at=LATER).report


def beside(report: DayReport) -> dict[str, tuple[object, object]]:
    """Return what they say and what we recorded, by figure."""
    (comparison,) = compare_days([report])
    return {f"{each.name}{each.currency and ' '}{each.currency}": (each.said, each.ours) for each in comparison.figures}


def differences(report: DayReport) -> list[tuple[str, str, bool, str]]:
    return [(each.counted, each.name, each.is_ours, each.why) for each in id_differences(report)]


def test_compare_days_sets_each_figure_beside_ours():
    platform = make_platform()
    register(platform)
    deposit(platform)
    deposit(platform, "dep-2", transaction_id="t-2", amount="30", currency="USD")

    report = say(platform, registrations=2, first_deposits=1, deposits=2, amounts={"EUR": "100", "GBP": "5"})

    assert beside(report) == {
        "registrations": (2, 1),
        "first_deposits": (1, 1),
        "deposits": (2, 2),
        "deposited EUR": (Decimal(100), Decimal(100)),
        "deposited GBP": (Decimal(5), Decimal(0)),
        "deposited USD": (Decimal(0), Decimal(30)),
    }


def test_compare_days_leaves_open_what_they_did_not_say():
    platform = make_platform()
    deposit(platform)

    report = say(platform, registrations=0)

    assert beside(report) == {
        "registrations": (0, 0),
        "first_deposits": (None, 1),
        "deposits": (None, 1),
        "deposited EUR": (None, Decimal(100)),
    }
    assert compare_days([report])[0].differs is False


def test_compare_days_counts_a_deposit_that_went_back_and_none_that_never_settled():
    platform = make_platform()
    deposit(platform, "d-1", transaction_id="t-1")
    deposit(platform, "d-2", transaction_id="t-1", status="charged_back", occurred_at=NOON + timedelta(hours=5))
    deposit(platform, "d-3", transaction_id="t-2", status="pending")
    deposit(platform, "d-4", transaction_id="t-3", status="void")

    assert beside(say(platform, deposits=1))["deposits"] == (1, 1)


def test_compare_days_counts_no_test_and_no_other_platform():
    platform = make_platform()
    deposit(make_platform())
    deposit(platform, is_test=True)

    assert beside(say(platform, deposits=0))["deposits"] == (0, 0)


def test_compare_days_of_a_sandbox_counts_its_tests():
    sandbox = open_sandbox(make_platform())
    deposit(sandbox, is_test=True)

    assert beside(say(sandbox, deposits=1, first_deposits=1)) == {
        "registrations": (None, 0),
        "first_deposits": (None, 0),
        "deposits": (1, 1),
        "deposited EUR": (None, Decimal(100)),
    }


@pytest.mark.parametrize(
    ("time_zone", "occurred_at", "on_date"),
    [
        ("UTC", "2026-11-22T23:59:59+00:00", date(2026, 11, 22)),
        ("UTC", "2026-11-23T00:00:00+00:00", date(2026, 11, 23)),
        ("Europe/Malta", "2026-11-22T23:00:00+00:00", date(2026, 11, 23)),
        ("America/Sao_Paulo", "2026-11-23T02:59:59+00:00", date(2026, 11, 22)),
        # The day on which clocks go back has 25 hours.
        ("Europe/Malta", "2026-10-24T22:00:00+00:00", date(2026, 10, 25)),
        ("Europe/Malta", "2026-10-25T22:59:59+00:00", date(2026, 10, 25)),
    ],
)
def test_compare_days_cuts_days_in_the_platform_s_zone(time_zone, occurred_at, on_date):
    platform = make_platform(time_zone=time_zone)
    deposit(platform, occurred_at=datetime.fromisoformat(occurred_at))

    days = [on_date - timedelta(days=1), on_date, on_date + timedelta(days=1)]
    reports = [say(platform, f"day-{day}", on_date=day, deposits=0) for day in days]

    assert [beside(report)["deposits"][1] for report in reports] == [0, 1, 0]


def test_compare_days_counts_up_to_when_the_platform_counted():
    platform = make_platform()
    deposit(platform, occurred_at=NOON + timedelta(hours=2))

    assert beside(say(platform, counted_at=NOON + timedelta(hours=2), deposits=0))["deposits"] == (0, 0)
    assert beside(say(platform, "day-2", counted_at=NOON + timedelta(hours=3), deposits=1))["deposits"] == (1, 1)


def test_compare_days_asks_as_often_for_one_as_for_three(django_assert_num_queries):
    platform = make_platform()
    for number in (1, 2, 3):
        say(platform, f"day-{number}", on_date=DAY - timedelta(days=number), deposits=number)
    reports = list(DayReport.objects.select_related("platform").prefetch_related("amounts"))

    with django_assert_num_queries(2):
        compare_days(reports[:1])
    with django_assert_num_queries(2):
        compare_days(reports)


def test_id_differences_names_what_only_one_has_and_why():
    platform = make_platform()
    register(platform)
    deposit(platform, "d-1", transaction_id="t-1")
    deposit(platform, "d-2", transaction_id="t-2", status="pending")
    deposit(platform, "d-3", transaction_id="t-3", occurred_at=NOON + timedelta(days=1))
    deposit(platform, "d-4", transaction_id="t-4", is_test=True)

    report = say(platform, registrations=["p-1"], deposits=["t-2", "t-3", "t-4", "t-5"])

    assert differences(report) == [
        ("deposits", "t-2", False, "we recorded it as pending: report its last status"),
        ("deposits", "t-3", False, "we recorded it on 23 Nov 2026"),
        ("deposits", "t-4", False, "we recorded it as a test"),
        ("deposits", "t-5", False, "we never recorded it: send it again"),
        ("deposits", "t-1", True, "we recorded it; they do not list it"),
    ]


def test_id_differences_tells_which_deposit_is_a_player_s_first_here():
    platform = make_platform()
    deposit(platform, "d-1", transaction_id="t-1", occurred_at=NOON - timedelta(days=1))
    deposit(platform, "d-2", transaction_id="t-2")

    report = say(platform, first_deposits=["p-1"])

    assert differences(report) == [("first_deposits", "p-1", False, "we recorded his first deposit on 21 Nov 2026")]


def test_id_differences_says_nothing_of_lists_that_were_not_given():
    platform = make_platform()
    deposit(platform)

    assert differences(say(platform, deposits=7)) == []
    assert list(id_differences(say(platform, "day-2", deposits=["t-1"]))) == []


def test_id_differences_of_an_empty_list_are_all_that_we_have():
    platform = make_platform()
    deposit(platform)

    assert list(id_differences(say(platform, deposits=[]))) == [
        IdDifference(counted="deposits", name="t-1", is_ours=True, why="we recorded it; they do not list it")
    ]


def test_record_day_report_takes_a_repeat_for_the_same():
    platform = make_platform()
    first = say(platform, deposits=["t-1", "t-2"], amounts={"EUR": "5.00"})

    again = say(platform, deposits=["t-2", "t-1"], amounts={"EUR": "5"})

    assert again == first
    assert DayReport.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("deposits", {"deposits": 3}),
        ("deposit_amounts", {"deposits": 2, "amounts": {"EUR": "5.01"}}),
        ("on_date", {"deposits": 2, "amounts": {"EUR": "5"}, "on_date": DAY - timedelta(days=1)}),
        ("counted_at", {"deposits": 2, "amounts": {"EUR": "5"}, "counted_at": NOON}),
    ],
)
def test_record_day_report_refuses_other_figures_under_the_same_id(field, said):
    platform = make_platform()
    say(platform, deposits=2, amounts={"EUR": "5"})

    with pytest.raises(DayReportConflict) as refusal:
        say(platform, **said)

    assert refusal.value.field == field


@pytest.mark.parametrize("order", list(permutations([0, 1, 2])))
def test_record_day_report_lets_the_latest_count_stand_in_any_order(order):
    platform = make_platform()
    for number in order:
        say(platform, f"day-{number}", counted_at=LATER + timedelta(hours=number), deposits=number)

    standing = standing_report(platform, DAY)

    assert standing is not None
    assert (standing.event_id, standing.deposits) == ("day-2", 2)
    assert sorted(DayReport.objects.values_list("event_id", "is_current")) == [
        ("day-0", False),
        ("day-1", False),
        ("day-2", True),
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("event_ids", [["day-1"] * 4, ["day-1", "day-2", "day-3", "day-4"]])
def test_record_day_report_at_the_same_instant_leaves_one_that_stands(event_ids):
    platform = make_platform()

    def report(event_id: str) -> None:
        say(platform, event_id, deposits=1)
        connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(report, event_ids))

    assert DayReport.objects.count() == len(set(event_ids))
    assert DayReport.objects.get(is_current=True).event_id == max(event_ids)


@pytest.mark.django_db(transaction=True)
def test_open_sandbox_at_the_same_instant_makes_one():
    platform = make_platform()

    def open_it(_: int) -> int:
        sandbox = open_sandbox(platform).pk
        connection.close()
        return sandbox

    with ThreadPoolExecutor(4) as pool:
        opened = set(pool.map(open_it, range(4)))

    assert len(opened) == 1


def test_open_sandbox_makes_one_and_no_second():
    platform = make_platform(default_status="confirmed", time_zone="Europe/Malta")

    sandbox = open_sandbox(platform)

    assert open_sandbox(platform) == sandbox
    assert (sandbox.sandbox_of, sandbox.brand, sandbox.default_status, sandbox.time_zone) == (
        platform,
        platform.brand,
        "confirmed",
        "Europe/Malta",
    )
    assert sandbox.secret != platform.secret


def test_open_sandbox_refuses_a_sandbox():
    sandbox = open_sandbox(make_platform())

    with pytest.raises(ValueError, match="is a sandbox itself"):
        open_sandbox(sandbox)
