"""Smartico's affiliation postbacks: lead registration, lead qualified, first and qualified first deposit."""

from conversions.dialects.dialect import Fields
from conversions.dialects.postback import STATUSES, Names, Said, first_of, kind_of, postback_dialect, status_in
from conversions.dialects.reading import MalformedEvent
from conversions.models import Endpoint

_NAMES = Names(
    click=("afp", "afp1", "click_id"),
    event=("event", "event_type"),
    status=("status",),
    amount=("amount", "deposit_amount"),
    transaction=("transaction_id",),
    player=("registration_id",),
)
_EVENTS = {
    "lead registration": "registration",
    "lead_registration": "registration",
    "lead qualified": "qualified",
    "lead_qualified": "qualified",
    "ftd": "deposit",
    "qftd": "qualified",
}


def _say(fields: Fields, endpoint: Endpoint) -> Said:
    word = first_of(fields, _NAMES.event)
    if not word:
        raise MalformedEvent("missing", "event is required, such as FTD.", "event")
    return Said(word=word, kind=kind_of(word, endpoint, _EVENTS), status=status_in(fields, _NAMES.status, STATUSES))


DIALECT = postback_dialect(_NAMES, _say)
