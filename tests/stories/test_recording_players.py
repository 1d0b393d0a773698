"""What a casino may report of one player, in the orders in which it really comes, and what is recorded of it."""

import json
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from campaigns.models import TrackingLink
from conversions.models import Anomaly, Conversion, CustomerLtv, InboxEvent, Platform, Player
from tests.stories.webhooks import Answer, Webhooks, deposit, registration
from tests.world import NOON, click_id_of, make_campaign, make_click, make_creative, make_link, make_partner

CLICKED_AT = NOON - timedelta(hours=3)


@pytest.fixture
def link(platform: Platform) -> TrackingLink:
    campaign = make_campaign(name="Autumn")
    return make_link(campaign=campaign, creative=make_creative(campaign, name="Red"), partner=make_partner(tag="lotus"))


@pytest.fixture
def click_id(link: TrackingLink) -> str:
    return make_click(link, at=CLICKED_AT).click_id


def first_deposits() -> list[str | None]:
    return list(Conversion.objects.filter(is_first_deposit=True).values_list("transaction_id", flat=True))


def state_of(transaction_id: str) -> tuple[str, bool, bool]:
    """Return status, whether it is the first deposit, and whether it is reversed."""
    conversion = Conversion.objects.get(transaction_id=transaction_id)
    return conversion.status, conversion.is_first_deposit, conversion.reversed_at is not None


@pytest.mark.django_db
def test_registration_and_deposit_are_credited_to_the_click(
    casino: Webhooks, link: TrackingLink, click_id: str
) -> None:
    credited = {"campaign": "Autumn", "campaign_id": link.campaign_id, "creative": "Red", "partner": "lotus"}

    registered = casino.register(click_id=click_id)
    deposited = casino.deposit("t-1")

    registration_row = Conversion.objects.get(kind="registration")
    deposit_row = Conversion.objects.get(kind="deposit")
    assert registered == Answer(
        status=201,
        body={
            "status": "recorded",
            "conversion_id": registration_row.pk,
            "first_deposit": False,
            "credited_to": credited,
        },
    )
    assert deposited == Answer(
        status=201,
        body={"status": "recorded", "conversion_id": deposit_row.pk, "first_deposit": True, "credited_to": credited},
    )
    assert (deposit_row.click_uuid, deposit_row.link, deposit_row.clicked_at) == (
        registration_row.click_uuid,
        link,
        CLICKED_AT,
    )


@pytest.mark.django_db
def test_repeat_gets_the_first_answer_and_stores_nothing(casino: Webhooks, click_id: str) -> None:
    body = deposit("t-1")
    first = casino.post("deposit", body)
    casino.register(click_id=click_id)  # now the answer to a new event would be another one

    same_message_id = casino.post("deposit", body, webhook_id="msg-again")
    once_more = casino.post("deposit", body, webhook_id="msg-again")
    reordered = casino.post("deposit", dict(reversed(body.items())) | {"amount": "50", "unknown": [1]})

    assert (first.status, first.body["credited_to"]) == (201, None)
    assert same_message_id == once_more == reordered == Answer(status=200, body=first.body)
    assert Conversion.objects.filter(kind="deposit").count() == 1
    assert InboxEvent.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": "50.01"}, "amount"),
        ({"currency": "USD"}, "currency"),
        ({"player_id": "p-2"}, "player_id"),
        ({"status": "void"}, "status"),
        ({"transaction_id": "t-2"}, "transaction_id"),
        ({"occurred_at": "2026-11-22T10:30:00.000001Z"}, "occurred_at"),
        ({"is_test": True}, "is_test"),
    ],
)
def test_repeat_with_other_terms_conflicts(casino: Webhooks, changes: dict[str, object], field: str) -> None:
    body = deposit("t-1")
    casino.post("deposit", body)

    answer = casino.post("deposit", body | changes)

    anomaly = Anomaly.objects.get()
    assert (answer.status, answer.error["code"], answer.error["field"]) == (409, "event_conflict", field)
    assert (anomaly.event_id, anomaly.field) == (body["event_id"], field)
    assert Conversion.objects.get().amount == Decimal("50.00")
    assert Player.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "field"),
    [({"amount": "500.00"}, "amount"), ({"currency": "USD"}, "currency"), ({"player_id": "p-2"}, "player_id")],
)
def test_known_transaction_with_other_terms_conflicts(casino: Webhooks, changes: dict[str, object], field: str) -> None:
    casino.deposit("t-1")

    answer = casino.post("deposit", deposit("t-1", status="charged_back") | changes)

    assert (answer.status, answer.error["code"], answer.error["field"]) == (409, "transaction_conflict", field)
    assert Anomaly.objects.count() == 1
    assert InboxEvent.objects.count() == 1
    assert state_of("t-1") == ("confirmed", True, False)


