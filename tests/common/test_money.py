"""Money: exact in, rounded once."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from tracker_project.common.money import Money, parse_amount, round_money, validate_currency


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [
        ("0.125", "EUR", "0.12"),
        ("0.135", "EUR", "0.14"),
        ("-0.125", "EUR", "-0.12"),
        ("1280.5", "JPY", "1280"),
        ("1.0005", "KWD", "1.000"),
        ("0.123456785", "BTC", "0.12345678"),
    ],
)
def test_round_money_rounds_half_to_even_at_the_currencys_digits(amount, currency, rounded):
    assert str(round_money(Decimal(amount), currency)) == rounded


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [("100", "EUR", "100"), ("100.00", "EUR", "100.00"), ("5", "JPY", "5"), ("0.00000001", "BTC", "0.00000001")],
)
def test_parse_amount_keeps_every_digit(text, currency, amount):
    assert parse_amount(text, currency) == Decimal(amount)


@pytest.mark.parametrize(
    ("text", "currency"),
    [("10.001", "EUR"), ("1.5", "JPY"), ("-1", "EUR"), ("1e2", "EUR"), ("", "EUR"), (".5", "EUR"), ("NaN", "EUR"),
     ("1 000", "EUR"), ("10\n", "EUR"), ("9" * 21, "EUR")],
)  # fmt: skip
def test_parse_amount_never_rounds_or_guesses(text, currency):
    with pytest.raises(ValueError, match=r"digits"):
        parse_amount(text, currency)


def test_money_is_written_for_people():
    assert str(Money(amount=Decimal("1234567.5"), currency="EUR")) == "1,234,567.50 EUR"


@pytest.mark.parametrize("code", ["eur", "XXX", "", "EU", "EUR "])
def test_validate_currency_refuses_what_is_none(code):
    with pytest.raises(ValidationError):
        validate_currency(code)
