"""Affise's postback: `goal` names the event, `status` is a number, `action_id` the transaction."""

from conversions.dialects.dialect import Fields
from conversions.dialects.postback import Names, Said, first_of, kind_of, postback_dialect, status_in
from conversions.models import Endpoint

_NAMES = Names(
    click=("clickid", "click_id"),
    event=("goal",),
    status=("status",),
    amount=("sum",),
    transaction=("action_id", "transactionid"),
    player=("user_id",),
    promo_code=("promo_code",),
    key=("secure", "key", "secret"),
)
_EVENTS = {"1": "sale"}
_STATUSES = {"1": "confirmed", "2": "pending", "3": "rejected", "5": "pending"}
_DEFAULT_GOAL = "1"


def _say(fields: Fields, endpoint: Endpoint) -> Said:
    word = first_of(fields, _NAMES.event) or _DEFAULT_GOAL
    status = status_in(fields, _NAMES.status, _STATUSES)
    return Said(
        word=word, kind=kind_of(word, endpoint, _EVENTS), status=status, is_plain=word.casefold() == _DEFAULT_GOAL
    )


DIALECT = postback_dialect(_NAMES, _say)
