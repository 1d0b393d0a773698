"""Affiliate Control's events: an array of `{meta, data}`, HTTP Basic, and “OK” for an answer."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from conversions.dialects.dialect import Dialect, Fields, Message
from conversions.dialects.feed import claim_of, elements_of, require_basic
from conversions.dialects.postback import STATUSES, Names, Said, build_event, first_of, kind_of, status_in
from conversions.dialects.reading import MalformedEvent, country, sub_object
from conversions.domain.reported import Reported, ReportedRegistration
from conversions.models import Endpoint

_META = ("timestamp", "eventType", "brand", "btag", "playerId")
_DATA = ("amount", "currency", "transactionId", "status", "country")
_NAMES = Names(
    click=("click_id",),
    event=("eventType",),
    status=("status",),
    amount=("amount",),
    transaction=("transactionId",),
    player=("playerId",),
    time=("timestamp",),
)
_EVENTS = {"signup": "registration", "first_deposit": "deposit"}
_LONGEST_BODY = 32 * 1024 * 1024
_MOST_EVENTS = 20_000


def _read(message: Message, endpoint: Endpoint) -> list[Any]:
    return elements_of(message)


def _parse(fields: Fields, endpoint: Endpoint, at: datetime) -> Reported:
    flat = {**sub_object(fields, "data"), **sub_object(fields, "meta")}
    claim = claim_of(first_of(flat, ("btag",)))
    flat["click_id"] = claim.click_id
    word = first_of(flat, _NAMES.event)
    if not word:
        raise MalformedEvent("missing", "meta.eventType is required.", "meta.eventType")
    said = Said(
        word=word,
        kind=kind_of(word, endpoint, _EVENTS),
        status=status_in(flat, _NAMES.status, STATUSES),
        is_plain=False,
    )
    reported = build_event(_NAMES, flat, said, endpoint, at=at)
    if isinstance(reported, ReportedRegistration):
        return replace(reported, claim=claim, country=country(flat, "country"))
    return reported


def _answer(fields: Fields) -> str:
    return "OK"


DIALECT = Dialect(
    known=frozenset({"meta", "data", *(f"meta.{name}" for name in _META), *(f"data.{name}" for name in _DATA)}),
    parse=_parse,
    read=_read,
    authenticate=require_basic,
    answer=_answer,
    is_array=True,
    is_json=True,
    longest_body=_LONGEST_BODY,
    most_events=_MOST_EVENTS,
)
