"""Many events in a request: who shares one, and that none that is refused or stale sinks the others."""

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from conversions.domain import delivery, dispatch
from conversions.domain.delivery import claim_due_postbacks
from conversions.domain.dispatch import Dispatcher, deliver_due_postbacks
from conversions.domain.outbox import write_postbacks
from conversions.models import Conversion, Postback, PostbackAttempt
from conversions.postbacks import google, google_tokens, meta
from tests.conversions.delivering import deliver_all
from tests.conversions.postbacks.rows import (
    GCLID,
    TTCLID,
    clicked_with,
    make_conversion,
    make_generic,
    make_google,
    make_meta,
    make_player,
    make_tiktok,
)
from tests.outside.receivers import Receiver
from tests.world import NOON
from tracker_project.common.database import broken_constraint

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def receiver(settings, monkeypatch) -> Iterator[Receiver]:
    dispatcher = Dispatcher()
    monkeypatch.setattr(dispatch, "_dispatcher", lambda: dispatcher)
    monkeypatch.setattr(google_tokens, "_tokens", google_tokens._Tokens())
    monkeypatch.setattr(google, "PAUSE_SECONDS", 0.0)
    with Receiver(now=NOON.timestamp) as receiver:
        settings.META_BASE_URL = receiver.meta_url
        settings.GOOGLE_BASE_URL = receiver.google_url
        settings.GOOGLE_TOKEN_URL = receiver.google_url + "/token"
        settings.TIKTOK_BASE_URL = receiver.url + "/tiktok"
        yield receiver


def deliver() -> None:
    deliver_all(NOON)


def owe(count: int, **facts: str) -> list[Conversion]:
    player = make_player(click_facts=clicked_with(**facts))
    conversions = [make_conversion(player) for _ in range(count)]
    for conversion in conversions:
        write_postbacks(conversion, at=NOON)
    return conversions


def poison(conversion: Conversion, **columns) -> None:
    Conversion.objects.filter(pk=conversion.pk).update(**columns)


def states():
    return list(Postback.objects.order_by("id").values_list("state", flat=True))


def test_claim_puts_what_is_due_for_a_platform_into_one_request_and_shows_each_its_own_event():
    destination = make_meta(on_deposit=True)
    owe(3)

    [claimed] = claim_due_postbacks(room={destination.pk: 5}, at=NOON)

    assert len(claimed.postbacks) == 3
    shown = [delivery._shown(claimed, position, NOON) for position in range(3)]
    ids = [json.loads(text.partition("data=")[2])[0]["event_id"] for text in shown]
    assert ids == [postback.dedup_id for postback in claimed.postbacks]


def test_claim_keeps_to_the_most_that_a_platform_takes_in_a_request(monkeypatch):
    monkeypatch.setattr(meta, "MAX_EVENTS", 2)
    destination = make_meta(on_deposit=True)
    owe(5)

    claimed = claim_due_postbacks(room={destination.pk: 5}, at=NOON)

    assert [len(request.postbacks) for request in claimed] == [2, 2, 1]


def test_claim_gives_back_what_there_is_no_room_for(monkeypatch):
    monkeypatch.setattr(meta, "MAX_EVENTS", 2)
    destination = make_meta(on_deposit=True)
    owe(5)

    claimed = claim_due_postbacks(room={destination.pk: 1}, at=NOON)

    assert [len(request.postbacks) for request in claimed] == [2]
    assert Postback.objects.filter(leased_until=None).count() == 3


def test_claim_sends_each_alone_where_an_address_takes_one():
    destination = make_generic(on_deposit=True)
    owe(3)

    claimed = claim_due_postbacks(room={destination.pk: 5}, at=NOON)

    assert [len(request.postbacks) for request in claimed] == [1, 1, 1]


def test_meta_gets_many_in_one_request(receiver):
    make_meta(on_deposit=True)
    owe(20)

    deliver()

    assert (len(receiver.requests("/meta")), len(receiver.meta.accepted)) == (1, 20)
    assert set(states()) == {"done"}
    assert set(PostbackAttempt.objects.values_list("events", "outcome")) == {(20, "ok")}


