"""Binom's postback, of both versions; updates of a click's own events are no conversions."""

from conversions.dialects.dialect import Fields, IgnoredEvent
from conversions.dialects.postback import Names, Said, first_of, kind_of, postback_dialect
from conversions.models import Endpoint

_NAMES = Names(
    click=("cnv_id",),
    status=("cnv_status", "cnv_status2"),
    amount=("payout",),
    transaction=("txid", "cnv_tid"),
    currency=("cnv_currency",),
    key=("key", "secret", "upd_key"),
    others=("upd_clickid",),
)
_DEFAULT_STATUS = "sale"
_STATUSES = {"approved": "sale", "confirmed": "sale", "declined": "rejection", "hold": "lead"}


def _say(fields: Fields, endpoint: Endpoint) -> Said:
    if first_of(fields, ("upd_clickid",)) and not first_of(fields, _NAMES.click):
        raise IgnoredEvent("click update")
    word = first_of(fields, _NAMES.status) or _DEFAULT_STATUS
    return Said(word=word, kind=kind_of(word, endpoint, _STATUSES))


DIALECT = postback_dialect(_NAMES, _say)
