"""Everflow's postback: its `transaction_id` is the click; `event` or `event_id` names what is no base conversion."""

from conversions.dialects.dialect import Fields
from conversions.dialects.postback import Names, Said, first_of, kind_of, postback_dialect, status_in
from conversions.models import Endpoint

_NAMES = Names(
    click=("transaction_id",),
    event=("event", "event_name", "event_id", "adv_event_id"),
    status=("status",),
    amount=("revenue", "amount"),
    transaction=("order_id", "conversion_id"),
    promo_code=("coupon_code",),
    key=("verification_token", "key", "secret"),
    others=("nid",),
)
_EVENTS = {"base": "sale", "conversion": "sale"}
_STATUSES = {"approved": "confirmed", "pending": "pending", "rejected": "rejected", "invalid": "rejected"}
_DEFAULT_EVENT = "conversion"


def _say(fields: Fields, endpoint: Endpoint) -> Said:
    word = first_of(fields, _NAMES.event) or _DEFAULT_EVENT
    status = status_in(fields, _NAMES.status, _STATUSES)
    return Said(word=word, kind=kind_of(word, endpoint, _EVENTS), status=status, is_plain=word.casefold() in _EVENTS)


DIALECT = postback_dialect(_NAMES, _say)
