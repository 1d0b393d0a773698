"""A postback with our own names, for whoever can fill in an address and nothing else."""

from conversions.dialects.dialect import Fields
from conversions.dialects.postback import STATUSES, Names, Said, first_of, kind_of, postback_dialect, status_in
from conversions.dialects.reading import MalformedEvent
from conversions.models import Endpoint

_NAMES = Names(
    click=("click_id", "clickid"),
    event=("event", "goal"),
    status=("status",),
    amount=("amount",),
    transaction=("transaction_id", "tid"),
    event_id=("event_id",),
    player=("player_id",),
    promo_code=("promo_code",),
    time=("occurred_at", "timestamp"),
)


def _say(fields: Fields, endpoint: Endpoint) -> Said:
    word = first_of(fields, _NAMES.event)
    if not word:
        raise MalformedEvent("missing", "event is required, such as registration or deposit.", "event")
    return Said(word=word, kind=kind_of(word, endpoint), status=status_in(fields, _NAMES.status, STATUSES))


DIALECT = postback_dialect(_NAMES, _say)
