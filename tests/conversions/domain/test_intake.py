"""Every kind of event: recorded once, in any order, and quarantined when it names nobody whom we can find."""

import threading
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from itertools import permutations
from typing import Any

import pytest
from django.db import connection, transaction

from attribution.domain.credit import Claim
from conversions.domain.consent import refusal_to_signal
from conversions.domain.inbox import ConversionConflict, Recorded
from conversions.domain.intake import discard_event, match_again, match_waiting_events, record_event
from conversions.domain.reported import (
    Reported,
    ReportedActivity,
    ReportedDeposit,
    ReportedInstall,
    ReportedMilestone,
    ReportedMovement,
    ReportedPlayerStatus,
    ReportedRegistration,
    reported_again,
)
from conversions.models import (
    Anomaly,
    Conversion,
    DailyActivity,
    Destination,
    InboxEvent,
    Install,
    Milestone,
    Movement,
    Platform,
    Player,
)
from tests.conversions.builders import LATER, deposit, register, the_deposit
from tests.world import NOON, click_id_of, make_click, make_link, make_partner, make_platform
from tracker_project.common.money import Money

pytestmark = pytest.mark.django_db

EUR_100 = Money(amount=Decimal(100), currency="EUR")


def record(platform: Platform, reported: Reported) -> Recorded:
    return record_event(reported, platform=platform, webhook_id=f"msg-{reported.event_id}", at=LATER)


def milestone(kind: str, event_id: str = "m-1", **fields: Any) -> ReportedMilestone:
    defaults: dict[str, Any] = {"status": "confirmed", "occurred_at": NOON + timedelta(hours=1)}
    return ReportedMilestone(kind=kind, event_id=event_id, **defaults | fields)


def movement(kind: str, event_id: str = "v-1", **fields: Any) -> ReportedMovement:
    defaults: dict[str, Any] = {"occurred_at": NOON + timedelta(hours=5), "deposit_transaction_id": "t-1"}
    return ReportedMovement(kind=kind, event_id=event_id, **defaults | fields)


def status(word: str, event_id: str, hour: int) -> ReportedPlayerStatus:
    return ReportedPlayerStatus(
        event_id=event_id, occurred_at=NOON + timedelta(hours=hour), player_id="p-1", status=word
    )


def activity(event_id: str, hour: int, *, mode: str = "total", **figures: str) -> ReportedActivity:
    return ReportedActivity(
        event_id=event_id,
        occurred_at=NOON + timedelta(hours=hour),
        player_id="p-1",
        on_date=date(2026, 11, 22),
        currency="EUR",
        mode=mode,
        figures=figures,
    )


def test_record_lead_credits_its_click_without_a_player():
    link = make_link()

    recorded = record(make_platform(), milestone("lead", click_id=make_click(link).click_id))

    lead = Milestone.objects.get()
    assert (lead.kind, lead.player, lead.campaign) == ("lead", None, link.campaign)
    assert recorded.answer["credited_to"]["campaign_id"] == link.campaign_id


def test_record_sale_keeps_its_revenue_apart_from_deposits():
    record(make_platform(), milestone("sale", player_id="p-1", revenue=Money(amount=Decimal("-12.5"), currency="USD")))

    sale = Milestone.objects.get()
    assert (sale.revenue, sale.currency, sale.player) == (Decimal("-12.5"), "USD", Player.objects.get())
    assert Conversion.objects.count() == 0


def test_record_sale_with_another_revenue_is_a_conflict():
    platform = make_platform()
    record(platform, milestone("sale", player_id="p-1", transaction_id="t-1", revenue=EUR_100))

    with pytest.raises(ConversionConflict) as conflict:
        record(platform, milestone("sale", "m-2", player_id="p-1", transaction_id="t-1"))

    assert conflict.value.field == "amount"


def test_record_registration_gives_earlier_milestones_its_credit():
    platform, link = make_platform(), make_link()
    record(platform, milestone("signup", player_id="p-1"))

    register(platform, click_id=make_click(link).click_id)

    assert Milestone.objects.get().campaign == link.campaign


