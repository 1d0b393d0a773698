"""Trackier's customer feed: a player who registered, with the key in x-api-key."""

from datetime import datetime
from typing import Any

from conversions.dialects.dialect import Dialect, Fields, Message
from conversions.dialects.feed import elements_of, registration
from conversions.dialects.postback import require_key
from conversions.domain.reported import Reported
from conversions.models import Endpoint

_NAMES = {"player": "customerId", "tag": "trackingToken", "time": "date", "country": "country"}


def _read(message: Message, endpoint: Endpoint) -> list[Any]:
    return elements_of(message)


def _parse(fields: Fields, endpoint: Endpoint, at: datetime) -> Reported:
    return registration(fields, _NAMES, endpoint, at=at)


DIALECT = Dialect(
    known=frozenset({*_NAMES.values(), "currency", "productId"}),
    parse=_parse,
    read=_read,
    authenticate=require_key,
    is_array=True,
    is_json=True,
    array_status=200,
)