def test_a_stale_event_is_given_up_before_it_joins_the_others(receiver):
    make_meta(on_deposit=True)
    conversions = owe(5)
    poison(conversions[2], occurred_at=NOON - timedelta(days=8))

    deliver()

    assert states() == ["done", "done", "dead", "done", "done"]
    assert receiver.meta.refusals == []


def test_meta_takes_all_but_the_one_that_it_refuses(receiver, monkeypatch):
    make_meta(on_deposit=True)
    conversions = owe(9)
    # A currency that Meta's rules refuse and ours do not know of.
    poison(conversions[6], currency="USDC1")

    deliver()

    assert states() == ["done"] * 6 + ["dead"] + ["done"] * 2
    assert len(receiver.meta.accepted) == 8
    assert receiver.meta.repeats == []
    assert set(Postback.objects.values_list("tries", flat=True)) == {1}


def test_two_poisoned_events_are_both_found(receiver):
    make_meta(on_deposit=True)
    conversions = owe(8)
    poison(conversions[0], currency="USDC1")
    poison(conversions[7], currency="USDC1")

    deliver()

    assert states() == ["dead"] + ["done"] * 6 + ["dead"]


def test_google_names_the_event_and_the_others_are_taken_at_the_second_try(receiver):
    make_google(on_deposit=True)
    conversions = owe(9, gclid=GCLID)
    poison(conversions[4], currency="usd")

    deliver()

    assert states() == ["accepted"] * 4 + ["dead"] + ["accepted"] * 4
    assert len(receiver.requests("/google/v1/events")) == 3
    assert len(receiver.google.received) == 8


def test_google_is_asked_once_a_second_and_what_comes_meanwhile_shares_a_request(receiver, monkeypatch):
    monkeypatch.setattr(google, "PAUSE_SECONDS", 0.5)
    destination = make_google(on_deposit=True)
    owe(1, gclid=GCLID)
    deliver_due_postbacks(clock=lambda: NOON)
    assert dispatch._dispatcher().room_for(destination.pk) == 0

    owe(5, gclid=GCLID)
    deliver()

    assert [len(json.loads(request.body)["events"]) for request in receiver.requests("/google/v1/events")] == [1, 5]


def test_tiktok_takes_a_part_and_the_rest_is_found_under_the_same_ids(receiver):
    make_tiktok(on_deposit=True)
    conversions = owe(4, ttclid=TTCLID)
    poison(conversions[1], currency="usd")

    deliver()

    assert states() == ["done", "dead", "done", "done"]
    assert len({event["event_id"] for event in receiver.tiktok.accepted}) == len(receiver.tiktok.accepted) == 3


def test_a_request_that_fails_for_now_is_tried_again_whole(receiver):
    make_meta(on_deposit=True)
    owe(3)
    receiver.fail_next(status=503, path="/meta")

    deliver()

    assert set(Postback.objects.values_list("state", "tries", "batch_limit")) == {("pending", 1, None)}
    assert set(PostbackAttempt.objects.values_list("events", "outcome")) == {(3, "retry")}


def test_new_events_do_not_share_a_request_with_suspects():
    destination = make_meta(on_deposit=True)
    owe(4)
    Postback.objects.update(batch_limit=2)
    owe(3)

    claimed = claim_due_postbacks(room={destination.pk: 9}, at=NOON)

    assert sorted(len(request.postbacks) for request in claimed) == [2, 2, 3]


def test_values_keep_their_own_digits_in_a_batch():
    destination = make_meta(on_deposit=True)
    first, _ = owe(2)
    poison(first, amount=Decimal("0.10"))

    [claimed] = claim_due_postbacks(room={destination.pk: 1}, at=NOON)

    assert '"value":0.10}' in claimed.prepared.shown
    assert '"value":120.10}' in claimed.prepared.shown


def test_a_batch_holds_at_least_one():
    make_meta(on_deposit=True)
    owe(1)

    with pytest.raises(IntegrityError) as raised, transaction.atomic():
        Postback.objects.update(batch_limit=0)

    assert broken_constraint(raised.value) == "batch_holds_at_least_one"