def test_record_rejection_of_a_transaction_holds_for_all_its_steps_in_any_order():
    link = make_link()
    click_id = make_click(link).click_id
    events: list[Reported] = [
        milestone("lead", "m-1", click_id=click_id, transaction_id="t-1"),
        milestone("sale", "m-2", click_id=click_id, transaction_id="t-1"),
        movement("rejection", "v-1"),
    ]

    ends = set()
    for order in permutations(events):
        with transaction.atomic():
            platform = make_platform()
            for event in order:
                record(platform, event)
            match_waiting_events(at=LATER + timedelta(minutes=2), limit=10)
            ends.add(tuple(Milestone.objects.order_by("kind").values_list("kind", "status")))
            transaction.set_rollback(True)

    assert ends == {(("lead", "rejected"), ("sale", "rejected"))}


def test_record_withdrawal_moves_no_deposit():
    platform = make_platform()
    deposit(platform)

    record(platform, movement("withdrawal", player_id="p-1", transaction_id="w-1", money=EUR_100))

    assert Movement.objects.get().amount == 100
    assert the_deposit().status == "confirmed"
    assert Player.objects.get().ltv.deposits_amount == 100


def test_record_chargeback_reverses_the_deposit_that_it_names():
    platform = make_platform()
    deposit(platform)

    record(platform, movement("chargeback"))

    reversed_deposit = the_deposit()
    assert (reversed_deposit.status, reversed_deposit.reversed_at) == ("charged_back", NOON + timedelta(hours=5))
    assert Player.objects.get().ltv.reversed_amount == 100


def test_record_refunds_reverse_the_deposit_once_they_reach_it_in_any_order():
    events: list[Reported] = [
        ReportedDeposit(
            event_id="dep-1",
            player_id="p-1",
            transaction_id="t-1",
            status="confirmed",
            occurred_at=NOON + timedelta(hours=2),
            money=EUR_100,
        ),
        movement("refund", "v-1", transaction_id="r-1", money=Money(amount=Decimal(40), currency="EUR")),
        movement(
            "refund",
            "v-2",
            transaction_id="r-2",
            occurred_at=NOON + timedelta(hours=6),
            money=Money(amount=Decimal(60), currency="EUR"),
        ),
    ]

    ends = set()
    for order in permutations(events):
        with transaction.atomic():
            platform = make_platform()
            for event in order:
                record(platform, event)
            match_waiting_events(at=LATER, limit=10)
            ended = the_deposit()
            ends.add((ended.status, ended.reversed_at, Movement.objects.count()))
            transaction.set_rollback(True)

    assert ends == {("refunded", NOON + timedelta(hours=5), 2)}


def test_record_refund_of_a_part_leaves_the_deposit_confirmed():
    platform = make_platform()
    deposit(platform)

    record(platform, movement("refund", transaction_id="r-1", money=Money(amount=Decimal(40), currency="EUR")))

    assert the_deposit().status == "confirmed"
    assert Movement.objects.get().deposit == the_deposit()


@pytest.mark.parametrize(
    ("money", "field"),
    [
        (Money(amount=Decimal(101), currency="EUR"), "amount"),
        (Money(amount=Decimal(100), currency="USD"), "currency"),
    ],
)
def test_record_refund_of_more_or_another_currency_is_a_conflict(money, field):
    platform = make_platform()
    deposit(platform)

    with pytest.raises(ConversionConflict) as conflict:
        record(platform, movement("refund", transaction_id="r-1", money=money))

    assert conflict.value.field == field


def test_record_chargeback_before_its_deposit_waits_and_is_matched():
    platform = make_platform()
    waiting = record(platform, movement("chargeback"))

    deposit(platform)
    placed = match_waiting_events(at=LATER, limit=10)

    assert (waiting.is_quarantined, placed) == (True, 1)
    assert the_deposit().status == "charged_back"
    assert InboxEvent.objects.get(event_id="v-1").state == "recorded"


