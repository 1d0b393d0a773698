"""Wrong states that the database refuses, each tried once."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from conversions.models import Conversion, CustomerLtv, Destination, InboxEvent, Platform, Player, Postback, Revenue
from tests.conversions.builders import deposit, register, the_deposit
from tests.world import NOON, make_partner, make_platform

pytestmark = pytest.mark.django_db


def refuses(name):
    return pytest.raises(IntegrityError, match=name)


def change(**columns):
    with transaction.atomic():
        Conversion.objects.filter(kind="deposit", transaction_id="t-1").update(**columns)


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"amount": -1}, "deposit_has_transaction_and_positive_amount"),
        ({"amount": 0}, "deposit_has_transaction_and_positive_amount"),
        ({"amount": None}, "deposit_has_transaction_and_positive_amount"),
        ({"currency": None}, "deposit_has_transaction_and_positive_amount"),
        ({"transaction_id": None}, "deposit_has_transaction_and_positive_amount"),
        ({"transaction_id": ""}, "transaction_id_is_not_empty"),
        ({"kind": "bonus"}, "deposit_has_transaction_and_positive_amount"),
        ({"status": "paid"}, "conversion_status_is_known"),
        ({"status": "pending"}, "first_deposit_was_confirmed"),
        ({"status": "void"}, "first_deposit_was_confirmed"),
        ({"is_settled": False}, "first_deposit_was_confirmed"),
        ({"is_test": True}, "first_deposit_was_confirmed"),
        ({"is_valuable": True}, "valuable_deposit_is_confirmed_and_approved"),
        ({"status": "charged_back"}, "reversal_has_its_time"),
        ({"reversed_at": NOON}, "reversal_has_its_time"),
        ({"review_state": "maybe"}, "review_state_is_known"),
        ({"booking_state": "maybe"}, "booking_state"),
    ],
)
def test_conversions_refuse_a_wrong_state(columns, constraint):
    deposit(make_platform())

    with refuses(constraint):
        change(**columns)


def test_conversions_refuse_a_second_first_deposit():
    platform = make_platform()
    deposit(platform)
    deposit(platform, "dep-2", transaction_id="t-2", occurred_at=NOON + timedelta(days=1))

    with refuses("one_first_deposit_per_player"):
        Conversion.objects.filter(transaction_id="t-2").update(is_first_deposit=True)


def test_conversions_refuse_a_transaction_twice():
    platform = make_platform()
    deposit(platform)
    copy = the_deposit()
    copy.pk, copy.is_first_deposit = None, False

    with refuses("one_conversion_per_transaction_and_kind"):
        copy.save()


def test_conversions_refuse_a_second_registration():
    register(make_platform())
    copy = Conversion.objects.get()
    copy.pk = None

    with refuses("one_registration_per_player"):
        copy.save()


def test_inbox_refuses_an_event_or_webhook_twice():
    register(make_platform())
    event = InboxEvent.objects.get()

    with refuses("one_inbox_event_per_event_id"), transaction.atomic():
        InboxEvent.objects.create(**_columns(event) | {"webhook_id": "other"})
    with refuses("one_inbox_event_per_webhook_id"), transaction.atomic():
        InboxEvent.objects.create(**_columns(event) | {"event_id": "other"})
    with refuses("inbox_event_has_its_ids"), transaction.atomic():
        InboxEvent.objects.create(**_columns(event) | {"event_id": "", "webhook_id": "other"})
    with refuses("inbox_event_kind"), transaction.atomic():
        InboxEvent.objects.create(**_columns(event) | {"event_id": "o", "webhook_id": "o", "kind": "guess"})


def _columns(event: InboxEvent) -> dict[str, Any]:
    names = ["platform_id", "event_id", "webhook_id", "kind", "terms", "answer", "occurred_at", "received_at"]
    return {name: getattr(event, name) for name in names}


def test_platforms_refuse_a_second_default_and_an_events_name():
    make_platform(is_default=True)

    with refuses("one_default_platform"), transaction.atomic():
        make_platform(is_default=True)
    with refuses("platform_slug_is_no_event"), transaction.atomic():
        make_platform(slug="deposit")
    with refuses("platform_default_status"), transaction.atomic():
        Platform.objects.update(default_status="void")


def test_players_refuse_to_be_two_and_credit_without_registration():
    platform = make_platform()
    deposit(platform)

    with refuses("one_player_per_platform_and_player_id"), transaction.atomic():
        Player.objects.create(platform=platform, player_id="p-1", created_at=NOON)
    with refuses("player_has_an_id"), transaction.atomic():
        Player.objects.create(platform=platform, player_id="", created_at=NOON)
    with refuses("credit_waits_for_registration"), transaction.atomic():
        Player.objects.update(credit_outcome="click")


def test_values_refuse_what_cannot_be():
    deposit(make_platform())
    revenue = {"original_amount": 1, "original_currency": "EUR", "exchange_rate": 1, "exchange_rate_on": NOON.date()}

    with refuses("ltv_amounts_are_not_negative"), transaction.atomic():
        CustomerLtv.objects.update(deposits_amount=-1)
    with refuses("last_deposit_is_not_before_first"), transaction.atomic():
        CustomerLtv.objects.update(last_deposit_at=NOON - timedelta(days=9))
    with refuses("revenue_is_not_negative"), transaction.atomic():
        Revenue.objects.create(conversion=the_deposit(), amount=-1, currency="EUR", **revenue)


def test_destinations_refuse_to_lack_their_address():
    with refuses("destination_has_its_address"), transaction.atomic():
        Destination.objects.create(name="a", kind="generic")
    with refuses("destination_has_its_address"), transaction.atomic():
        Destination.objects.create(name="b", kind="meta", dataset_id="1")
    with refuses("partner_destination_is_generic"), transaction.atomic():
        Destination.objects.create(name="c", kind="meta", dataset_id="1", access_token="x", partner=make_partner())


def test_postbacks_refuse_a_fact_twice_and_a_half_finished_state():
    deposit(make_platform())
    destination = Destination.objects.create(name="a", kind="generic", url_template="https://a.example/")
    columns = {
        "destination": destination,
        "conversion": the_deposit(),
        "event": "deposit",
        "fact": "deposit:1",
        "dedup_id": "x",
        "next_attempt_at": NOON,
        "created_at": NOON,
    }
    Postback.objects.create(**columns)

    with refuses("one_postback_per_destination_and_fact"), transaction.atomic():
        Postback.objects.create(**columns)
    with refuses("finished_postback_has_its_time"), transaction.atomic():
        Postback.objects.update(state="done")
    with refuses("payout_has_its_currency"), transaction.atomic():
        Postback.objects.update(payout=1)
    with refuses("attempt_follows_creation"), transaction.atomic():
        Postback.objects.update(next_attempt_at=NOON - timedelta(days=1))
