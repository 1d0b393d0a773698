"""What is owed to whom: once a fact, withdrawn when it no longer stands."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from conversions.domain import outbox
from conversions.domain.outbox import player_key, withdraw_postbacks, write_partner_postback, write_postbacks
from conversions.models import Conversion, Postback
from tests.conversions.postbacks.rows import (
    make_conversion,
    make_first_deposit,
    make_generic,
    make_meta,
    make_player,
    make_registration,
)
from tests.world import NOON, make_campaign, make_link, make_partner
from tracker_project.common.database import broken_constraint
from tracker_project.common.money import Money

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(minutes=10)
PAYOUT = Money(amount=Decimal(120), currency="EUR")


def owed(**columns):
    rows = Postback.objects.filter(**columns).order_by("id")
    return [(row.event, row.fact.partition(":")[0], row.is_correction, row.state) for row in rows]


def test_write_postbacks_owes_a_first_deposit_to_each_destination_once():
    make_meta()
    make_generic()
    conversion = make_first_deposit()

    write_postbacks(conversion, at=NOON)
    write_postbacks(conversion, at=LATER)

    assert owed() == [("first_deposit", "first_deposit", False, "pending")] * 2
    assert set(Postback.objects.values_list("next_attempt_at", flat=True)) == {NOON}


def test_write_postbacks_tells_by_event_as_destinations_ask():
    make_generic(name="registrations", on_registration=True, on_first_deposit=False)
    make_generic(name="firsts")
    make_generic(name="each", on_deposit=True, on_first_deposit=False)
    make_generic(name="both", on_deposit=True)
    player = make_player()

    write_postbacks(make_registration(player), at=NOON)
    write_postbacks(make_first_deposit(player), at=NOON)
    write_postbacks(make_conversion(player), at=NOON)

    rows = Postback.objects.values_list("destination__name", "event").order_by("destination__name", "id")
    assert list(rows) == [
        ("both", "first_deposit"),
        ("both", "deposit"),
        ("each", "deposit"),
        ("each", "deposit"),
        ("firsts", "first_deposit"),
        ("registrations", "registration"),
    ]


@pytest.mark.parametrize("status", ["pending", "rejected", "void"])
def test_write_postbacks_tells_confirmed_facts_only(status):
    make_generic(on_deposit=True)

    write_postbacks(make_conversion(status=status), at=NOON)

    assert owed() == []


def test_write_postbacks_reaches_the_conversions_campaign_and_no_partner():
    link = make_link()
    make_generic(name="its campaign", campaigns=[link.campaign])
    make_generic(name="any campaign")
    make_generic(name="other campaign", campaigns=[make_campaign()])
    make_generic(name="a partner", partner=make_partner())

    write_postbacks(make_first_deposit(make_player(link=link)), at=NOON)

    names = Postback.objects.values_list("destination__name", flat=True).order_by("destination__name")
    assert list(names) == ["any campaign", "its campaign"]


def test_write_postbacks_skips_what_a_person_switched_off_and_keeps_rows_for_what_the_tracker_paused():
    make_generic(name="off", is_active=False)
    make_generic(name="paused", is_active=False, disabled_reason="Invalid token")

    write_postbacks(make_first_deposit(), at=NOON)

    assert [row.destination.name for row in Postback.objects.all()] == ["paused"]


@pytest.mark.parametrize(
    ("player", "conversion"),
    [
        ({"consent_ad_user_data": False}, {}),
        ({"consent_ad_user_data": None, "country": "MT"}, {}),
        ({"consent_ad_user_data": None, "country": ""}, {}),
        ({"is_test": True}, {}),
    ],
)
def test_write_postbacks_stops_without_consent_and_for_tests(player, conversion):
    make_meta()
    make_generic()

    write_postbacks(make_first_deposit(make_player(**player), **conversion), at=NOON)

    assert owed() == []


def test_write_postbacks_keeps_one_first_deposit_a_player_when_the_mark_moves():
    make_generic(name="firsts")
    make_generic(name="both", on_deposit=True)
    player = make_player()
    late = make_first_deposit(player)
    write_postbacks(late, at=NOON)
    Conversion.objects.filter(pk=late.pk).update(is_first_deposit=False)
    late.refresh_from_db()
    early = make_first_deposit(player, occurred_at=NOON - timedelta(hours=3))

    write_postbacks(early, at=LATER)
    write_postbacks(late, at=LATER)

    rows = Postback.objects.values_list("destination__name", "event", "conversion_id").order_by("id")
    assert list(rows) == [
        ("firsts", "first_deposit", late.pk),
        ("both", "first_deposit", late.pk),
        ("both", "deposit", early.pk),
    ]


def test_write_postbacks_uses_an_id_of_32_digits_that_differs_by_destination_and_fact():
    make_generic(name="one", hash_key="11" * 32, on_deposit=True)
    make_generic(name="two", hash_key="33" * 32)
    player = make_player()

    write_postbacks(make_first_deposit(player), at=NOON)
    write_postbacks(make_conversion(player), at=NOON)

    ids = set(Postback.objects.values_list("dedup_id", flat=True))
    assert len(ids) == 3
    assert {len(dedup_id) for dedup_id in ids} == {32}


def test_player_key_differs_by_destination_and_says_nothing_of_the_player():
    player = make_player(player_id="42")
    one, two = make_generic(hash_key="11" * 32), make_generic(hash_key="33" * 32)

    assert player_key(one, player) != player_key(two, player)
    assert len(player_key(one, player)) == 64


def test_write_postbacks_hints_after_commit(django_capture_on_commit_callbacks, monkeypatch):
    make_generic()
    hints: list[str] = []
    monkeypatch.setattr(outbox, "hint_after_commit", hints.append)

    write_postbacks(make_first_deposit(), at=NOON)

    assert hints == ["postback_written"]


def test_withdraw_postbacks_cancels_what_is_unsent_and_corrects_nothing():
    make_meta()
    make_generic()
    conversion = make_first_deposit()
    write_postbacks(conversion, at=NOON)

    withdraw_postbacks(conversion, at=LATER)

    assert owed() == [("first_deposit", "first_deposit", False, "cancelled")] * 2
    assert set(Postback.objects.values_list("finished_at", flat=True)) == {LATER}


def test_withdraw_postbacks_corrects_a_template_that_was_told_under_the_same_id():
    generic = make_generic()
    make_meta()
    conversion = make_first_deposit()
    write_postbacks(conversion, at=NOON)
    Postback.objects.update(state="done", finished_at=NOON, tries=1)

    withdraw_postbacks(conversion, at=LATER)
    withdraw_postbacks(conversion, at=LATER)

    told, correction = Postback.objects.filter(destination=generic).order_by("id")
    assert (told.state, told.is_correction) == ("done", False)
    assert (correction.state, correction.is_correction, correction.event) == ("pending", True, "first_deposit")
    assert correction.dedup_id == told.dedup_id
    assert correction.fact == told.fact + ":reversed"
    assert owed(destination__kind="meta") == [("first_deposit", "first_deposit", False, "done")]


def test_withdraw_postbacks_corrects_after_what_is_on_its_way():
    make_generic()
    conversion = make_first_deposit()
    write_postbacks(conversion, at=NOON)
    lease = LATER + timedelta(seconds=40)
    Postback.objects.update(leased_until=lease)

    withdraw_postbacks(conversion, at=LATER)

    told, correction = Postback.objects.order_by("id")
    assert told.state == "cancelled"
    assert correction.next_attempt_at == lease


def test_withdraw_postbacks_corrects_what_a_failed_try_may_have_told():
    make_generic()
    conversion = make_first_deposit()
    write_postbacks(conversion, at=NOON)
    Postback.objects.update(tries=1)

    withdraw_postbacks(conversion, at=LATER)

    assert owed() == [
        ("first_deposit", "first_deposit", False, "cancelled"),
        ("first_deposit", "first_deposit", True, "pending"),
    ]


def test_write_postbacks_owes_again_what_was_withdrawn_unsent():
    make_generic()
    player = make_player()
    void = make_first_deposit(player)
    write_postbacks(void, at=NOON)
    withdraw_postbacks(void, at=NOON)
    Conversion.objects.filter(pk=void.pk).update(is_first_deposit=False, status="void")
    second = make_first_deposit(player)

    write_postbacks(second, at=LATER)

    row = Postback.objects.get()
    assert (row.state, row.conversion_id, row.next_attempt_at, row.finished_at) == ("pending", second.pk, LATER, None)


def test_write_postbacks_brings_forward_what_waited_for_a_review():
    make_generic()
    conversion = make_first_deposit()
    write_postbacks(conversion, at=NOON)
    Postback.objects.update(next_attempt_at=LATER, state_reason="It waits for a review.")

    write_postbacks(conversion, at=NOON + timedelta(seconds=1))

    assert Postback.objects.get().next_attempt_at == NOON + timedelta(seconds=1)


def test_write_partner_postback_tells_the_partner_its_payout_once():
    partner = make_partner()
    make_generic(partner=partner)
    make_generic(partner=make_partner())
    make_generic()
    conversion = make_first_deposit()

    for at in (NOON, LATER):
        write_partner_postback(
            conversion, partner=partner, payout=PAYOUT, event="first_deposit", is_correction=False, at=at
        )

    row = Postback.objects.get()
    assert row.fact == f"partner:first_deposit:{conversion.player_id}"
    assert (row.payout, row.payout_currency, row.destination.partner) == (Decimal(120), "EUR", partner)


def test_write_partner_postback_needs_consent_but_its_correction_does_not():
    partner = make_partner()
    make_generic(partner=partner)
    player = make_player()
    conversion = make_first_deposit(player)
    write_partner_postback(
        conversion, partner=partner, payout=PAYOUT, event="first_deposit", is_correction=False, at=NOON
    )
    Postback.objects.update(state="done", finished_at=NOON, tries=1)
    player.consent_ad_user_data = False
    player.save()
    conversion.refresh_from_db()

    write_partner_postback(
        conversion, partner=partner, payout=PAYOUT, event="first_deposit", is_correction=True, at=LATER
    )
    other = make_first_deposit(make_player(consent_ad_user_data=False))
    write_partner_postback(other, partner=partner, payout=PAYOUT, event="first_deposit", is_correction=False, at=LATER)

    told, correction = Postback.objects.order_by("id")
    assert (told.state, correction.state, correction.is_correction) == ("done", "pending", True)
    assert correction.dedup_id == told.dedup_id


def test_write_partner_postback_corrects_nothing_that_was_never_sent():
    partner = make_partner()
    make_generic(partner=partner)
    conversion = make_first_deposit()
    write_partner_postback(
        conversion, partner=partner, payout=PAYOUT, event="first_deposit", is_correction=False, at=NOON
    )

    write_partner_postback(
        conversion, partner=partner, payout=PAYOUT, event="first_deposit", is_correction=True, at=LATER
    )

    assert owed() == [("first_deposit", "partner", False, "cancelled")]


def a_row(**columns):
    conversion = make_first_deposit()
    defaults = {"event": "deposit", "fact": "deposit:1", "dedup_id": "d", "next_attempt_at": NOON, "created_at": NOON}
    return Postback(conversion=conversion, destination=make_generic(), **defaults | columns)


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"state": "done"}, "finished_postback_has_its_time"),
        ({"finished_at": NOON}, "finished_postback_has_its_time"),
        ({"payout": Decimal(1)}, "payout_has_its_currency"),
        ({"payout_currency": "EUR"}, "payout_has_its_currency"),
        ({"next_attempt_at": NOON - timedelta(seconds=1)}, "attempt_follows_creation"),
    ],
)
def test_postback_refuses_a_state_that_makes_no_sense(columns, constraint):
    with pytest.raises(IntegrityError) as raised, transaction.atomic():
        a_row(**columns).save()

    assert broken_constraint(raised.value) == constraint


def test_postback_is_one_a_destination_and_fact():
    row = a_row()
    row.save()
    row.pk = None

    with pytest.raises(IntegrityError) as raised, transaction.atomic():
        row.save()

    assert broken_constraint(raised.value) == "one_postback_per_destination_and_fact"


@pytest.mark.parametrize(
    ("make", "columns", "constraint"),
    [
        (make_generic, {"url_template": ""}, "destination_has_its_address"),
        (make_meta, {"dataset_id": ""}, "destination_has_its_address"),
        (make_meta, {"access_token": ""}, "destination_has_its_address"),
    ],
)
def test_destination_refuses_to_be_without_its_address(make, columns, constraint):
    with pytest.raises(IntegrityError) as raised, transaction.atomic():
        make(**columns)

    assert broken_constraint(raised.value) == constraint


def test_destination_of_a_partner_is_generic():
    with pytest.raises(IntegrityError) as raised, transaction.atomic():
        make_meta(partner=make_partner())

    assert broken_constraint(raised.value) == "partner_destination_is_generic"
