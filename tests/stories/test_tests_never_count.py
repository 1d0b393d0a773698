"""What is signed with the sandbox's key, and what says of itself that it is a test, counts in no total at all.

Three test players, one by each campaign, do all that players do, beside one real player; each total is his alone.
"""

import itertools
import json
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from affiliates.domain.queries import owed_to
from affiliates.models import Commission, LedgerEntry, PartnerAccount
from analytics.domain.campaign_days import campaign_days
from analytics.domain.goals import goals_of
from campaigns.models import Cap, Cost, Goal, TrackingLink
from conversions.api.listing import list_conversions
from conversions.domain.caps import count_capped_conversions
from conversions.domain.day_comparison import compare_days
from conversions.domain.day_reports import ReportedDay, record_day_report
from conversions.domain.sandbox import open_sandbox
from conversions.domain.source_health import watch_sources
from conversions.models import (
    Conversion,
    CustomerLtv,
    DailyActivity,
    Destination,
    InboxEvent,
    Install,
    Milestone,
    Movement,
    Platform,
    Player,
    Postback,
    Revenue,
    SourceWatch,
)
from tests.outside.receivers import Receiver
from tests.stories.webhooks import Webhooks
from tests.stories.world_of_three import World, build_world, click_on
from tests.world import NOON

pytestmark = pytest.mark.django_db(transaction=True)

DAY = date(2026, 11, 22)
_ALLOWED = {"ad_user_data": True, "ad_personalization": True}
_numbers = itertools.count(1)


class Tester:
    """Whoever tries the tracker out: by the sandbox's key, or by the real one saying that each event is a test."""

    def __init__(self, platform: Platform, *, by_sandbox: bool) -> None:
        self.platform = open_sandbox(platform) if by_sandbox else platform
        self._address = f"/webhooks/{platform.slug}"
        self._casino = Webhooks(self.platform)
        self._says = {} if by_sandbox else {"is_test": True}

    def post(self, **fields: Any) -> None:
        """Post an event to the real platform's address."""
        given = {"event_id": f"test-{next(_numbers)}", "occurred_at": "2026-11-22T10:45:00Z"}
        body = json.dumps(given | fields | self._says).encode()
        answer = self._casino.post_raw("events", body, path=f"{self._address}/events")
        assert answer.status == 201, answer.body

    def play(self, player_id: str, link: TrackingLink) -> None:
        """Have a test player do all that players do."""
        whom = {"player_id": player_id}
        self.post(type="registration", click_id=click_on(link).click_id, country="MT", consent=_ALLOWED, **whom)
        for number, amount in enumerate(["500.00", "700.00"]):
            money = {"amount": amount, "currency": "EUR", "status": "confirmed"}
            self.post(type="deposit", transaction_id=f"{player_id}-{number}", **money, **whom)
        self.post(type="withdrawal", transaction_id=f"{player_id}-w", amount="90.00", currency="EUR", **whom)
        self.post(type="sale", amount="40.00", currency="EUR", **whom)
        self.post(type="activity", on_date="2026-11-22", currency="EUR", mode="total", ngr="300.00", **whom)
        self.post(type="install", install_id=f"device-of-{player_id}", **whom)


@pytest.fixture(params=["sandbox", "is_test"])
def tester(request: pytest.FixtureRequest, platform: Platform) -> Tester:
    return Tester(platform, by_sandbox=request.param == "sandbox")


@pytest.fixture
def world(platform: Platform, settings: Any, tester: Tester) -> Iterator[World]:
    """One real player by the partner's link, registered and with one deposit of 60 EUR, and three test players."""
    with Receiver(meta_tokens={"1234567890": "token"}) as receiver:
        settings.META_BASE_URL = receiver.meta_url
        world = build_world(platform, receiver)
        for link in (world.meta, world.generic, world.partner):
            Cap.objects.create(campaign=link.campaign, limit=5, event="registration")
            Cap.objects.create(campaign=link.campaign, limit=5, event="first_deposit")
            Goal.objects.create(campaign=link.campaign, event="registration", target=10)
            Goal.objects.create(campaign=link.campaign, event="first_deposit", target=10)
        world.casino.register("p-real", click_id=click_on(world.partner).click_id)
        world.casino.deposit("t-real", "p-real", amount="60.00")
        for number, link in enumerate((world.meta, world.generic, world.partner)):
            tester.play(f"p-{number}", link)
        world.work()
        yield world


def test_every_fact_of_a_test_is_marked_in_the_database(world: World) -> None:
    marks = {
        model.__name__: sorted(model.objects.values_list("is_test", flat=True))
        for model in (Player, Conversion, Milestone, Movement, Install, DailyActivity)
    }

    assert marks == {
        "Player": [False, True, True, True],
        "Conversion": [False] * 2 + [True] * 9,
        "Milestone": [True] * 3,
        "Movement": [True] * 3,
        "Install": [True] * 3,
        "DailyActivity": [True] * 3,
    }
    assert InboxEvent.objects.exclude(state="recorded").count() == 0


def test_tests_are_in_no_report(world: World) -> None:
    counted = [
        (
            each.figures.registrations,
            each.figures.first_deposits_gross,
            each.figures.first_deposits_net,
            each.figures.revenue,
        )
        for each in campaign_days(first=DAY - timedelta(days=1), last=DAY + timedelta(days=1))
        if each.figures.registrations or each.figures.first_deposits_gross or each.figures.revenue
    ]

    assert counted == [(1, 1, 1, Decimal(200))]


def test_tests_reach_no_goal(world: World) -> None:
    reached = [
        progress.reached
        for link in (world.meta, world.generic, world.partner)
        for progress in goals_of(link.campaign, at=timezone.now())
    ]

    assert reached == [0, 0, 0, 0, 1, 1]