def test_record_player_status_follows_the_latest_of_each_matter_in_any_order():
    events = [
        status("self_excluded", "s-1", 1),
        status("returned", "s-2", 2),
        status("self_excluded", "s-3", 3),
        status("verified", "s-4", 1),
    ]

    ends = set()
    for order in permutations(events):
        with transaction.atomic():
            platform = make_platform()
            for event in order:
                record(platform, event)
            ends.add(Player.objects.values_list("self_excluded_at", "verified_at", "blocked_at").get())
            transaction.set_rollback(True)

    assert ends == {(NOON + timedelta(hours=3), NOON + timedelta(hours=1), None)}


def test_self_excluded_player_is_signalled_to_nobody():
    platform = make_platform()
    deposit(platform)

    record(platform, status("self_excluded", "s-1", 1))

    refusal = refusal_to_signal(the_deposit(), Destination(requires_consent=False), at=LATER)
    assert refusal == "The player excluded himself."


def test_record_activity_totals_keep_the_latest_and_count_restatements_in_any_order():
    events = [
        activity("a-1", 1, ggr="10", ngr="8"),
        activity("a-2", 2, ggr="-5", ngr="-7.25"),
        activity("a-3", 3, ggr="-5", ngr="-7.25"),
    ]

    ends = set()
    for order in permutations(events):
        with transaction.atomic():
            platform = make_platform()
            for event in order:
                record(platform, event)
            ends.add(DailyActivity.objects.values_list("ggr", "ngr", "bets", "restated").get())
            transaction.set_rollback(True)

    assert ends == {(Decimal(-5), Decimal("-7.25"), None, 1)}


def test_record_activity_deltas_add_up():
    platform = make_platform()
    record(platform, activity("a-1", 1, mode="delta", ngr="10"))
    record(platform, activity("a-2", 2, mode="delta", ngr="-12.50", bets_count="3"))
    record(platform, activity("a-2", 2, mode="delta", ngr="-12.50", bets_count="3"))

    day = DailyActivity.objects.get()

    assert (day.ngr, day.bets_count) == (Decimal("-2.5"), 3)


def test_record_activity_in_two_ways_for_one_day_is_a_conflict():
    platform = make_platform()
    record(platform, activity("a-1", 1, ngr="10"))

    with pytest.raises(ConversionConflict) as conflict:
        record(platform, activity("a-2", 2, mode="delta", ngr="1"))

    assert conflict.value.field == "mode"
    assert Anomaly.objects.get().code == "activity_conflict"


def install(event_id: str = "i-1", **fields: Any) -> ReportedInstall:
    defaults: dict[str, Any] = {
        "occurred_at": NOON + timedelta(minutes=5),
        "install_id": "token",
        "activity": "install",
    }
    return ReportedInstall(event_id=event_id, **defaults | fields)


def test_record_install_keeps_the_time_from_click_to_install():
    link = make_link()

    record(make_platform(), install(click_id=make_click(link, at=NOON).click_id))

    installed = Install.objects.get()
    assert (installed.campaign, installed.click_to_install_seconds) == (link.campaign, 300)


def test_record_install_credits_no_click_older_than_seven_days():
    click = make_click(make_link(), at=NOON - timedelta(days=8))

    record(make_platform(), install(click_id=click.click_id))

    installed = Install.objects.get()
    assert (installed.credit_outcome, installed.campaign) == ("outside_window", None)


def test_record_install_and_rejected_install_of_one_device_are_two_facts():
    platform, click_id = make_platform(), make_click(make_link()).click_id

    record(platform, install("i-1", is_organic=True))
    record(platform, install("i-2", activity="rejected_install", click_id=click_id, rejection_reason="too_many"))
    record(platform, install("i-3", is_organic=True))

    installs = Install.objects.order_by("activity").values_list("activity", "rejection_reason")
    assert list(installs) == [("install", ""), ("rejected_install", "too_many")]
    assert not Install.objects.exclude(campaign=None).exists()


def test_record_registration_by_click_alone_makes_a_player_whom_later_events_find():
    platform, click_id = make_platform(), make_click(make_link()).click_id

    register(platform, player_id="", click_id=click_id)
    deposit(platform, player_id="", click_id=click_id)

    player = Player.objects.get()
    assert player.player_id == f"click-{player.click_uuid}".replace("-", "").replace("click", "click-")
    assert the_deposit().player == player
    assert the_deposit().campaign is not None