@pytest.mark.django_db
def test_second_registration_with_another_click_conflicts(casino: Webhooks, link: TrackingLink, click_id: str) -> None:
    other_click_id = make_click(link, at=CLICKED_AT).click_id
    casino.register(click_id=click_id)

    answer = casino.register(click_id=other_click_id)

    assert (answer.status, answer.error["code"], answer.error["field"]) == (
        409,
        "player_already_registered",
        "click_id",
    )


@pytest.mark.django_db
def test_deposit_before_registration_is_credited_when_the_registration_comes(
    casino: Webhooks, link: TrackingLink, click_id: str
) -> None:
    before = casino.deposit("t-1")
    Conversion.objects.update(review_state="approved", booking_state="done")

    casino.register(click_id=click_id)

    conversion = Conversion.objects.get(kind="deposit")
    assert (before.status, before.body["first_deposit"], before.body["credited_to"]) == (201, True, None)
    assert (conversion.credit_outcome, conversion.campaign, conversion.partner) == (
        "click",
        link.campaign,
        link.partner,
    )
    assert (conversion.is_first_deposit, conversion.review_state) == (True, "pending")


@pytest.mark.django_db
def test_pending_deposit_counts_once_it_is_confirmed(casino: Webhooks, click_id: str) -> None:
    casino.register(click_id=click_id)

    pending = casino.deposit("t-1", status="pending")
    value_before = CustomerLtv.objects.get().deposits_amount
    confirmed = casino.deposit("t-1", status="confirmed", occurred_at="2026-11-22T11:00:00Z")

    assert (pending.body["first_deposit"], confirmed.body["first_deposit"]) == (False, True)
    assert pending.body["conversion_id"] == confirmed.body["conversion_id"]
    assert (value_before, CustomerLtv.objects.get().deposits_amount) == (Decimal(0), Decimal(50))
    assert Conversion.objects.get(kind="deposit").occurred_at == datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


@pytest.mark.django_db
def test_late_pending_report_does_not_unconfirm(casino: Webhooks) -> None:
    casino.deposit("t-1", status="confirmed", occurred_at="2026-11-22T11:00:00Z")

    late = casino.deposit("t-1", status="pending", occurred_at="2026-11-22T10:59:00Z")

    assert (late.status, late.body["first_deposit"]) == (201, True)
    assert state_of("t-1") == ("confirmed", True, False)
    assert Conversion.objects.get().occurred_at == datetime(2026, 11, 22, 10, 59, tzinfo=UTC)


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["charged_back", "refunded"])
def test_reversed_first_deposit_keeps_its_place(casino: Webhooks, click_id: str, status: str) -> None:
    casino.register(click_id=click_id)
    casino.deposit("t-1")
    casino.deposit("t-1", status=status, occurred_at="2026-11-22T11:00:00Z")

    next_one = casino.deposit("t-2", amount="80.00", occurred_at="2026-11-22T11:30:00Z")

    value = CustomerLtv.objects.get()
    assert next_one.body["first_deposit"] is False
    assert state_of("t-1") == (status, True, True)
    assert state_of("t-2") == ("confirmed", False, False)
    assert (value.deposits, value.deposits_amount) == (1, Decimal(80))
    assert (value.reversed_deposits, value.reversed_amount) == (1, Decimal(50))


