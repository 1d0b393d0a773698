"""From signed webhooks to what receivers hear, partners are owed and campaigns cost."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from affiliates.domain.queries import owed_to
from affiliates.models import PartnerAccount
from campaigns.models import Cost
from conversions.models import Conversion, Platform, Postback, PostbackAttempt
from fraud.domain.reviewing import decide_review
from fraud.models import Review
from tests.outside.receivers import Receiver
from tests.outside.receiving import fbc_of
from tests.stories.world_of_three import World, build_world, click_on

pytestmark = pytest.mark.django_db(transaction=True)

NOTHING = Decimal(0)


@pytest.fixture
def world(platform: Platform, settings: Any) -> Iterator[World]:
    with Receiver(meta_tokens={"1234567890": "token"}) as receiver:
        settings.META_BASE_URL = receiver.meta_url
        yield build_world(platform, receiver)


def owed() -> Decimal:
    return owed_to(PartnerAccount.objects.get(), currency="EUR")


def commission_costs() -> list[Decimal]:
    return list(Cost.objects.filter(kind="commission").order_by("id").values_list("amount", flat=True))


def test_meta_hears_of_registration_and_first_deposit(world: World) -> None:
    click = click_on(world.meta)

    world.casino.register(click_id=click.click_id)
    world.casino.deposit("t-1", amount="49.90")
    world.casino.deposit("t-2", amount="80.00", occurred_at="2026-11-22T11:00:00Z")
    world.work()

    purchase = next(event for event in world.receiver.meta.accepted if event["event_name"] == "Purchase")
    assert world.told_to_meta() == [("CompleteRegistration", None), ("Purchase", 49.9)]
    assert purchase["user_data"]["fbc"] == fbc_of(click.click_id, "IwAR-Xy_9")
    assert purchase["custom_data"]["currency"] == "eur"
    assert (world.receiver.meta.refusals, world.receiver.meta.breaches) == ([], [])
    assert set(Postback.objects.values_list("state", flat=True)) == {"done"}
    assert list(PostbackAttempt.objects.values_list("outcome", flat=True)) == ["ok", "ok"]


def test_partner_is_paid_and_told_once(world: World) -> None:
    world.casino.register(click_id=click_on(world.partner).click_id)
    world.casino.deposit("t-1")
    world.work()
    world.casino.deposit("t-2", occurred_at="2026-11-22T11:00:00Z")
    world.work()

    assert world.told("/partner") == ["first_deposit approved 120.00"]
    assert owed() == Decimal(120)
    assert commission_costs() == [Decimal(120)]


def test_chargeback_of_a_first_deposit_is_taken_back_and_the_next_is_not_first(world: World) -> None:
    world.casino.register("p-1", click_id=click_on(world.partner).click_id)
    world.casino.register("p-2", click_id=click_on(world.generic).click_id)
    world.casino.deposit("t-1", "p-1")
    world.casino.deposit("t-2", "p-2")
    world.work()

    for transaction_id, player_id in (("t-1", "p-1"), ("t-2", "p-2")):
        world.casino.deposit(transaction_id, player_id, status="charged_back", occurred_at="2026-11-22T11:00:00Z")
        world.casino.deposit(f"{transaction_id}-b", player_id, amount="60.00", occurred_at="2026-11-22T11:30:00Z")
    world.work()

    assert world.told("/partner") == ["first_deposit approved 120.00", "first_deposit rejected 120.00"]
    assert sorted(world.told("/s2s")) == [
        "deposit approved 60.00",
        "first_deposit approved 50.00",
        "first_deposit rejected 50.00",
        "registration approved ",
    ]
    assert owed() == NOTHING
    assert commission_costs() == [Decimal(120), Decimal(-120)]


def test_correction_carries_the_id_of_what_it_corrects(world: World) -> None:
    world.casino.register(click_id=click_on(world.partner).click_id)
    world.casino.deposit("t-1")
    world.work()

    world.casino.deposit("t-1", status="charged_back")
    world.work()

    told, correction = [request.query for request in world.receiver.requests("/partner")]
    assert told["id"] == correction["id"]
    assert told["cid"] == correction["cid"]


def test_chargeback_before_its_confirmation_tells_and_pays_nothing(world: World) -> None:
    world.casino.register("p-1", click_id=click_on(world.partner).click_id)
    world.casino.register("p-2", click_id=click_on(world.meta).click_id)

    for transaction_id, player_id in (("t-1", "p-1"), ("t-2", "p-2")):
        world.casino.deposit(transaction_id, player_id, status="charged_back", occurred_at="2026-11-22T11:00:00Z")
        world.work()
        world.casino.deposit(transaction_id, player_id)
        world.work()

    assert world.told("/partner") == []
    assert world.told_to_meta() == [("CompleteRegistration", None)]
    assert (owed(), commission_costs()) == (NOTHING, [])


def test_chargeback_before_the_workers_wake_tells_and_pays_nothing(world: World) -> None:
    world.casino.register("p-1", click_id=click_on(world.partner).click_id)
    world.casino.deposit("t-1", "p-1")
    world.casino.deposit("t-1", "p-1", status="charged_back")

    world.work()

    assert (world.told("/partner"), owed(), commission_costs()) == ([], NOTHING, [])


def test_earlier_deposit_that_comes_late_repeats_nothing(world: World) -> None:
    for number, link in enumerate((world.partner, world.meta, world.generic)):
        world.casino.register(f"p-{number}", click_id=click_on(link).click_id)
        world.casino.deposit(f"late-{number}", f"p-{number}", occurred_at="2026-11-22T11:00:00Z")
    world.work()

    for number in range(3):
        answer = world.casino.deposit(
            f"early-{number}", f"p-{number}", amount="30.00", occurred_at="2026-11-22T10:10:00Z"
        )
        assert answer.body["first_deposit"] is True
    world.work()

    assert world.told("/partner") == ["first_deposit approved 120.00"]
    assert world.told_to_meta() == [("CompleteRegistration", None), ("Purchase", 50)]
    assert sorted(world.told("/s2s")) == [
        "deposit approved 30.00",
        "first_deposit approved 50.00",
        "registration approved ",
    ]
    assert (owed(), commission_costs()) == (Decimal(120), [Decimal(120)])


def test_void_of_the_only_deposit_is_taken_back(world: World) -> None:
    world.casino.register(click_id=click_on(world.partner).click_id)
    world.casino.deposit("t-1")
    world.work()

    world.casino.deposit("t-1", status="void")
    world.work()

    assert world.told("/partner") == ["first_deposit approved 120.00", "first_deposit rejected 120.00"]
    assert owed() == NOTHING


def test_void_of_the_first_of_two_deposits_pays_for_the_second(world: World) -> None:
    world.casino.register(click_id=click_on(world.partner).click_id)
    world.casino.deposit("t-1")
    world.work()
    world.casino.deposit("t-2", occurred_at="2026-11-22T11:00:00Z")
    world.work()

    world.casino.deposit("t-1", status="void")
    world.work()

    assert Conversion.objects.get(is_first_deposit=True).transaction_id == "t-2"
    assert owed() == Decimal(120)
    assert sum(commission_costs()) == Decimal(120)
    assert world.told("/partner")[-1] == "first_deposit approved 120.00"


def test_deposit_before_registration_is_told_and_paid_after_it(world: World) -> None:
    world.casino.deposit("t-1", "p-1")
    world.casino.deposit("t-2", "p-2")
    world.work()
    before = (world.told("/partner"), world.told_to_meta(), owed())

    world.casino.register("p-1", click_id=click_on(world.partner).click_id)
    world.casino.register("p-2", click_id=click_on(world.meta).click_id)
    world.work()

    assert before == ([], [], NOTHING)
    assert world.told("/partner") == ["first_deposit approved 120.00"]
    assert world.told_to_meta() == [("CompleteRegistration", None), ("Purchase", 50)]
    assert owed() == Decimal(120)


def test_pending_deposit_is_told_and_paid_once_confirmed(world: World) -> None:
    world.casino.register(click_id=click_on(world.partner).click_id)
    world.casino.deposit("t-1", status="pending")
    world.work()
    while_pending = (world.told("/partner"), owed())

    world.casino.deposit("t-1", status="confirmed", occurred_at="2026-11-22T11:00:00Z")
    world.work()

    assert while_pending == ([], NOTHING)
    assert (world.told("/partner"), owed()) == (["first_deposit approved 120.00"], Decimal(120))


@pytest.mark.parametrize(
    ("registration", "kind"),
    [({"country": "US"}, "click"), ({}, "bot"), ({"occurred_at": "2026-11-22T08:00:00Z"}, "click")],
    ids=["country outside the offer's", "declared bot", "registration before the click"],
)
def test_held_player_is_neither_told_nor_paid_until_a_person_approves(
    world: World, registration: dict[str, str], kind: str
) -> None:
    world.casino.register("p-1", click_id=click_on(world.partner, kind=kind).click_id, **registration)
    world.casino.deposit("t-1", "p-1", occurred_at=registration.get("occurred_at", "2026-11-22T10:30:00Z"))
    world.work()
    while_held = (world.told("/partner"), owed())
    held = Conversion.objects.get(kind="deposit")
    assert (while_held, held.review_state) == (([], NOTHING), "held")
    assert Review.objects.get(conversion=held).reasons[0]["text"]

    auditor = get_user_model().objects.create_user("auditor")
    decide_review(held, verdict=Review.Verdict.APPROVED, reason="", actor=auditor, at=timezone.now())
    world.work()

    assert (world.told("/partner"), owed()) == (["first_deposit approved 120.00"], Decimal(120))


def test_forged_click_id_is_rejected_with_its_reason(world: World) -> None:
    click_id = click_on(world.partner).click_id
    world.casino.register(click_id=click_id[:-1] + ("0" if click_id[-1] != "0" else "1"))
    world.casino.deposit("t-1")
    world.work()

    assert set(Conversion.objects.values_list("review_state", flat=True)) == {"rejected"}
    assert [reason["rule"] for review in Review.objects.all() for reason in review.reasons] == ["forged_click_id"] * 2
    assert (world.told("/partner"), owed(), Postback.objects.count()) == ([], NOTHING, 0)


def test_player_without_consent_is_told_to_nobody_who_advertises_but_his_partner_is_paid(world: World) -> None:
    refused = {"ad_user_data": False, "ad_personalization": True}
    for number, link in enumerate((world.partner, world.meta, world.generic)):
        world.casino.register(f"p-{number}", click_id=click_on(link).click_id, consent=refused)
        world.casino.deposit(f"t-{number}", f"p-{number}")
    world.work()

    assert (world.told_to_meta(), world.told("/s2s")) == ([], [])
    assert (world.told("/partner"), owed()) == (["first_deposit approved 120.00"], Decimal(120))


def test_test_player_is_neither_told_nor_paid(world: World) -> None:
    for number, link in enumerate((world.partner, world.meta, world.generic)):
        world.casino.deposit(f"before-{number}", f"p-{number}", occurred_at="2026-11-22T09:30:00Z")
        world.casino.register(f"p-{number}", click_id=click_on(link).click_id, is_test=True)
        world.casino.deposit(f"t-{number}", f"p-{number}")
    world.work()

    assert (world.told_to_meta(), world.told("/s2s"), world.told("/partner")) == ([], [], [])
    assert owed() == NOTHING


def test_receiver_that_was_down_hears_everything_once(world: World) -> None:
    # Both events share one request.
    world.receiver.fail_next(1, status=503)
    world.casino.register(click_id=click_on(world.meta).click_id)
    world.casino.deposit("t-1")
    world.work()
    assert world.told_to_meta() == []

    Postback.objects.update(next_attempt_at=timezone.now())
    world.work()

    assert world.told_to_meta() == [("CompleteRegistration", None), ("Purchase", 50)]
    assert sorted(PostbackAttempt.objects.values_list("outcome", flat=True)) == ["ok", "ok", "retry", "retry"]
    assert world.receiver.meta.repeats == []
