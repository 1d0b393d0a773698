"""Affilka's operator feed: players who registered, signed with HMAC-SHA512 over the raw body."""

import hashlib
import hmac
from datetime import datetime
from typing import Any

from conversions.dialects.dialect import Dialect, Fields, Message, NotAuthentic, shows_key
from conversions.dialects.feed import elements_of, registration
from conversions.domain.reported import Reported
from conversions.models import Endpoint

_NAMES = {"player": "user_id", "tag": "tag", "time": "sign_up_at", "country": "country"}


def _authenticate(message: Message, endpoint: Endpoint) -> None:
    key = message.headers.get("x-authorization-key", "")
    signature = message.headers.get("x-authorization-sign", "")
    if not key or not signature:
        raise NotAuthentic("missing_signature", "X-Authorization-Key and X-Authorization-Sign are required.")
    if not shows_key(endpoint, key):
        raise NotAuthentic("bad_key", "X-Authorization-Key is not the endpoint's key.")
    if not endpoint.signing_secret:
        raise NotAuthentic("no_signing_secret", "The endpoint has no signing secret yet: ask the operator.")
    expected = hmac.digest(endpoint.signing_secret.encode(), message.body, hashlib.sha512).hex()
    if not hmac.compare_digest(expected.encode(), signature.lower().encode("utf-8", "replace")):
        raise NotAuthentic("bad_signature", "X-Authorization-Sign does not fit: sign the body's exact bytes.")


def _read(message: Message, endpoint: Endpoint) -> list[Any]:
    return elements_of(message, "players")


def _parse(fields: Fields, endpoint: Endpoint, at: datetime) -> Reported:
    return registration(fields, _NAMES, endpoint, at=at)


DIALECT = Dialect(
    known=frozenset(_NAMES.values()),
    parse=_parse,
    read=_read,
    authenticate=_authenticate,
    is_array=True,
    is_json=True,
    array_status=200,
)
