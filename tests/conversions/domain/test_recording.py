"""Recording what platforms report."""

import threading
import time
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction

from attribution.domain.credit import Claim
from campaigns.models import ExchangeRate
from conversions.domain.inbox import ConversionConflict
from conversions.models import Anomaly, Conversion, InboxEvent, Player, StatusReport
from tests.conversions.builders import LATER, deposit, register, the_deposit
from tests.world import NOON, make_campaign, make_click, make_link, make_offer, make_partner, make_platform

pytestmark = pytest.mark.django_db


def test_record_registration_locks_the_clicks_credit():
    partner = make_partner()
    link = make_link(partner=partner)
    platform = make_platform()

    recorded = register(platform, click_id=make_click(link).click_id, country="MT", consent_ad_user_data=True)

    player = Player.objects.get()
    registration = Conversion.objects.get()
    assert recorded.answer == {
        "status": "recorded",
        "conversion_id": registration.pk,
        "first_deposit": False,
        "credited_to": {
            "campaign": link.campaign.name,
            "campaign_id": link.campaign_id,
            "creative": None,
            "partner": partner.tag,
        },
    }
    assert (player.credit_outcome, player.campaign_id, player.partner_id) == ("click", link.campaign_id, partner.id)
    assert (player.country, player.consent_ad_user_data, player.consent_ad_personalization) == ("MT", True, None)
    assert (registration.status, registration.review_state) == ("confirmed", "pending")


def test_record_deposit_inherits_the_players_credit():
    link = make_link()
    platform = make_platform()
    register(platform, click_id=make_click(link).click_id)

    recorded = deposit(platform)

    assert recorded.answer["first_deposit"] is True
    assert recorded.answer["credited_to"]["campaign_id"] == link.campaign_id
    assert the_deposit().campaign_id == link.campaign_id


def test_record_deposit_stores_a_repeat_once():
    platform = make_platform()

    first = deposit(platform)
    again = deposit(platform)

    assert again.is_repeat
    assert again.answer == first.answer
    assert InboxEvent.objects.count() == Conversion.objects.count() == StatusReport.objects.count() == 1


def test_record_deposit_gives_the_first_answer_even_when_things_have_moved_on():
    platform = make_platform()
    first = deposit(platform)
    deposit(platform, "dep-0", transaction_id="t-0", occurred_at=NOON + timedelta(hours=1))

    again = deposit(platform)

    assert not the_deposit().is_first_deposit
    assert again.answer == first.answer


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"amount": "101"}, "event_conflict", "amount"),
        ({"currency": "USD"}, "event_conflict", "currency"),
        ({"player_id": "p-2"}, "event_conflict", "player_id"),
        ({"status": "void"}, "event_conflict", "status"),
        ({"event_id": "dep-2", "amount": "101"}, "transaction_conflict", "amount"),
        ({"event_id": "dep-2", "currency": "USD"}, "transaction_conflict", "currency"),
        ({"event_id": "dep-2", "player_id": "p-2"}, "transaction_conflict", "player_id"),
    ],
)
def test_record_deposit_refuses_other_terms_and_keeps_the_anomaly(change, code, field):
    platform = make_platform()
    deposit(platform)

    with pytest.raises(ConversionConflict):
        deposit(platform, **change)

    anomaly = Anomaly.objects.get()
    assert (anomaly.code, anomaly.field) == (code, field)
    assert (InboxEvent.objects.count(), Conversion.objects.count(), Player.objects.count()) == (1, 1, 1)
    assert the_deposit().amount == 100


def test_record_deposit_takes_the_same_amount_written_otherwise_as_a_repeat():
    platform = make_platform()
    deposit(platform, amount="100")

    assert deposit(platform, amount="100.00").is_repeat


def test_record_deposit_keeps_platforms_apart():
    one, two = make_platform(), make_platform()

    deposit(one)
    deposit(two)

    assert Conversion.objects.count() == Player.objects.count() == 2


