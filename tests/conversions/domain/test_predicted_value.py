"""Predicted lifetime value: the curve of earlier players, the prediction, and what is told anew when it moves."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from campaigns.models import Brand
from conversions.domain import dispatch, predicted_value
from conversions.domain.confirmation import confirm_accepted_postbacks
from conversions.domain.dispatch import Dispatcher
from conversions.domain.lifetime_value import write_lifetime_value
from conversions.domain.outbox import write_postbacks
from conversions.domain.predicted_value import curves_in_words, write_value_curves
from conversions.domain.preview import preview_postback
from conversions.domain.restatement import state_predictions_anew
from conversions.models import Conversion, Player, Postback, ValueCurvePoint
from conversions.postbacks import google, google_tokens
from tests.conversions.delivering import deliver_all
from tests.conversions.postbacks.rows import (
    GCLID,
    clicked_with,
    make_conversion,
    make_first_deposit,
    make_google,
    make_google_ads,
    make_meta,
    make_player,
)
from tests.outside.receivers import Receiver
from tests.world import NOON, make_brand, make_platform
from tracker_project.common.database import broken_constraint
from tracker_project.common.money import Money

pytestmark = pytest.mark.django_db

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _three_players_are_enough(monkeypatch):
    monkeypatch.setattr(predicted_value, "LEAST_PLAYERS", 3)


def deposit(player: Player, amount: str, at, **columns: Any) -> Conversion:
    rate = {"reporting_currency": "EUR", "exchange_rate": Decimal(1), "exchange_rate_on": at.date()}
    make: Callable[..., Conversion] = columns.pop("make", make_conversion)
    return make(player, amount=Decimal(amount), reporting_amount=Decimal(amount), occurred_at=at, **rate, **columns)


def earlier_players(brand: Brand, *, number: int = 3, began=NOON - 200 * DAY) -> None:
    """Make players who each deposited 100 first, 50 ten days later, and 150 after a hundred days."""
    platform = make_platform(brand=brand)
    for _ in range(number):
        player = make_player(platform=platform)
        for amount, days in (("100", 0), ("50", 10), ("150", 100)):
            deposit(player, amount, began + days * DAY)
        write_lifetime_value(player, at=NOON)


def new_player(brand: Brand, *amounts: str, at=NOON) -> Player:
    """Make a player from Google who deposits these amounts, all at one instant."""
    player = make_player(platform=make_platform(brand=brand), click_facts=clicked_with(gclid=GCLID))
    for amount in amounts:
        deposit(player, amount, at)
    write_lifetime_value(player, at=at)
    return player


def predicted(player: Player, at) -> Money:
    return predicted_value.predicted_value(player, at=at)


def euros(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency="EUR")


def test_write_value_curves_adds_up_what_earlier_players_deposited_by_day():
    brand = make_brand()
    earlier_players(brand)

    assert write_value_curves(at=NOON) == 1

    amounts = dict(ValueCurvePoint.objects.values_list("day", "amount"))
    assert len(amounts) == 181
    assert [amounts[day] for day in (0, 9, 10, 99, 100, 180)] == [300, 300, 450, 450, 900, 900]
    assert set(ValueCurvePoint.objects.values_list("players", flat=True)) == {3}


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(0), "120"),
        (9 * DAY, "120"),
        (9.5 * DAY, "96"),
        (10 * DAY, "80"),
        (99 * DAY, "80"),
        (100 * DAY, "40"),
        (180 * DAY, "40"),
        (5000 * DAY, "40"),
    ],
)
def test_predicted_value_grows_what_was_deposited_as_it_grew_for_earlier_players(age, expected):
    brand = make_brand()
    earlier_players(brand)
    write_value_curves(at=NOON)

    assert predicted(new_player(brand, "40"), NOON + age) == euros(expected)


def test_predicted_value_is_what_was_deposited_where_there_are_too_few_earlier_players():
    brand = make_brand()
    earlier_players(brand, number=2)

    assert write_value_curves(at=NOON) == 0
    assert predicted(new_player(brand, "40"), NOON) == euros("40")


def test_predicted_value_goes_by_the_players_own_brand():
    brand, other = make_brand(), make_brand()
    earlier_players(other)
    write_value_curves(at=NOON)

    assert predicted(new_player(brand, "40"), NOON) == euros("40")
    assert predicted(new_player(other, "40"), NOON) == euros("120")


def test_predicted_value_of_who_never_deposited_is_nothing():
    assert predicted(make_player(), NOON) == euros("0")


@pytest.mark.parametrize("began", [NOON - 179 * DAY, NOON - 600 * DAY])
def test_write_value_curves_leaves_out_who_has_not_reached_the_horizon_or_did_so_long_ago(began):
    earlier_players(make_brand(), began=began)

    assert write_value_curves(at=NOON) == 0


def test_write_value_curves_leaves_out_tests_and_what_was_taken_back():
    brand = make_brand()
    earlier_players(brand)
    Player.objects.filter(pk=Player.objects.earliest("pk").pk).update(is_test=True)
    earlier_players(brand, number=1)
    player = Player.objects.latest("pk")
    player.conversions.filter(amount=150).update(status="charged_back", reversed_at=NOON)

    write_value_curves(at=NOON)

    assert ValueCurvePoint.objects.get(day=180).amount == 300 + 300 + 150


def test_write_value_curves_replaces_a_curve_and_drops_one_that_has_too_few_players():
    brand = make_brand()
    earlier_players(brand)
    write_value_curves(at=NOON)
    write_value_curves(at=NOON + DAY)
    assert ValueCurvePoint.objects.filter(computed_at=NOON + DAY).count() == 181

    write_value_curves(at=NOON + 400 * DAY)

    assert not ValueCurvePoint.objects.exists()


def test_curves_in_words_names_the_brands():
    assert curves_in_words() == "Values can be predicted for no brand yet."
    brand = make_brand(name="Lotus")
    earlier_players(brand)
    write_value_curves(at=NOON)

    assert curves_in_words() == "Values can be predicted for Lotus (3 players)."


def test_a_postback_keeps_the_prediction_that_stood_when_it_was_written():
    brand = make_brand()
    earlier_players(brand)
    write_value_curves(at=NOON)
    make_meta(value_kind="predicted")
    player = new_player(brand)
    first = deposit(player, "40", NOON, make=make_first_deposit)
    write_lifetime_value(player, at=NOON)

    write_postbacks(first, at=NOON)
    ValueCurvePoint.objects.all().delete()

    row = Postback.objects.get()
    assert (row.predicted_value, row.predicted_currency) == (Decimal(120), "EUR")


def test_preview_shows_the_prediction():
    brand = make_brand()
    earlier_players(brand)
    write_value_curves(at=NOON)
    player = new_player(brand)
    first = deposit(player, "40", NOON, make=make_first_deposit)
    write_lifetime_value(player, at=NOON)

    preview = preview_postback(first, make_google(value_kind="predicted"), at=NOON)

    assert '"conversionValue":120.00' in preview.request


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [({"amount": 0}, "value_curve_point_is_positive"), ({"players": 0}, "value_curve_point_is_positive")],
)
def test_a_curve_has_no_point_without_players_or_money(columns, constraint):
    point = {"brand": make_brand(), "day": 0, "players": 1, "amount": 1, "computed_at": NOON}

    with pytest.raises(IntegrityError) as raised, transaction.atomic():
        ValueCurvePoint.objects.create(**point | columns)

    assert broken_constraint(raised.value) == constraint


def test_a_curve_has_one_point_a_day():
    point = {"brand": make_brand(), "day": 0, "players": 1, "amount": 1, "computed_at": NOON}
    ValueCurvePoint.objects.create(**point)

    with pytest.raises(IntegrityError, match="one_value_curve_point_per_brand_and_day"), transaction.atomic():
        ValueCurvePoint.objects.create(**point)


@pytest.mark.parametrize("columns", [{"predicted_value": 1}, {"predicted_value": -1, "predicted_currency": "EUR"}])
def test_a_predicted_value_has_its_currency(columns):
    make_meta()
    write_postbacks(make_first_deposit(), at=NOON)

    with pytest.raises(IntegrityError, match="predicted_value_has_its_currency"), transaction.atomic():
        Postback.objects.update(**columns)


def test_predicted_values_are_not_told_with_each_deposit():
    with pytest.raises(IntegrityError, match="value_so_far_is_told_once"), transaction.atomic():
        make_meta(value_kind="predicted", on_deposit=True)


# Told anew.


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


def settle(receiver: Receiver, at) -> None:
    deliver_all(at)
    receiver.google.judge()
    confirm_accepted_postbacks(clock=lambda: at + MINUTE)


def told_values(receiver: Receiver) -> list[tuple[float | None, int]]:
    return [(each.value, each.times_stated) for each in receiver.google.conversions.values()]


@pytest.fixture
def told(receiver: Receiver) -> Player:
    """Return a player whose first deposit of 40 Google heard of as 120."""
    brand = make_brand()
    earlier_players(brand)
    write_value_curves(at=NOON)
    make_google(value_kind="predicted")
    player = new_player(brand)
    first = deposit(player, "40", NOON, make=make_first_deposit)
    write_lifetime_value(player, at=NOON)
    write_postbacks(first, at=NOON)
    settle(receiver, NOON)
    assert told_values(receiver) == [(120, 1)]
    return player


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("amount", "restated", "value"), [("8", 0, 120), ("8.01", 1, 144.03), ("60", 1, 300)])
def test_a_prediction_that_moves_by_more_than_a_fifth_is_told_anew(receiver, told, amount, restated, value):
    deposit(told, amount, NOON + MINUTE)
    write_lifetime_value(told, at=NOON + MINUTE)

    assert state_predictions_anew(at=NOON + 2 * MINUTE, limit=10) == restated
    settle(receiver, NOON + 2 * MINUTE)

    assert told_values(receiver) == [(value, 1 + restated)]
    assert state_predictions_anew(at=NOON + 90 * MINUTE, limit=10) == 0


@pytest.mark.django_db(transaction=True)
def test_a_prediction_falls_when_the_player_stays_away(receiver, told):
    assert state_predictions_anew(at=NOON + 10 * DAY, limit=10) == 1
    settle(receiver, NOON + 10 * DAY)

    assert told_values(receiver) == [(80, 2)]


@pytest.mark.django_db(transaction=True)
def test_a_prediction_is_told_anew_once_an_hour_and_while_none_is_on_its_way(receiver, told):
    deposit(told, "60", NOON + MINUTE)
    write_lifetime_value(told, at=NOON + MINUTE)

    assert state_predictions_anew(at=NOON + 2 * MINUTE, limit=10) == 1
    assert state_predictions_anew(at=NOON + 80 * MINUTE, limit=10) == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "columns", [{"status": "charged_back", "reversed_at": NOON}, {"status": "rejected", "is_first_deposit": False}]
)
def test_a_prediction_of_what_no_longer_stands_is_not_told_anew(receiver, told, columns):
    Conversion.objects.filter(player=told).update(**columns)

    assert state_predictions_anew(at=NOON + 10 * DAY, limit=10) == 0


@pytest.mark.django_db(transaction=True)
def test_a_prediction_is_not_told_anew_where_the_platform_keeps_what_it_heard(told):
    Postback.objects.update(destination=make_meta(value_kind="predicted"))

    assert state_predictions_anew(at=NOON + 10 * DAY, limit=10) == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("make", "days", "owed"),
    [
        (make_google, 53, 1),
        (make_google, 88, 1),
        (make_google, 89, 0),
        (make_google_ads, 53, 1),
        (make_google_ads, 55, 0),
    ],
)
def test_a_prediction_is_told_anew_only_while_google_takes_it(told, make, days, owed):
    Postback.objects.update(destination=make(value_kind="predicted"))

    assert state_predictions_anew(at=NOON + days * DAY, limit=10) == owed