@pytest.mark.django_db
def test_chargeback_that_comes_alone_holds_the_first_place(casino: Webhooks) -> None:
    casino.deposit("t-1", status="charged_back")

    later = casino.deposit("t-2", occurred_at="2026-11-22T11:00:00Z")

    assert later.body["first_deposit"] is False
    assert state_of("t-1") == ("charged_back", True, True)


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["void", "rejected"])
def test_voided_first_deposit_gives_its_place_away(casino: Webhooks, status: str) -> None:
    casino.deposit("t-1")
    casino.deposit("t-3", occurred_at="2026-11-22T11:10:00Z")
    casino.deposit("t-2", occurred_at="2026-11-22T11:00:00Z")

    answer = casino.deposit("t-1", status=status, occurred_at="2026-11-22T11:30:00Z")

    assert answer.body["first_deposit"] is False
    assert state_of("t-1") == (status, False, False)
    assert state_of("t-2") == ("confirmed", True, False)
    assert state_of("t-3") == ("confirmed", False, False)
    assert CustomerLtv.objects.get().deposits == 2


@pytest.mark.django_db
def test_earlier_deposit_that_comes_late_takes_the_mark(casino: Webhooks) -> None:
    casino.deposit("t-2", occurred_at="2026-11-22T11:00:00Z")

    late = casino.deposit("t-1", occurred_at="2026-11-22T10:00:00Z")

    assert late.body["first_deposit"] is True
    assert state_of("t-1") == ("confirmed", True, False)
    assert state_of("t-2") == ("confirmed", False, False)


@pytest.mark.django_db
def test_deposits_of_one_instant_are_ordered_by_event_id(casino: Webhooks) -> None:
    casino.deposit("t-1", event_id="e-b")

    second = casino.deposit("t-2", event_id="e-a")

    assert second.body["first_deposit"] is True
    assert first_deposits() == ["t-2"]


@pytest.mark.django_db(transaction=True)
def test_two_deposits_at_the_same_instant_make_one_first_deposit(platform: Platform) -> None:
    answers = post_at_once(
        platform, [("deposit", deposit("t-1", event_id="e-1")), ("deposit", deposit("t-2", event_id="e-2"))]
    )

    assert [answer.status for answer in answers] == [201, 201]
    assert Player.objects.count() == 1
    assert first_deposits() == ["t-1"]
    assert CustomerLtv.objects.get().deposits_amount == Decimal(100)


@pytest.mark.django_db(transaction=True)
def test_one_event_posted_eight_times_at_once_is_recorded_once(platform: Platform) -> None:
    answers = post_at_once(platform, [("deposit", deposit("t-1", event_id="e-1"))] * 8)

    assert sorted(answer.status for answer in answers) == [200] * 7 + [201]
    assert {answer.body["conversion_id"] for answer in answers} == {Conversion.objects.get().pk}
    assert InboxEvent.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_registration_and_deposit_at_once_are_credited(platform: Platform) -> None:
    link = make_link()
    click_id = make_click(link, at=CLICKED_AT).click_id

    answers = post_at_once(
        platform, [("deposit", deposit("t-1")), ("registration", registration("p-1", click_id=click_id))]
    )

    assert [answer.status for answer in answers] == [201, 201]
    assert set(Conversion.objects.values_list("campaign_id", flat=True)) == {link.campaign_id}


@pytest.mark.django_db
def test_forged_click_id_is_kept_without_credit(casino: Webhooks, click_id: str) -> None:
    forged = click_id[:-1] + ("0" if click_id[-1] != "0" else "1")

    answer = casino.register(click_id=forged, partner_tag="lotus")

    conversion = Conversion.objects.get()
    assert (answer.status, answer.body["credited_to"]) == (201, None)
    assert (conversion.credit_outcome, conversion.campaign, conversion.partner) == ("forged_click_id", None, None)


@pytest.mark.django_db
def test_click_id_survives_a_change_of_case(casino: Webhooks, click_id: str) -> None:
    answer = casino.register(click_id=click_id.upper())

    assert answer.body["credited_to"]["campaign"] == "Autumn"


@pytest.mark.django_db
def test_click_that_was_never_stored_is_credited_to_its_link(casino: Webhooks, link: TrackingLink) -> None:
    answer = casino.register(click_id=click_id_of(link, at=CLICKED_AT))

    assert answer.body["credited_to"] == {
        "campaign": "Autumn",
        "campaign_id": link.campaign_id,
        "creative": "Red",
        "partner": "lotus",
    }