def test_record_registration_refuses_a_webhook_id_of_another_event():
    platform = make_platform()
    register(platform, "reg-1")
    InboxEvent.objects.update(webhook_id="msg-reg-2")

    with pytest.raises(ConversionConflict) as conflict:
        register(platform, "reg-2", player_id="p-2")

    assert conflict.value.code == "webhook_id_reused"


def test_record_registration_takes_the_same_registration_under_a_new_event_id():
    platform = make_platform()
    first = register(platform)

    again = register(platform, "reg-2")

    assert again.answer == first.answer
    assert Conversion.objects.count() == 1


def test_record_registration_refuses_another_registration_of_the_player():
    platform = make_platform()
    register(platform, claim=Claim(partner_tag="one"))

    with pytest.raises(ConversionConflict) as conflict:
        register(platform, "reg-2", claim=Claim(partner_tag="two"))

    assert (conflict.value.code, conflict.value.field) == ("player_already_registered", "partner_tag")


def test_record_registration_credits_the_deposit_that_came_before_it():
    link = make_link()
    platform = make_platform()
    deposit(platform)
    Conversion.objects.update(review_state="approved", booking_state="done")

    register(platform, click_id=make_click(link).click_id)

    first = the_deposit()
    assert first.is_first_deposit
    assert (first.campaign_id, first.credit_outcome) == (link.campaign_id, "click")
    assert first.review_state == "pending"
    assert first.revenue.amount == 200


def test_record_deposit_follows_pending_then_confirmed():
    platform = make_platform()

    pending = deposit(platform, status="pending")
    confirmed = deposit(platform, "dep-2", occurred_at=NOON + timedelta(hours=5))

    assert (pending.answer["first_deposit"], confirmed.answer["first_deposit"]) == (False, True)
    first = the_deposit()
    assert (first.status, first.occurred_at, first.first_event_id) == ("confirmed", NOON + timedelta(hours=2), "dep-1")
    assert list(StatusReport.objects.order_by("id").values_list("status", flat=True)) == ["pending", "confirmed"]


def test_record_deposit_reverses_a_chargeback_but_keeps_its_place():
    platform = make_platform()
    deposit(platform)
    deposit(platform, "dep-2", status="charged_back", occurred_at=NOON + timedelta(days=1))

    second = deposit(platform, "dep-3", transaction_id="t-2", occurred_at=NOON + timedelta(days=2))

    first = the_deposit()
    assert second.answer["first_deposit"] is False
    assert (first.is_first_deposit, first.status) == (True, "charged_back")
    assert first.reversed_at == NOON + timedelta(days=1)


def test_record_deposit_moves_the_mark_off_a_void_one():
    platform = make_platform()
    register(platform, click_id=make_click(make_link()).click_id)
    deposit(platform)
    deposit(platform, "dep-2", transaction_id="t-2", occurred_at=NOON + timedelta(hours=3))

    deposit(platform, "dep-3", status="void", occurred_at=NOON + timedelta(hours=4))

    void, second = the_deposit("t-1"), the_deposit("t-2")
    assert (void.is_first_deposit, void.booking_state) == (False, "due")
    assert (second.is_first_deposit, second.review_state) == (True, "pending")
    assert second.revenue.amount == 200


def test_record_deposit_moves_the_mark_to_an_earlier_one_that_arrives_late():
    platform = make_platform()
    deposit(platform)

    late = deposit(platform, "dep-0", transaction_id="t-0", occurred_at=NOON + timedelta(minutes=90))

    assert late.answer["first_deposit"] is True
    assert [the_deposit("t-0").is_first_deposit, the_deposit("t-1").is_first_deposit] == [True, False]


def test_record_deposit_breaks_a_tie_by_event_id():
    platform = make_platform()
    deposit(platform, "dep-b", transaction_id="t-1")

    deposit(platform, "dep-a", transaction_id="t-2")

    assert [the_deposit("t-1").is_first_deposit, the_deposit("t-2").is_first_deposit] == [False, True]


def test_record_deposit_never_marks_a_test():
    platform = make_platform()

    recorded = deposit(platform, is_test=True)

    assert recorded.answer["first_deposit"] is False
    assert the_deposit().is_test


