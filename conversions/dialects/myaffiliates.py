"""MyAffiliates' feed: players who registered, one by GET or many in a JSON array; HTTP Basic."""

from datetime import datetime
from typing import Any

from conversions.dialects.dialect import Dialect, Fields, Message
from conversions.dialects.feed import elements_of, registration, require_basic
from conversions.domain.reported import Reported
from conversions.models import Endpoint

_NAMES = {"player": "CLIENT_REFERENCE", "tag": "TOKEN", "time": "JOIN_DATE", "country": "COUNTRY"}


def _read(message: Message, endpoint: Endpoint) -> list[Any]:
    return elements_of(message) if message.body else [dict(message.parameters)]


def _parse(fields: Fields, endpoint: Endpoint, at: datetime) -> Reported:
    return registration(fields, _NAMES, endpoint, at=at)


DIALECT = Dialect(
    known=frozenset({*_NAMES.values(), "FEED_ID"}),
    parse=_parse,
    read=_read,
    authenticate=require_basic,
    is_array=True,
    is_json=True,
    array_status=200,
)
