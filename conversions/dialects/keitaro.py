"""Keitaro's postback: the status is the event, and the address itself may say which words mean which."""

from conversions.dialects.dialect import Fields
from conversions.dialects.postback import Names, Said, first_of, kind_of, postback_dialect
from conversions.dialects.reading import MalformedEvent
from conversions.models import Endpoint

_MAPS = {
    "lead_status": "lead",
    "sale_status": "sale",
    "rebill_status": "sale",
    "rejected_status": "rejection",
    "trash_status": "rejection",
    "ignore_status": "ignore",
}
_NAMES = Names(
    click=("subid",),
    status=("status",),
    amount=("payout", "revenue"),
    transaction=("tid",),
    others=("cost", "return", *_MAPS),
)
_DEFAULT_STATUS = "sale"
_LONGEST_ANSWER = 100


def _say(fields: Fields, endpoint: Endpoint) -> Said:
    word = first_of(fields, _NAMES.status) or _DEFAULT_STATUS
    kind = kind_of(word, endpoint, _words_of_the_address(fields))
    if word.casefold() == "rebill" and not first_of(fields, _NAMES.transaction):
        raise MalformedEvent("missing", "A rebill needs its own tid.", "tid")
    return Said(word=word, kind=kind)


def _words_of_the_address(fields: Fields) -> dict[str, str]:
    words: dict[str, str] = {}
    for name, kind in _MAPS.items():
        for word in first_of(fields, (name,)).split(","):
            words.setdefault(word.strip().casefold(), kind)
    words.pop("", None)
    return words


def _answer(fields: Fields) -> str:
    wanted = fields.get("return")
    return wanted[:_LONGEST_ANSWER] if isinstance(wanted, str) and wanted.isprintable() else ""


DIALECT = postback_dialect(_NAMES, _say, answer=_answer)