def test_record_registration_turns_a_test_players_deposits_into_tests():
    platform = make_platform()
    deposit(platform)

    register(platform, is_test=True)

    first = the_deposit()
    assert (first.is_test, first.is_first_deposit) == (True, False)
    assert Player.objects.get().ltv.deposits == 0


def test_record_deposit_writes_the_lifetime_value_in_the_reporting_currency():
    ExchangeRate.objects.create(currency="USD", on_date=NOON.date(), per_euro=Decimal("1.25"), source="ECB")
    platform = make_platform()
    deposit(platform)
    deposit(platform, "dep-2", transaction_id="t-2", amount="50", currency="USD")
    deposit(platform, "dep-3", transaction_id="t-3", amount="1000", currency="NGN")
    deposit(platform, "dep-4", transaction_id="t-4", amount="30", status="charged_back")

    value = Player.objects.get().ltv

    assert (value.currency, value.deposits, value.deposits_amount) == ("EUR", 3, Decimal(140))
    assert (value.unconverted_deposits, value.reversed_deposits, value.reversed_amount) == (1, 1, Decimal(30))
    assert the_deposit("t-2").exchange_rate == Decimal("0.8")


def test_record_deposit_keeps_the_revenue_in_the_campaigns_currency():
    ExchangeRate.objects.create(currency="USD", on_date=NOON.date(), per_euro=Decimal("1.25"), source="ECB")
    link = make_link(campaign=make_campaign(currency="USD", offer=make_offer(revenue=Decimal(200))))
    platform = make_platform()
    register(platform, click_id=make_click(link).click_id)

    deposit(platform)

    revenue = the_deposit().revenue
    assert (revenue.amount, revenue.currency, revenue.original_currency) == (Decimal(250), "USD", "EUR")


@pytest.mark.django_db(transaction=True)
def test_record_deposit_takes_two_at_once_as_one():
    platform = make_platform()
    answers = _at_once(lambda number: deposit(platform), times=8)

    assert [answer.is_repeat for answer in answers].count(False) == 1
    assert {answer.answer["conversion_id"] for answer in answers} == {the_deposit().pk}


@pytest.mark.django_db(transaction=True)
def test_record_deposit_marks_one_first_deposit_of_many_at_once():
    platform = make_platform()
    _at_once(
        lambda number: deposit(
            platform, f"dep-{number}", transaction_id=f"t-{number}", occurred_at=NOON + timedelta(minutes=number)
        ),
        times=8,
    )

    assert Conversion.objects.get(is_first_deposit=True).transaction_id == "t-0"
    assert Player.objects.get().ltv.deposits == 8


@pytest.mark.django_db(transaction=True)
def test_record_deposit_gives_a_transaction_to_one_of_two_players_at_once():
    platform = make_platform()

    def attempt(number: int) -> str:
        try:
            deposit(platform, f"dep-{number}", player_id=f"p-{number}")
        except ConversionConflict as conflict:
            return conflict.field
        return "recorded"

    assert sorted(_at_once(attempt, times=2)) == ["player_id", "recorded"]


def _at_once(call, *, times):
    results, barrier = [], threading.Barrier(times)

    def run(number: int) -> None:
        barrier.wait()
        try:
            results.append(call(number))
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return results


def test_record_deposit_received_at_is_ours():
    deposit(make_platform(), at=LATER)

    assert the_deposit().received_at == LATER


@pytest.mark.django_db(transaction=True)
def test_record_deposit_that_waited_for_its_registration_has_its_credit():
    platform, link = make_platform(), make_link()
    click_id = make_click(link).click_id
    deposit(platform)

    def wait_and_deposit() -> None:
        try:
            deposit(platform, "dep-2", transaction_id="t-2")
        finally:
            connection.close()

    waiting = threading.Thread(target=wait_and_deposit)
    with transaction.atomic():
        register(platform, click_id=click_id)
        waiting.start()
        time.sleep(0.5)  # until it waits for the player
    waiting.join(timeout=30)

    assert the_deposit("t-2").campaign == link.campaign