def test_record_deposit_by_click_waits_for_its_registration_and_is_matched_once():
    platform, link = make_platform(), make_link()
    click_id = make_click(link).click_id
    waiting = deposit(platform, player_id="", click_id=click_id)
    again = deposit(platform, player_id="", click_id=click_id)

    register(platform, click_id=click_id)
    placed = [match_waiting_events(at=LATER, limit=10), match_waiting_events(at=LATER, limit=10)]

    assert waiting.answer == again.answer == {"status": "quarantined", "reason": "unknown_player"}
    assert (waiting.is_repeat, again.is_repeat) == (False, True)
    assert placed == [1, 0]
    assert (the_deposit().player.player_id, the_deposit().campaign) == ("p-1", link.campaign)
    assert deposit(platform, player_id="", click_id=click_id).answer["first_deposit"] is True


@pytest.mark.parametrize(
    ("click_id", "reason"),
    [("", "names_nobody"), ("{clickid}", "malformed_click_id"), ("ab" * 24, "forged_click_id")],
)
def test_record_event_that_names_nobody_is_quarantined_for_a_person(click_id, reason):
    platform = make_platform()

    recorded = record(platform, milestone("sale", click_id=click_id))

    event = InboxEvent.objects.get()
    assert recorded.answer == {"status": "quarantined", "reason": reason}
    assert (event.state, event.reason, event.next_match_at) == ("quarantined", reason, None)
    assert (Milestone.objects.count(), Player.objects.count()) == (0, 0)


def test_record_event_by_a_click_of_two_players_waits_for_a_person():
    platform, click_id = make_platform(), make_click(make_link()).click_id
    register(platform, click_id=click_id)
    register(platform, "reg-2", player_id="p-2", click_id=click_id)

    recorded = deposit(platform, player_id="", click_id=click_id)

    assert recorded.answer["reason"] == "several_players"


def test_match_waiting_events_looks_ever_less_often_and_ends(settings):
    settings.QUARANTINE_DAYS = 1
    platform, click_id = make_platform(), click_id_of(make_link())
    deposit(platform, player_id="", click_id=click_id)

    looks = []
    at = LATER
    for _ in range(10):
        due = InboxEvent.objects.get().next_match_at
        if due is None:
            break
        looks.append(due - at)
        at = due
        match_waiting_events(at=at, limit=10)

    minutes = [look.total_seconds() / 60 for look in looks]
    assert minutes == [1, 5, 30, 120, 360, 360, 360]
    assert InboxEvent.objects.get().state == "quarantined"


def test_match_again_keeps_a_contradiction_for_a_person():
    platform, click_id = make_platform(), make_click(make_link()).click_id
    deposit(platform, "dep-1", player_id="", click_id=click_id, amount="50")
    deposit(platform, "dep-2", player_id="p-1", amount="100")
    register(platform, click_id=click_id)

    is_recorded = match_again(InboxEvent.objects.get(event_id="dep-1").pk, at=LATER)

    event = InboxEvent.objects.get(event_id="dep-1")
    assert is_recorded is False
    assert (event.state, event.reason, event.next_match_at) == ("quarantined", "transaction_conflict", None)
    assert Anomaly.objects.get().field == "amount"


def test_discard_event_is_for_good():
    platform, click_id = make_platform(), make_click(make_link()).click_id
    deposit(platform, player_id="", click_id=click_id)
    event = InboxEvent.objects.get()

    discard_event(event, reason="a test of the network", at=LATER)
    register(platform, click_id=click_id)

    assert match_waiting_events(at=LATER + timedelta(days=1), limit=10) == 0
    assert InboxEvent.objects.get(pk=event.pk).state == "discarded"


@pytest.mark.parametrize(
    "reported",
    [
        ReportedRegistration(event_id="e", occurred_at=NOON, player_id="p-1", claim=Claim(promo_code="LUCKY")),
        ReportedRegistration(event_id="e", occurred_at=NOON, is_time_ours=True, claim=Claim(click_id="ab")),
        milestone("sale", player_id="p-1", revenue=EUR_100),
        milestone("lead", click_id="ab"),
        movement("refund", money=EUR_100),
        movement("chargeback"),
        status("verified", "s-1", 1),
        activity("a-1", 1, ngr="-5"),
        install(clicked_at=NOON),
    ],
)
def test_reported_again_is_what_was_reported(reported):
    event = InboxEvent(
        event_id=reported.event_id,
        occurred_at=reported.occurred_at,
        kind=reported.event_kind,
        terms=reported.terms(),
    )

    assert reported_again(event) == reported


