"""A click as it is stored, and the facts of it that macros show."""

import os
import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from hmac import digest
from json.encoder import encode_basestring

from attribution.edge.decision import Decision
from attribution.edge.parameters import NAMES, POSITIONS, SUB_IDS
from attribution.edge.routes import Campaign, Route
from attribution.edge.rows import NULL, column, columns_of
from attribution.edge.visit import Visit
from campaigns.domain.filters import PLATFORM_CLICK_IDS
from tracker_project.common.money import is_currency

_COST = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,30})?|\.[0-9]{1,30}", re.ASCII)
_SMALLEST_COST = Decimal("0.00000001")
_COST_LIMIT = Decimal(10) ** 10
_COST_POSITION = POSITIONS["cost"]
_CURRENCY_POSITION = POSITIONS["cost_currency"]
_SUB_IDS = slice(POSITIONS[SUB_IDS[0]], POSITIONS[SUB_IDS[-1]] + 1)
_PLATFORM_CLICK_IDS = slice(POSITIONS[PLATFORM_CLICK_IDS[0]], len(NAMES))
_NO_PLATFORM_CLICK_IDS: Sequence[str | None] = [None] * len(PLATFORM_CLICK_IDS)
_NO_SUB_IDS: Sequence[str | None] = [None] * len(SUB_IDS)
_NO_SUB_ID_COLUMNS = "\t".join([NULL] * len(SUB_IDS))
_NO_COST_COLUMNS = "\t".join([NULL] * 6)
_NOT_CONVERTED = "\t".join([NULL] * 5)
_NO_RATE = "\t".join([NULL] * 3)
_FLAGS = {None: NULL, True: "t", False: "f"}
_KEYED_NAMES = [f'"{name}": ' for name in PLATFORM_CLICK_IDS]
_RANDOM_BYTES = 10 * 256


class _Randomness:
    """Random bytes, asked of the system for many clicks at once; a forked process asks for its own."""

    def __init__(self) -> None:
        self._bytes = b""
        self._position = 0
        os.register_at_fork(after_in_child=self._forget)

    def ten(self) -> bytes:
        position = self._position
        if position >= len(self._bytes):
            self._bytes, position = os.urandom(_RANDOM_BYTES), 0
        self._position = position + 10
        return self._bytes[position : position + 10]

    def _forget(self) -> None:
        self._bytes, self._position = b"", 0


_RANDOMNESS = _Randomness()


def new_click_key(milliseconds: int) -> bytes:
    """Return a UUIDv7 for a Unix time as its 16 bytes."""
    random = _RANDOMNESS.ten()
    return b"%b%c%c%c%b" % (
        milliseconds.to_bytes(6, "big"),
        0x70 | random[0] & 0x0F,
        random[1],
        0x80 | random[2] & 0x3F,
        random[3:],
    )


def milliseconds_of(click_key: bytes) -> int:
    """Return the Unix time that a key carries."""
    return int.from_bytes(click_key[:6], "big")


def signed(click_key: bytes, link_bytes: bytes, key: bytes) -> str:
    """Return the click id of a key and link, as `click_ids.sign_click_id` makes it."""
    body = click_key + link_bytes
    return (body + digest(key, body, "sha256")[:4]).hex()


def click_line(click_id: str, route: Route, visit: Visit, decision: Decision) -> str:
    """Return a click's row as one line, its columns in the order of `rows.CLICKS`."""
    values = visit.values
    visitor_key = visit.visitor_key
    sub_ids = values[_SUB_IDS]
    external_id, keyword, placement = values[:3]
    return (
        f"{click_id[:32]}\t{route.columns}\t{decision.columns}\t{visit.kind}\t"
        f"{NULL if visitor_key is None else visitor_key}\t{_FLAGS[visit.is_unique]}\t"
        f"{visit.place.columns}\t{visit.user_agent.columns}\t{visit.language or NULL}\t{visit.network_of.columns}\t"
        f"{NULL if visit.hints is None else column(visit.hints)}\t{_FLAGS[visit.consent]}\t{visit.network or NULL}\t"
        f"{column(visit.referrer)}\t{platform_click_ids_column(values)}\t{column(external_id)}\t{column(keyword)}\t"
        f"{column(placement)}\t{cost_columns(values, route.campaign)}\t"
        f"{_NO_SUB_ID_COLUMNS if sub_ids == _NO_SUB_IDS else columns_of(sub_ids)}\n"
    )