@pytest.mark.django_db
def test_click_of_31_days_ago_is_too_old(casino: Webhooks, link: TrackingLink) -> None:
    answer = casino.register(click_id=make_click(link, at=NOON - timedelta(days=31)).click_id)

    assert answer.body["credited_to"] is None
    assert Conversion.objects.get().credit_outcome == "outside_window"


@pytest.mark.django_db
def test_promo_code_credits_its_link(casino: Webhooks) -> None:
    link = make_link(promo_code="AUTUMN50", partner=make_partner(tag="lotus"))

    answer = casino.register(promo_code="autumn50")

    assert answer.body["credited_to"] == {
        "campaign": link.campaign.name,
        "campaign_id": link.campaign_id,
        "creative": None,
        "partner": "lotus",
    }


@pytest.mark.django_db
def test_partner_tag_credits_the_partner_alone(casino: Webhooks) -> None:
    make_partner(tag="lotus")

    answer = casino.register(partner_tag="lotus")

    assert answer.body["credited_to"] == {
        "campaign": None,
        "campaign_id": None,
        "creative": None,
        "partner": "lotus",
    }


@pytest.mark.django_db
def test_unknown_codes_are_kept_without_credit(casino: Webhooks) -> None:
    answer = casino.register(promo_code="NOBODY", partner_tag="nobody")

    assert (answer.status, answer.body["credited_to"]) == (201, None)
    assert Conversion.objects.get().credit_outcome == "unknown_code"


@pytest.mark.django_db
def test_test_deposit_is_no_first_deposit_and_worth_nothing(casino: Webhooks) -> None:
    casino.deposit("t-1", is_test=True)

    real = casino.deposit("t-2", occurred_at="2026-11-22T11:00:00Z")

    assert real.body["first_deposit"] is True
    assert CustomerLtv.objects.get().deposits == 1


@pytest.mark.django_db
def test_test_registration_makes_earlier_deposits_tests(casino: Webhooks, click_id: str) -> None:
    casino.deposit("t-1")

    casino.register(click_id=click_id, is_test=True)

    assert list(Conversion.objects.values_list("is_test", flat=True)) == [True, True]
    assert first_deposits() == []
    assert CustomerLtv.objects.get().deposits == 0


@pytest.mark.django_db
def test_default_platform_takes_what_names_none(casino: Webhooks) -> None:
    deposited = casino.post_raw("deposit", to_bytes(deposit("t-1")), path="/webhooks/deposit")
    registered = casino.post_raw("registration", to_bytes(registration()), path="/webhooks/registration")

    assert (deposited.status, registered.status) == (201, 201)
    assert set(Conversion.objects.values_list("platform__slug", flat=True)) == {"gaming"}


@pytest.mark.django_db
def test_previous_secret_is_accepted_while_it_stands(platform: Platform, casino: Webhooks) -> None:
    old = "whsec_b2xkLW9sZC1vbGQtb2xkLW9sZC1vbGQtb2xkLW9sZC0="
    platform.previous_secret = old
    platform.save()

    during = casino.post_raw("deposit", to_bytes(deposit("t-1")), secret=old)
    platform.previous_secret = ""
    platform.save()
    after = casino.post_raw("deposit", to_bytes(deposit("t-2")), secret=old)

    assert (during.status, after.status) == (201, 401)


def to_bytes(body: dict[str, object]) -> bytes:
    return json.dumps(body).encode()


def post_at_once(platform: Platform, messages: list[tuple[str, dict[str, object]]]) -> list[Answer]:
    """Post every message from a thread and a database connection of its own, all at one signal."""
    start = threading.Barrier(len(messages))
    answers: dict[int, Answer] = {}

    def post(position: int) -> None:
        try:
            start.wait(timeout=10)
            event, body = messages[position]
            answers[position] = Webhooks(platform).post(event, body)
        finally:
            connection.close()

    threads = [threading.Thread(target=post, args=[position]) for position in range(len(messages))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return [answers[position] for position in range(len(messages))]
