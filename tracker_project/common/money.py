"""Money: Decimal with a currency beside it, one rounding function, exact parts."""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from django.core.exceptions import ValidationError

# ISO 4217 minor units that are not 2, and the digits kept of crypto currencies (commissions.md).
_DIGITS = {
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0, "UGX": 0,
    "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
    "USDT": 6, "USDC": 6, "TRX": 6, "XRP": 6, "BTC": 8, "ETH": 8, "LTC": 8, "DOGE": 8, "SOL": 8,
}  # fmt: skip

# ISO 4217's active codes (amendment 179) and the crypto currencies that casinos take.
CURRENCIES = frozenset(
    """AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP
    CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF
    IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD
    MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB
    RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD
    UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG USDT USDC BTC ETH LTC DOGE TRX XRP SOL""".split()
)

MAX_DIGITS = 28
DECIMAL_PLACES = 8
# Columns hold 20 digits before the point: five stay free for sums, and for what amounts grow by in another currency.
_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,8})?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Money:
    """An amount in units of `currency` (not in cents)."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{format_amount(self.amount, self.currency)} {self.currency}"


def minor_digits(currency: str) -> int:
    """Return how many digits after the point `currency` has: JPY 0, EUR 2, KWD 3, BTC 8."""
    return _DIGITS.get(currency, 2)


def round_money(amount: Decimal, currency: str) -> Decimal:
    """Round half to even to the currency's minor unit; the only rounding that money gets."""
    return amount.quantize(Decimal(1).scaleb(-minor_digits(currency)), rounding=ROUND_HALF_EVEN)


def format_amount(amount: Decimal, currency: str) -> str:
    """Return `amount` with the currency's digits and thousands separated, for people."""
    return f"{round_money(amount, currency):,}"


def parse_amount(text: str, currency: str) -> Decimal:
    """Return the exact amount that `text` writes.

    Raises `ValueError` for anything but plain digits with an optional point, and for more digits after the point
    than the currency has: an amount is never rounded on its way in.
    """
    if not _AMOUNT.fullmatch(text):
        raise ValueError("write an amount as digits with an optional point, such as 120.00")
    amount = Decimal(text)
    if amount != round_money(amount, currency):
        raise ValueError(f"{currency} has {minor_digits(currency)} digits after the point")
    return amount


def is_currency(code: str) -> bool:
    return code in CURRENCIES


def validate_currency(code: str) -> None:
    """Refuse what is neither an ISO 4217 code nor a crypto currency that we know."""
    if not is_currency(code):
        raise ValidationError(f"“{code}” is not a currency code; write it in capitals, as in EUR.")
