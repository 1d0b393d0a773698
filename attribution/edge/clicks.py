"""From a request to a click: what is stored of it, and where its visitor goes."""

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from json.encoder import encode_basestring
from typing import NamedTuple

from attribution.click_ids import new_uuid7, sign_click_id
from attribution.edge.geography import Place
from attribution.edge.parameters import NAMES, PLATFORM_CLICK_IDS, POSITIONS, SUB_IDS
from attribution.edge.rows import NULL, column
from attribution.edge.snapshot import Route
from attribution.edge.user_agents import UserAgent
from attribution.edge.visitor import Address

_COST = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,30})?|\.[0-9]{1,30}", re.ASCII)
_SMALLEST_COST = Decimal("0.00000001")
_COST_LIMIT = Decimal(10) ** 10
_COST_POSITION = POSITIONS["cost"]
_TEXTS = slice(0, _COST_POSITION)
_SUB_IDS = slice(POSITIONS[SUB_IDS[0]], POSITIONS[SUB_IDS[-1]] + 1)
_PLATFORM_CLICK_IDS = slice(POSITIONS[PLATFORM_CLICK_IDS[0]], len(NAMES))
_NO_PLATFORM_CLICK_IDS: Sequence[str | None] = [None] * len(PLATFORM_CLICK_IDS)
_NO_SUB_IDS: Sequence[str | None] = [None] * len(SUB_IDS)
_NO_SUB_ID_COLUMNS = "\t".join([NULL] * len(SUB_IDS))


class Click(NamedTuple):
    """A click that is about to be stored: its row, and the address that its visitor is sent to, if any."""

    line: str
    location: str | None


class Visit(NamedTuple):
    """What is known of a visitor when a link is opened."""

    kind: str
    place: Place
    user_agent: UserAgent
    address: Address | None
    referrer_host: str | None
    values: list[str | None]


def make_click(route: Route, visit: Visit, *, milliseconds: int, key: bytes) -> Click:
    """Issue a click id for a visit of a link at a Unix time and write the click down under it."""
    kind, place, user_agent, address, referrer, values = visit
    click_id = sign_click_id(new_uuid7(milliseconds).bytes, route.link_id, key)
    values[_COST_POSITION] = read_cost(values[_COST_POSITION])
    line = (
        f"{click_id[:32]}\t{route.columns}\t{kind}\t{place.columns}\t{user_agent.columns}\t"
        f"{address.network if address else NULL}\t{column(referrer)}\t{_parameter_columns(values)}\n"
    )
    if route.offer is None:
        return Click(line, None)
    facts = [
        click_id,
        *values,
        place.country,
        place.city,
        user_agent.device,
        user_agent.os,
        str(milliseconds // 1000),
    ]
    return Click(line, route.offer.fill(facts))


def read_cost(text: str | None) -> str | None:
    """Return a cost as plain digits with at most eight decimals; None for what is no amount below 10^10."""
    if text is None or not _COST.fullmatch(text):
        return None
    cost = Decimal(text).quantize(_SMALLEST_COST, ROUND_HALF_UP)
    if cost >= _COST_LIMIT:
        return None
    return f"{cost:f}".rstrip("0").rstrip(".")


def _parameter_columns(values: Sequence[str | None]) -> str:
    external_id, keyword, placement = values[_TEXTS]
    sub_ids = values[_SUB_IDS]
    sub_id_columns = _NO_SUB_ID_COLUMNS if sub_ids == _NO_SUB_IDS else "\t".join(map(column, sub_ids))
    return (
        f"{_platform_click_ids(values[_PLATFORM_CLICK_IDS])}\t{column(external_id)}\t{column(keyword)}\t"
        f"{column(placement)}\t{column(values[_COST_POSITION])}\t{sub_id_columns}"
    )


def _platform_click_ids(values: Sequence[str | None]) -> str:
    if values == _NO_PLATFORM_CLICK_IDS:
        return NULL
    named = [
        f'"{name}": {encode_basestring(value)}'
        for name, value in zip(PLATFORM_CLICK_IDS, values, strict=True)
        if value is not None
    ]
    return f"{{{', '.join(named)}}}".replace("\\", "\\\\")
