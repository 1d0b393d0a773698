"""RedTrack's postback: `type` names the event, `status` how it stands, `rdtk_event_id` makes it one."""

from conversions.dialects.dialect import Fields
from conversions.dialects.postback import Names, Said, first_of, kind_of, postback_dialect, status_in
from conversions.models import Endpoint

_NAMES = Names(
    click=("clickid",),
    event=("type",),
    status=("status",),
    amount=("sum",),
    transaction=("txid", "transaction_id"),
    event_id=("rdtk_event_id",),
)
_EVENTS = {"conversion": "sale"}
_STATUSES = {"approved": "confirmed", "other": "confirmed", "pending": "pending", "declined": "rejected"}
_DEFAULT_EVENT = "conversion"


def _say(fields: Fields, endpoint: Endpoint) -> Said:
    word = first_of(fields, _NAMES.event) or _DEFAULT_EVENT
    status = status_in(fields, _NAMES.status, _STATUSES)
    is_plain = word.casefold() == _DEFAULT_EVENT
    return Said(word=word, kind=kind_of(word, endpoint, _EVENTS), status=status, is_plain=is_plain)


DIALECT = postback_dialect(_NAMES, _say)
