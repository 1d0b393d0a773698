"""Voluum's postback: `cid` alone is a conversion, `et` names another kind of event."""

from conversions.dialects.dialect import Fields
from conversions.dialects.postback import Names, Said, first_of, kind_of, postback_dialect
from conversions.models import Endpoint

_NAMES = Names(
    click=("cid",),
    event=("et",),
    amount=("payout",),
    transaction=("txid",),
)
_DEFAULT_EVENT = "sale"


def _say(fields: Fields, endpoint: Endpoint) -> Said:
    word = first_of(fields, _NAMES.event)
    return Said(word=word or _DEFAULT_EVENT, kind=kind_of(word or _DEFAULT_EVENT, endpoint), is_plain=not word)


DIALECT = postback_dialect(_NAMES, _say)