def click_facts(click_id: str, visit: Visit) -> list[str | None]:
    """Return what macros show of a click, in the order of `macros.FACTS`."""
    place, user_agent = visit.place, visit.user_agent
    return [
        click_id,
        *visit.values,
        place.country,
        place.region,
        place.city,
        visit.language,
        user_agent.device,
        user_agent.os,
        user_agent.browser,
        str(visit.milliseconds // 1000),
        str(int(click_id[20:32], 16)),
    ]


def cost_in_currency(values: Sequence[str | None], campaign: Campaign) -> str | None:
    """Return a click's cost in its campaign's currency; None without one, or without a rate for its currency."""
    cost = values[_COST_POSITION]
    if cost is None:
        return None
    currency = cost_currency(values, campaign)
    if currency == campaign.currency:
        return cost
    rate = campaign.rates.get(currency)
    return _converted(cost, rate.rate) if rate is not None else None


def cost_currency(values: Sequence[str | None], campaign: Campaign) -> str:
    """Return the currency that the click's URL names, if it is one at all, else its source's."""
    named = values[_CURRENCY_POSITION]
    if named is not None and is_currency(named.upper()):
        return named.upper()
    return campaign.cost_currency


def cost_columns(values: Sequence[str | None], campaign: Campaign) -> str:
    """Return cost, original cost and currency, rate, its date and source; a cost without a rate is kept as it came."""
    cost = values[_COST_POSITION]
    if cost is None:
        return _NO_COST_COLUMNS
    currency = cost_currency(values, campaign)
    if currency == campaign.currency:
        return f"{cost}\t{_NOT_CONVERTED}"
    rate = campaign.rates.get(currency)
    if rate is None:
        return f"{NULL}\t{cost}\t{currency}\t{_NO_RATE}"
    return f"{_converted(cost, rate.rate)}\t{cost}\t{currency}\t{rate.columns}"


@lru_cache(maxsize=10_000)
def read_cost(text: str | None) -> str | None:
    """Return a cost as plain digits with at most eight decimals; None for what is no amount below 10^10."""
    if text is None or not _COST.fullmatch(text):
        return None
    cost = Decimal(text).quantize(_SMALLEST_COST, ROUND_HALF_UP)
    if cost >= _COST_LIMIT:
        return None
    digits = f"{cost:f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def named_platform_click_ids(values: Sequence[str | None]) -> dict[str, str]:
    """Return the platforms' click ids that came along, by name."""
    found = values[_PLATFORM_CLICK_IDS]
    return {name: value for name, value in zip(PLATFORM_CLICK_IDS, found, strict=True) if value is not None}


def platform_click_ids_column(values: Sequence[str | None]) -> str:
    """Return the platforms' click ids that came along, by name as JSON."""
    found = values[_PLATFORM_CLICK_IDS]
    if found == _NO_PLATFORM_CLICK_IDS:
        return NULL
    named = [
        f"{name}{encode_basestring(value)}"
        for name, value in zip(_KEYED_NAMES, found, strict=True)
        if value is not None
    ]
    text = f"{{{', '.join(named)}}}"
    return text.replace("\\", "\\\\") if "\\" in text else text


@lru_cache(maxsize=10_000)
def _converted(cost: str, rate: Decimal) -> str:
    converted = (Decimal(cost) * rate).quantize(_SMALLEST_COST, ROUND_HALF_UP)
    return f"{min(converted, _COST_LIMIT - _SMALLEST_COST):f}"
