"""Google Ads from end to end: rows judged one by one, adjustments a day later, and what waits until then."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from conversions.domain import dispatch
from conversions.domain.dispatch import Dispatcher
from conversions.domain.lifetime_value import write_lifetime_value
from conversions.domain.outbox import withdraw_postbacks, write_postbacks
from conversions.models import Conversion, Destination, Player, Postback, PostbackAttempt
from conversions.postbacks import google_ads, google_tokens
from tests.conversions.delivering import deliver_all
from tests.conversions.postbacks.rows import (
    CLICKED_AT,
    clicked_with,
    make_conversion,
    make_first_deposit,
    make_google_ads,
    make_player,
    make_registration,
)
from tests.outside.receivers import Receiver
from tests.world import NOON

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
RATE = {"exchange_rate": Decimal(1), "exchange_rate_on": NOON.date(), "reporting_currency": "EUR"}


class Clock:
    def __init__(self) -> None:
        self.at: datetime = NOON

    def timestamp(self) -> float:
        return self.at.timestamp()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def receiver(settings, monkeypatch, clock) -> Iterator[Receiver]:
    dispatcher = Dispatcher()
    monkeypatch.setattr(dispatch, "_dispatcher", lambda: dispatcher)
    monkeypatch.setattr(google_tokens, "_tokens", google_tokens._Tokens())
    monkeypatch.setattr(google_ads, "PAUSE_SECONDS", 0.0)
    with Receiver(now=clock.timestamp) as receiver:
        settings.GOOGLE_ADS_BASE_URL = receiver.url + "/google-ads"
        settings.GOOGLE_TOKEN_URL = receiver.google_url + "/token"
        yield receiver


def deliver(clock: Clock, at: datetime) -> None:
    clock.at = at
    deliver_all(at)


def from_google(gclid: str = "A") -> Player:
    return make_player(click_facts=clicked_with(gclid=gclid))


def charge_back(conversion: Conversion, at: datetime) -> None:
    with transaction.atomic():
        Conversion.objects.filter(pk=conversion.pk).update(status="charged_back", reversed_at=at)
        conversion.refresh_from_db()
        withdraw_postbacks(conversion, at=at)


def rows() -> list[tuple[str, int]]:
    return list(Postback.objects.order_by("id").values_list("state", "tries"))


def test_each_row_of_a_request_meets_its_own_verdict(receiver, clock):
    receiver.google_ads.clicks = dict.fromkeys(["A", "C", "E"], CLICKED_AT.timestamp())
    receiver.google_ads.too_recent.add("C")
    make_google_ads(on_deposit=True)
    for gclid in ("A", "B", "C", "E"):
        write_postbacks(make_conversion(from_google(gclid)), at=NOON)

    deliver(clock, NOON)

    assert receiver.google_ads.requests == [("uploadClickConversions", 4)]
    assert rows() == [("done", 1), ("dead", 1), ("pending", 1), ("done", 1)]
    early, refused = Postback.objects.get(state="pending"), Postback.objects.get(state="dead")
    assert early.next_attempt_at == NOON + 6 * HOUR
    assert "CLICK_NOT_FOUND" in refused.state_reason
    outcomes = PostbackAttempt.objects.order_by("postback").values_list("outcome", "events")
    assert list(outcomes) == [("ok", 4), ("event_refused", 4), ("later", 4), ("ok", 4)]
    assert receiver.google_ads.breaches == []


def test_an_attempt_shows_its_own_row_alone(receiver, clock):
    receiver.google_ads.clicks = {"A": CLICKED_AT.timestamp()}
    make_google_ads(on_deposit=True)
    for gclid in ("A", "B"):
        write_postbacks(make_conversion(from_google(gclid)), at=NOON)

    deliver(clock, NOON)

    for attempt, gclid in zip(PostbackAttempt.objects.order_by("postback"), ("A", "B"), strict=True):
        assert attempt.request.count('"gclid"') == 1
        assert f'"gclid":"{gclid}"' in attempt.request


def test_an_answer_that_was_lost_counts_nothing_twice(receiver, clock):
    make_google_ads()
    write_postbacks(make_first_deposit(from_google()), at=NOON)
    deliver(clock, NOON)
    Postback.objects.update(state="pending", finished_at=None, tries=0)

    deliver(clock, NOON + MINUTE)

    assert rows() == [("done", 1)]
    assert (len(receiver.google_ads.conversions), receiver.google_ads.refusals) == (1, ["ORDER_ID_ALREADY_IN_USE"])


def test_a_reversal_waits_a_day_and_then_takes_the_conversion_back(receiver, clock):
    make_google_ads()
    conversion = make_first_deposit(from_google())
    write_postbacks(conversion, at=NOON)
    deliver(clock, NOON)
    charge_back(conversion, NOON + HOUR)

    deliver(clock, NOON + HOUR)
    correction = Postback.objects.get(is_correction=True)
    assert (correction.state, correction.next_attempt_at, correction.tries) == ("pending", NOON + DAY, 0)
    assert correction.state_reason == "Google takes adjustments a day after the conversion."
    deliver(clock, NOON + DAY)

    assert rows() == [("done", 1), ("done", 1)]
    assert (receiver.google_ads.counted(), receiver.google_ads.refusals) == ({}, [])


def test_a_registration_is_taken_back_too(receiver, clock):
    make_google_ads(on_registration=True, on_first_deposit=False)
    registration = make_registration(from_google())
    write_postbacks(registration, at=NOON)
    deliver(clock, NOON)

    with transaction.atomic():
        withdraw_postbacks(registration, at=NOON + HOUR)
    deliver(clock, NOON + DAY)

    assert receiver.google_ads.counted() == {}


def test_value_so_far_is_stated_anew_under_the_same_order_id(receiver, clock):
    make_google_ads(value_kind="so_far")
    player = from_google()
    write_postbacks_of(player, "100", NOON, make=make_first_deposit)
    deliver(clock, NOON)
    write_postbacks_of(player, "30", NOON + HOUR)
    write_postbacks_of(player, "20", NOON + 2 * HOUR)

    deliver(clock, NOON + 2 * HOUR)
    deliver(clock, NOON + DAY)

    [conversion] = receiver.google_ads.conversions.values()
    assert (conversion.value, conversion.adjustments) == (150, 1)
    assert [state for state, _ in rows()] == ["done", "cancelled", "done"]


def write_postbacks_of(player: Player, amount: str, at: datetime, make=make_conversion) -> None:
    conversion = make(player, amount=Decimal(amount), reporting_amount=Decimal(amount), **RATE)
    write_lifetime_value(player, at=at)
    write_postbacks(conversion, at=at)


def test_conversions_and_adjustments_share_no_request(receiver, clock):
    make_google_ads(on_deposit=True)
    old = make_conversion(from_google("A"))
    write_postbacks(old, at=NOON)
    deliver(clock, NOON)
    charge_back(old, NOON + DAY)
    write_postbacks(make_conversion(from_google("B")), at=NOON + DAY)

    deliver(clock, NOON + DAY)

    assert sorted(receiver.google_ads.requests[1:]) == [
        ("uploadClickConversions", 1),
        ("uploadConversionAdjustments", 1),
    ]


def test_a_developer_token_that_is_not_on_the_list_pauses_the_destination_and_owes_a_letter(receiver, clock):
    destination = make_google_ads(access_token="a newcomer's")
    write_postbacks(make_first_deposit(from_google()), at=NOON)

    deliver(clock, NOON)

    destination.refresh_from_db()
    assert (destination.is_active, [state for state, _ in rows()]) == (False, ["pending"])
    assert "CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE" in destination.disabled_reason
    assert destination.notices.count() == 1
    assert "newcomer" not in PostbackAttempt.objects.get().request


@pytest.mark.parametrize(("quota", "states"), [(0, ["pending"] * 2), (1, ["done"] * 2)])
def test_a_quota_that_is_used_up_is_waited_for(receiver, clock, quota, states):
    receiver.google_ads.quota_left = quota
    make_google_ads(on_deposit=True)
    for gclid in ("A", "B"):
        write_postbacks(make_conversion(from_google(gclid)), at=NOON)

    deliver(clock, NOON)

    assert [state for state, _ in rows()] == states
    assert Destination.objects.get().is_active