def test_record_milestone_by_partner_tag_alone_credits_the_partner():
    partner = make_partner(tag="lotus")

    record(make_platform(), milestone("lead", partner_tag="lotus"))

    assert Milestone.objects.get().partner == partner


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    results: list[Any] = []
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            results.append(call())
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return results


@pytest.mark.django_db(transaction=True)
def test_record_milestone_takes_many_at_once_as_one():
    platform, click_id = make_platform(), make_click(make_link()).click_id
    events = [milestone("sale", f"m-{number}", click_id=click_id, transaction_id="t-1") for number in range(8)]

    answers = at_once([partial(record, platform, event) for event in events])

    assert len({answer.answer["milestone_id"] for answer in answers}) == 1
    assert Milestone.objects.get().reports.count() == 8


@pytest.mark.django_db(transaction=True)
def test_rejection_at_the_moment_of_its_sale_is_never_lost():
    platform, click_id = make_platform(), make_click(make_link()).click_id
    record(platform, milestone("lead", "m-1", click_id=click_id, transaction_id="t-1"))
    sale = milestone("sale", "m-2", click_id=click_id, transaction_id="t-1")

    at_once([partial(record, platform, sale), partial(record, platform, movement("rejection"))])

    assert set(Milestone.objects.values_list("status", flat=True)) == {"rejected"}


@pytest.mark.django_db(transaction=True)
def test_match_again_by_two_workers_places_an_event_once():
    platform, click_id = make_platform(), make_click(make_link()).click_id
    deposit(platform, player_id="", click_id=click_id)
    register(platform, click_id=click_id)
    event = InboxEvent.objects.get(kind="deposit")

    placed = at_once([partial(match_again, event.pk, at=LATER) for _ in range(4)])

    assert sorted(placed) == [False, False, False, True]
    assert Conversion.objects.filter(kind="deposit").count() == 1


def test_record_event_keeps_nothing_of_an_event_when_what_belongs_beside_it_fails():
    platform = make_platform()

    with pytest.raises(ZeroDivisionError):
        record_event(
            milestone("lead", player_id="p-1"),
            platform=platform,
            webhook_id="msg-1",
            at=LATER,
            also=lambda recorded: 1 // 0,
        )

    assert (InboxEvent.objects.count(), Milestone.objects.count(), Player.objects.count()) == (0, 0, 0)


def test_record_event_has_what_belongs_beside_it_written_for_a_repeat_too():
    platform = make_platform()
    kept: list[Recorded] = []

    for _ in range(2):
        record_event(
            milestone("lead", player_id="p-1"), platform=platform, webhook_id="msg-1", at=LATER, also=kept.append
        )

    first, again = kept
    assert (first.is_repeat, again.is_repeat) == (False, True)
    assert (first.answer, first.event_pk) == (again.answer, again.event_pk)


def test_rejection_of_a_registration_rejects_it_whenever_it_comes() -> None:
    platform = make_platform()
    rejection = movement("rejection", deposit_transaction_id="", player_id="p-1", rejects="registration", reason="bots")

    early = record(platform, rejection)
    register(platform)
    match_waiting_events(at=LATER, limit=10)

    assert early.answer == {"status": "quarantined", "reason": "not_registered"}
    assert Conversion.objects.get().status == "rejected"


def test_rejection_of_a_registration_is_read_back_as_it_was_reported() -> None:
    rejection = movement("rejection", deposit_transaction_id="", player_id="p-1", rejects="registration", reason="bots")
    record(make_platform(), rejection)

    assert reported_again(InboxEvent.objects.get()) == rejection


def test_rejections_of_deposits_keep_the_terms_that_they_always_had() -> None:
    assert movement("rejection").terms().keys().isdisjoint({"rejects", "reason"})
