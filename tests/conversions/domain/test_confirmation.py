"""Google's word on what it accepted, and corrections, which wait for it."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from conversions.domain import dispatch
from conversions.domain.confirmation import confirm_accepted_postbacks
from conversions.domain.delivery import claim_due_postbacks, record_attempts
from conversions.domain.dispatch import Dispatcher
from conversions.domain.lifetime_value import write_lifetime_value
from conversions.domain.outbox import withdraw_postbacks, write_postbacks
from conversions.domain.restatement import state_net_revenue_anew
from conversions.models import Conversion, DailyActivity, Destination, Player, Postback, PostbackAttempt
from conversions.postbacks import google, google_tokens
from tests.conversions.delivering import deliver_all
from tests.conversions.postbacks.rows import (
    CLICKED_AT,
    GCLID,
    clicked_with,
    make_conversion,
    make_first_deposit,
    make_google,
    make_meta,
    make_player,
    make_tiktok,
)
from tests.outside.receivers import Receiver
from tests.world import NOON
from tracker_project.common.database import broken_constraint

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = timedelta(minutes=1)


@pytest.fixture
def receiver(settings, monkeypatch) -> Iterator[Receiver]:
    dispatcher = Dispatcher()
    monkeypatch.setattr(dispatch, "_dispatcher", lambda: dispatcher)
    monkeypatch.setattr(google_tokens, "_tokens", google_tokens._Tokens())
    monkeypatch.setattr(google, "PAUSE_SECONDS", 0.0)
    with Receiver(now=NOON.timestamp) as receiver:
        settings.GOOGLE_BASE_URL = receiver.google_url
        settings.GOOGLE_TOKEN_URL = receiver.google_url + "/token"
        yield receiver


def deliver(at=NOON) -> None:
    deliver_all(at)


def confirm(at=NOON + MINUTE) -> int:
    return confirm_accepted_postbacks(clock=lambda: at)


def from_google(gclid: str = GCLID) -> Player:
    return make_player(click_facts=clicked_with(gclid=gclid))


def told(conversion: Conversion, at=NOON) -> Conversion:
    write_postbacks(conversion, at=at)
    deliver(at)
    return conversion


def states(**columns):
    return list(Postback.objects.filter(**columns).order_by("id").values_list("state", flat=True))


def counted(receiver):
    return [(conversion.value, conversion.times_stated) for conversion in receiver.google.conversions.values()]


def charge_back(conversion: Conversion, at=NOON + MINUTE) -> None:
    with transaction.atomic():
        Conversion.objects.filter(pk=conversion.pk).update(status="charged_back", reversed_at=at)
        conversion.refresh_from_db()
        withdraw_postbacks(conversion, at=at)
        write_lifetime_value(conversion.player, at=at)


def test_a_postback_is_accepted_first_and_done_when_google_confirms_it(receiver):
    make_google()
    told(make_first_deposit(from_google()))
    row = Postback.objects.get()
    assert (row.state, row.receipt, row.accepted_at, row.tries) == ("accepted", "request-1", NOON, 1)
    assert PostbackAttempt.objects.get().outcome == "accepted"
    assert (confirm(NOON), states()) == (0, ["accepted"])

    receiver.google.judge()
    assert confirm() == 1

    row.refresh_from_db()
    assert (row.state, row.finished_at) == ("done", NOON + MINUTE)
    assert counted(receiver) == [(120.10, 1)]
    assert receiver.google.breaches == []


def test_confirm_asks_again_after_as_long_as_it_waited_and_gives_up_after_a_week(receiver):
    make_google()
    told(make_first_deposit(from_google()))

    confirm()
    assert Postback.objects.get().next_attempt_at == NOON + 2 * MINUTE
    confirm(NOON + timedelta(hours=10))
    assert Postback.objects.get().next_attempt_at == NOON + timedelta(hours=11)
    confirm(NOON + timedelta(days=7))

    row = Postback.objects.get()
    assert (row.state, row.state_reason) == ("dead", "It was accepted, and never confirmed within a week.")


def test_confirm_waits_while_google_does_not_answer(receiver):
    make_google()
    told(make_first_deposit(from_google()))
    receiver.fail_next(status=503, path="/google/v1/requestStatus")

    confirm()

    assert states() == ["accepted"]


@pytest.mark.parametrize(
    ("known", "state", "reason"),
    [
        ({"other": 0.0}, "dead", "CLICK_NOT_FOUND"),
        ({GCLID: NOON.timestamp()}, "dead", "CONVERSION_PRECEDES_CLICK"),
    ],
)
def test_confirm_gives_up_what_google_refused_after_all(receiver, known, state, reason):
    receiver.google.clicks = known
    make_google()
    told(make_first_deposit(from_google()))
    receiver.google.judge()

    confirm()

    row = Postback.objects.get()
    assert (row.state, reason in row.state_reason) == (state, True)


def test_confirm_sends_much_later_what_came_before_google_knew_the_click(receiver):
    receiver.google.too_recent.add(GCLID)
    make_google()
    told(make_first_deposit(from_google()))
    receiver.google.judge()

    confirm()

    row = Postback.objects.get()
    assert (row.state, row.next_attempt_at) == ("pending", NOON + MINUTE + timedelta(hours=6))
    assert (row.receipt, row.accepted_at) == ("", None)


def test_confirm_sends_apart_what_was_confirmed_in_part_and_learns_who_was_meant(receiver):
    make_google(on_deposit=True)
    receiver.google.clicks = {"known": CLICKED_AT.timestamp()}
    for gclid in ("known", "unknown", "known"):
        write_postbacks(make_conversion(from_google(gclid)), at=NOON)
    deliver()
    assert (receiver.google.requests, states()) == (1, ["accepted"] * 3)
    receiver.google.judge()

    confirm()
    deliver(NOON + MINUTE)
    receiver.google.judge()
    confirm(NOON + 3 * MINUTE)

    assert receiver.google.requests == 4
    assert states() == ["done", "dead", "done"]
    assert sorted(counted(receiver)) == [(120.10, 2), (120.10, 2)]


def test_confirm_runs_with_a_new_token_when_the_old_one_was_refused(receiver):
    make_google()
    told(make_first_deposit(from_google()))
    receiver.google.revoke_tokens()
    receiver.google.judge()

    confirm()
    confirm(NOON + 2 * MINUTE)

    assert states() == ["done"]


def test_delivery_asks_for_a_new_token_when_the_old_one_was_refused(receiver):
    make_google(on_deposit=True)
    told(make_conversion(from_google()))
    receiver.google.revoke_tokens()
    write_postbacks(make_conversion(from_google()), at=NOON)

    deliver()
    deliver(NOON + timedelta(seconds=10))

    assert states() == ["accepted", "accepted"]
    assert list(PostbackAttempt.objects.order_by("id").values_list("outcome", flat=True)) == [
        "accepted",
        "retry",
        "accepted",
    ]


def test_delivery_pauses_a_destination_that_gets_no_token(receiver):
    receiver.google.refresh_tokens.clear()
    make_google()

    told(make_first_deposit(from_google()))

    destination = Destination.objects.get()
    assert not destination.is_active
    assert "Token has been expired or revoked." in destination.disabled_reason
    assert states() == ["pending"]
    assert "refresh-token" not in PostbackAttempt.objects.get().answer


def test_delivery_does_not_owe_google_who_did_not_come_from_google(receiver):
    make_google()

    told(make_first_deposit(make_player()))

    row = Postback.objects.get()
    assert (row.state, row.state_reason) == ("cancelled", "The player came with no click id of Google's.")


# Corrections.


def test_a_reversal_is_stated_as_zero_once_the_conversion_is_confirmed_and_not_before(receiver):
    make_google()
    conversion = told(make_first_deposit(from_google()))
    charge_back(conversion)

    deliver(NOON + MINUTE)
    assert (receiver.google.requests, states()) == (1, ["accepted", "pending"])
    receiver.google.judge()
    confirm(NOON + 2 * MINUTE)
    deliver(NOON + 2 * MINUTE)
    receiver.google.judge()
    confirm(NOON + 4 * MINUTE)

    assert states() == ["done", "done"]
    assert counted(receiver) == [(0, 2)]
    assert [row.dedup_id for row in Postback.objects.all()] == [Postback.objects.earliest("id").dedup_id] * 2


def test_a_reversal_of_what_google_refused_is_not_sent(receiver):
    receiver.google.clicks = {}
    make_google()
    conversion = told(make_first_deposit(from_google()))
    charge_back(conversion)
    receiver.google.judge()
    confirm(NOON + 2 * MINUTE)

    deliver(NOON + timedelta(hours=1))

    assert states() == ["dead", "cancelled"]
    assert (receiver.google.requests, counted(receiver)) == (1, [])


def test_a_reversal_before_anything_was_sent_is_told_to_nobody(receiver):
    make_google()
    conversion = make_first_deposit(from_google())
    write_postbacks(conversion, at=NOON)
    charge_back(conversion)

    deliver(NOON + MINUTE)

    assert states() == ["cancelled"]
    assert receiver.google.requests == 0


def test_a_reversal_of_what_is_on_its_way_waits_for_it(receiver):
    make_google()
    conversion = make_first_deposit(from_google())
    write_postbacks(conversion, at=NOON)
    [claimed] = claim_due_postbacks(room={Destination.objects.get().pk: 1}, at=NOON)
    charge_back(conversion, at=NOON)

    record_attempts([dispatch._send(claimed, NOON)], at=NOON)
    receiver.google.judge()
    deliver(NOON + 2 * MINUTE)
    confirm(NOON + 2 * MINUTE)
    deliver(NOON + 2 * MINUTE)
    receiver.google.judge()
    confirm(NOON + 4 * MINUTE)

    assert states() == ["done", "done"]
    assert counted(receiver) == [(0, 2)]


@pytest.mark.parametrize(("make", "facts"), [(make_meta, {}), (make_tiktok, {"ttclid": "T"})])
def test_a_reversal_is_noted_where_a_platform_cannot_hear_of_it(make, facts):
    make()
    conversion = make_first_deposit(make_player(click_facts=clicked_with(**facts)))
    write_postbacks(conversion, at=NOON)
    Postback.objects.update(state="done", finished_at=NOON, tries=1)

    charge_back(conversion)

    row = Postback.objects.get()
    assert row.state == "done"
    assert "has no way to hear of that" in row.state_reason


# What a player is worth so far.


def deposits_of_one_player(receiver) -> tuple[Player, Conversion]:
    make_google(value_kind="so_far")
    player = from_google()
    first = make_first_deposit(player, reporting_amount=Decimal("120.10"), reporting_currency="EUR", **RATE)
    write_lifetime_value(player, at=NOON)
    told(first)
    receiver.google.judge()
    confirm()
    return player, first


RATE = {"exchange_rate": Decimal(1), "exchange_rate_on": NOON.date()}


def another_deposit(player: Player, amount: str, at) -> Conversion:
    conversion = make_conversion(player, reporting_amount=Decimal(amount), reporting_currency="EUR", **RATE)
    write_lifetime_value(player, at=at)
    told(conversion, at)
    return conversion


def test_value_so_far_is_stated_anew_with_each_deposit(receiver):
    player, _ = deposits_of_one_player(receiver)

    another_deposit(player, "30", NOON + 2 * MINUTE)
    receiver.google.judge()
    confirm(NOON + 4 * MINUTE)

    assert states() == ["done", "done"]
    assert counted(receiver) == [(150.10, 2)]


def test_value_so_far_skips_to_the_latest_when_several_wait(receiver):
    player, _ = deposits_of_one_player(receiver)

    another_deposit(player, "30", NOON + 2 * MINUTE)
    another_deposit(player, "40", NOON + 3 * MINUTE)
    another_deposit(player, "50", NOON + 4 * MINUTE)
    receiver.google.judge()
    confirm(NOON + 5 * MINUTE)
    deliver(NOON + 10 * MINUTE)
    receiver.google.judge()
    confirm(NOON + 12 * MINUTE)

    assert states() == ["done", "done", "cancelled", "done"]
    assert counted(receiver) == [(240.10, 3)]


def test_value_so_far_falls_when_a_later_deposit_is_charged_back(receiver):
    player, _ = deposits_of_one_player(receiver)
    later = another_deposit(player, "30", NOON + 2 * MINUTE)
    receiver.google.judge()
    confirm(NOON + 4 * MINUTE)

    charge_back(later, at=NOON + 5 * MINUTE)
    deliver(NOON + 5 * MINUTE)
    receiver.google.judge()
    confirm(NOON + 7 * MINUTE)

    assert counted(receiver) == [(120.10, 3)]


def test_value_so_far_is_stated_anew_when_an_exchange_rate_becomes_known(receiver):
    player, _ = deposits_of_one_player(receiver)
    late = make_conversion(player, currency="NGN")
    write_lifetime_value(player, at=NOON + 2 * MINUTE)
    told(late, NOON + 2 * MINUTE)
    receiver.google.judge()
    confirm(NOON + 4 * MINUTE)
    assert counted(receiver) == [(120.10, 2)]

    columns = {"reporting_amount": Decimal(30), "reporting_currency": "EUR", **RATE}
    Conversion.objects.filter(pk=late.pk).update(**columns)
    late.refresh_from_db()
    write_lifetime_value(player, at=NOON + 5 * MINUTE)
    told(late, NOON + 5 * MINUTE)
    receiver.google.judge()

    assert counted(receiver) == [(150.10, 3)]


def test_value_so_far_stays_zero_after_the_first_deposit_was_reversed(receiver):
    player, first = deposits_of_one_player(receiver)
    charge_back(first, at=NOON + 2 * MINUTE)
    deliver(NOON + 2 * MINUTE)
    receiver.google.judge()
    confirm(NOON + 4 * MINUTE)

    another_deposit(player, "30", NOON + 5 * MINUTE)

    receiver.google.judge()
    assert counted(receiver) == [(0, 2)]


# NGR so far.


def played(player: Player, ngr: str, at, *, day: int = 22, **columns) -> None:
    columns = {"mode": "total", "ngr": Decimal(ngr), "updated_at": at} | columns
    DailyActivity.objects.update_or_create(
        player=player, on_date=NOON.date().replace(day=day), currency="EUR", defaults=columns
    )


def told_of_ngr(receiver) -> Player:
    make_google(value_kind="ngr")
    player = from_google()
    told(make_first_deposit(player))
    receiver.google.judge()
    confirm()
    assert counted(receiver) == [(0, 1)]
    return player


def restate(receiver, at) -> int:
    """Look for what changed, send it, and have it confirmed."""
    owed = state_net_revenue_anew(at=at, limit=10)
    deliver(at)
    receiver.google.judge()
    confirm(at + 2 * MINUTE)
    return owed


def test_ngr_is_stated_anew_when_reports_change_it_and_not_otherwise(receiver):
    player = told_of_ngr(receiver)
    played(player, "40.25", NOON + 5 * MINUTE)
    played(player, "10", NOON + 5 * MINUTE, day=21)

    assert restate(receiver, NOON + 10 * MINUTE) == 1
    assert counted(receiver) == [(50.25, 2)]
    assert restate(receiver, NOON + 80 * MINUTE) == 0

    played(player, "-100", NOON + 90 * MINUTE)
    assert restate(receiver, NOON + 140 * MINUTE) == 1
    assert counted(receiver) == [(0, 3)]


def test_ngr_is_stated_anew_once_an_hour_at_most(receiver):
    player = told_of_ngr(receiver)
    played(player, "10", NOON + 2 * MINUTE)
    restate(receiver, NOON + 3 * MINUTE)
    played(player, "20", NOON + 4 * MINUTE)

    restate(receiver, NOON + 6 * MINUTE)
    assert counted(receiver) == [(10, 2)]

    restate(receiver, NOON + 61 * MINUTE)
    assert counted(receiver) == [(20, 3)]


@pytest.mark.parametrize(
    ("conversion", "activity"),
    [({"status": "charged_back", "reversed_at": NOON}, {}), ({}, {"is_test": True})],
)
def test_ngr_is_not_stated_for_what_was_reversed_nor_by_tests(receiver, conversion, activity):
    player = told_of_ngr(receiver)
    Conversion.objects.filter(player=player).update(**conversion)
    played(player, "10", NOON + 2 * MINUTE, **activity)

    assert state_net_revenue_anew(at=NOON + 3 * MINUTE, limit=10) == 0


@pytest.mark.parametrize("columns", [{"receipt": ""}, {"accepted_at": None}])
def test_an_accepted_postback_has_its_receipt(columns):
    make_google()
    write_postbacks(make_first_deposit(from_google()), at=NOON)
    accepted = {"state": "accepted", "receipt": "r", "accepted_at": NOON}

    with pytest.raises(IntegrityError) as raised, transaction.atomic():
        Postback.objects.update(**accepted | columns)

    assert broken_constraint(raised.value) == "accepted_postback_has_its_receipt"
