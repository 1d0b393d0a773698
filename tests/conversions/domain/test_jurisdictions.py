"""Players of prohibited jurisdictions: nobody hears anything new of them, by two gates, and partners not why."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from conversions.domain import delivery, jurisdictions, outbox
from conversions.domain.consent import PARTNERS_WORD
from conversions.domain.delivery import claim_due_postbacks
from conversions.domain.jurisdictions import forget_jurisdictions, is_in_prohibited_jurisdiction
from conversions.domain.outbox import withdraw_postbacks, write_partner_postback, write_postbacks
from conversions.domain.partner_view import word_for_partners
from conversions.models import Conversion, Player, Postback, ProhibitedJurisdiction
from tests.conversions.postbacks.rows import make_first_deposit, make_generic, make_player
from tests.world import NOON, make_partner
from tracker_project.common.money import Money

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _a_list_of_its_own(monkeypatch) -> None:
    monkeypatch.setattr(jurisdictions, "_list", jurisdictions._List())


def prohibit(*places: str) -> None:
    for place in places:
        country, _, region = place.partition("-")
        ProhibitedJurisdiction.objects.create(country=country, region=region)
    forget_jurisdictions()


def claim(at=NOON) -> list[object]:
    destinations = Postback.objects.values_list("destination", flat=True)
    return list(claim_due_postbacks(room=dict.fromkeys(destinations, 10), at=at))


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"country": "FR"}, True),
        ({"country": "fr"}, True),
        ({"country": "MT"}, False),
        ({"country": "US", "region": "WA"}, True),
        ({"country": "US", "region": "us-wa"}, True),
        ({"country": "US", "region": "Washington"}, True),
        ({"country": "US", "region": "NJ"}, False),
        ({"country": "US", "region": "New Jersey"}, False),
        ({"country": "US"}, True),
        ({"country": "US", "region": "Nowhere at all"}, True),
        ({"country": "", "click_facts": {"country": "FR"}}, True),
        ({"country": "MT", "click_facts": {"country": "FR"}}, True),
        ({"country": "US", "region": "NJ", "click_facts": {"country": "US"}}, False),
        ({"country": "", "click_facts": {}}, False),
        ({"country": "", "click_facts": None}, False),
    ],
)
def test_a_player_is_prohibited_by_where_he_lives_or_clicked(columns, expected):
    prohibit("FR", "US-WA")

    assert is_in_prohibited_jurisdiction(Player(**columns)) is expected


def test_nobody_is_prohibited_while_the_list_is_empty():
    assert not is_in_prohibited_jurisdiction(Player(country="US"))


def test_the_list_is_read_again_after_two_seconds_at_most(monkeypatch):
    assert not is_in_prohibited_jurisdiction(Player(country="FR"))
    ProhibitedJurisdiction.objects.create(country="FR")
    assert not is_in_prohibited_jurisdiction(Player(country="FR"))

    monkeypatch.setattr("conversions.domain.jurisdictions.READ_EVERY_SECONDS", 0.0)

    assert is_in_prohibited_jurisdiction(Player(country="FR"))


def test_the_first_gate_alone_keeps_it_from_being_written(monkeypatch):
    monkeypatch.setattr(delivery, "refusal_to_signal", lambda conversion, destination, *, at: "")
    prohibit("MT")
    make_generic(requires_consent=False)

    write_postbacks(make_first_deposit(), at=NOON)

    assert not Postback.objects.exists()


def test_the_second_gate_alone_keeps_it_from_being_sent(monkeypatch):
    monkeypatch.setattr(outbox, "refusal_to_signal", lambda conversion, destination, *, at: "")
    prohibit("MT")
    make_generic(requires_consent=False)
    write_postbacks(make_first_deposit(), at=NOON)

    assert claim() == []

    row = Postback.objects.get()
    assert (row.state, row.state_reason) == (
        "cancelled",
        "The player belongs to a jurisdiction where this is prohibited.",
    )


def test_without_both_gates_it_would_be_sent(monkeypatch):
    monkeypatch.setattr(outbox, "refusal_to_signal", lambda conversion, destination, *, at: "")
    monkeypatch.setattr(delivery, "refusal_to_signal", lambda conversion, destination, *, at: "")
    prohibit("MT")
    make_generic(requires_consent=False)

    write_postbacks(make_first_deposit(), at=NOON)

    assert len(claim()) == 1


def test_a_partner_hears_nothing_of_such_a_player():
    prohibit("MT")
    partner = make_partner()
    make_generic(partner=partner, requires_consent=False)
    conversion = make_first_deposit(make_player(partner=partner))

    write_partner_postback(
        conversion,
        partner=partner,
        payout=Money(amount=Decimal(120), currency="EUR"),
        event="first_deposit",
        is_correction=False,
        at=NOON,
    )

    assert not Postback.objects.exists()


def test_a_correction_of_what_was_told_before_still_passes():
    make_generic("https://a.example/?s={status}&t={transaction_id}", requires_consent=False)
    conversion = make_first_deposit()
    write_postbacks(conversion, at=NOON)
    Postback.objects.update(state="done", finished_at=NOON, tries=1)
    prohibit("MT")
    Conversion.objects.filter(pk=conversion.pk).update(status="charged_back", reversed_at=NOON)
    conversion.refresh_from_db()

    withdraw_postbacks(conversion, at=NOON)

    assert len(claim()) == 1


@pytest.mark.parametrize(
    "columns",
    [
        {"self_excluded_at": NOON},
        {"blocked_at": NOON},
        {"country": "FR"},
        {"consent_ad_user_data": False},
        {"app_system": "ios"},
    ],
)
def test_partners_read_the_same_word_whatever_the_reason(columns, monkeypatch):
    prohibit("FR")
    partner = make_partner()
    make_generic(partner=partner)
    conversion = make_first_deposit(make_player(partner=partner, **columns))
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "refusal_to_signal", lambda conversion, destination, *, at: "")
        payout = Money(amount=Decimal(1), currency="EUR")
        write_partner_postback(
            conversion, partner=partner, payout=payout, event="first_deposit", is_correction=False, at=NOON
        )
    claim()

    row = Postback.objects.get()
    assert row.state_reason not in ("", PARTNERS_WORD)
    assert word_for_partners(row) == "Not eligible."


@pytest.mark.parametrize(
    ("state", "word"),
    [("pending", "To be sent."), ("accepted", "Sent."), ("done", "Sent."), ("dead", "Could not be delivered.")],
)
def test_partners_read_what_became_of_all_others(state, word):
    assert word_for_partners(Postback(state=state, state_reason="Something internal.")) == word


@pytest.mark.parametrize("columns", [{"country": "us"}, {"country": "U"}, {"country": "US", "region": "w a"}])
def test_a_prohibited_jurisdiction_is_a_place(columns):
    with pytest.raises(IntegrityError, match="prohibited_jurisdiction_is_a_place"), transaction.atomic():
        ProhibitedJurisdiction.objects.create(**columns)


def test_a_prohibited_jurisdiction_stands_there_once():
    prohibit("US-WA", "US")

    with pytest.raises(IntegrityError, match="one_row_per_prohibited_jurisdiction"), transaction.atomic():
        ProhibitedJurisdiction.objects.create(country="US", region="WA")