def test_tests_use_up_no_cap(world: World) -> None:
    counts = count_capped_conversions(at=NOON, period=Cap.Period.DAY)

    assert sum(count.uses for count in counts) == 2


def test_tests_have_no_value(world: World) -> None:
    values = CustomerLtv.objects.order_by("player__player_id").values_list(
        "player__player_id", "deposits", "deposits_amount", "reversed_deposits", "unconverted_deposits"
    )

    assert list(values) == [
        ("p-0", 0, 0, 0, 0),
        ("p-1", 0, 0, 0, 0),
        ("p-2", 0, 0, 0, 0),
        ("p-real", 1, Decimal(60), 0, 0),
    ]


def test_tests_are_no_first_deposit_not_valuable_and_bring_no_revenue(world: World) -> None:
    tests = Conversion.objects.filter(is_test=True)

    assert tests.filter(is_first_deposit=True).count() == 0
    assert tests.filter(is_valuable=True).count() == 0
    assert Revenue.objects.filter(conversion__is_test=True).count() == 0
    assert Revenue.objects.count() == 1


def test_tests_earn_nobody_a_commission(world: World) -> None:
    assert list(Commission.objects.values_list("conversion__transaction_id", flat=True)) == ["t-real"]
    assert owed_to(PartnerAccount.objects.get(), currency="EUR") == Decimal(120)
    assert LedgerEntry.objects.count() == 2


def test_tests_cost_nothing(world: World) -> None:
    assert list(Cost.objects.filter(kind="commission").values_list("amount", flat=True)) == [Decimal(120)]


def test_tests_are_told_to_nobody(world: World) -> None:
    assert list(Postback.objects.values_list("destination__name", "conversion__transaction_id")) == [
        ("Lotus", "t-real")
    ]
    assert world.told_to_meta() == []
    assert (world.told("/s2s"), world.told("/partner")) == ([], ["first_deposit approved 120.00"])


def test_tests_are_told_where_test_mode_is_on_and_with_its_code(world: World, tester: Tester) -> None:
    Destination.objects.filter(name="Meta").update(
        test_event_code="TEST1", test_ends_at=timezone.now() + timedelta(hours=1)
    )

    tester.play("p-9", world.meta)
    world.work()

    assert world.told_to_meta() == [("CompleteRegistration", None), ("Purchase", 500.0)]
    assert {request.body.count("test_event_code=TEST1") for request in world.receiver.requests("/meta")} == {1}


def test_tests_that_wait_are_not_told_once_test_mode_is_over(world: World, tester: Tester) -> None:
    """Written while the mode was on, and due when it is not any more: the second gate."""
    meta = Destination.objects.filter(name="Meta")
    meta.update(test_event_code="TEST1", test_ends_at=timezone.now() + timedelta(hours=1))
    world.receiver.fail_next(20, status=500, path="/meta")
    tester.play("p-9", world.meta)
    world.work()
    world.receiver.behave()

    meta.update(test_ends_at=timezone.now() - timedelta(seconds=1))
    Postback.objects.filter(state="pending").update(next_attempt_at=timezone.now())
    world.work()

    assert world.told_to_meta() == []
    reasons = Postback.objects.filter(destination__name="Meta").values_list("state", "state_reason").distinct()
    assert list(reasons) == [("cancelled", "A test is sent in test mode only.")]


def test_tests_are_not_in_our_count_of_a_day(world: World, platform: Platform) -> None:
    said = ReportedDay(event_id="day", on_date=DAY, counted_at=NOON + timedelta(hours=20), counts={"deposits": 1})
    report = record_day_report(said, platform=platform, at=NOON).report

    (comparison,) = compare_days([report])

    assert [(figure.name, figure.ours) for figure in comparison.figures] == [
        ("registrations", 1),
        ("first_deposits", 1),
        ("deposits", 1),
        ("deposited", Decimal(60)),
    ]


def test_tests_keep_no_source_alive(world: World, platform: Platform, tester: Tester) -> None:
    watch_sources(at=timezone.now() + timedelta(minutes=1))

    heard = SourceWatch.objects.values_list("platform__slug", flat=True)
    assert list(heard.filter(platform__sandbox_of=None)) == ["gaming"]
    first = SourceWatch.objects.get(platform=platform)
    assert first.last_heard_at < InboxEvent.objects.filter(kind="install").earliest("received_at").received_at


def test_tests_are_marked_in_the_list_for_programs(world: World, tester: Tester) -> None:
    rows = list_conversions(tester.platform.pk, {"is_test": "true", "type": "deposit"}).rows

    assert [row["is_test"] for row in rows] == [True] * 6
    assert list_conversions(tester.platform.pk, {"is_test": "false", "player_id": "p-0"}).rows == []


def test_sandbox_uses_ids_of_the_real_platform_and_touches_nothing(world: World, platform: Platform) -> None:
    """A developer who tries out a real player's ids changes nothing of him."""
    sandbox = Tester(platform, by_sandbox=True)

    sandbox.post(type="registration", player_id="p-real", country="MT")
    money = {"amount": "5.00", "currency": "USD", "status": "charged_back"}
    sandbox.post(type="deposit", transaction_id="t-real", player_id="p-real", **money)
    world.work()

    real = Conversion.objects.get(platform=platform, transaction_id="t-real")
    assert (real.status, real.is_first_deposit, real.amount, real.player.is_test) == ("confirmed", True, 60, False)
    assert owed_to(PartnerAccount.objects.get(), currency="EUR") == Decimal(120)
