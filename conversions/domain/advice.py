"""What a casino's developer has to change, in plain words, by what he was answered."""

from collections.abc import Iterator
from typing import Any

_BY_CODE = {
    "bad_signature": (
        "Sign id, timestamp and body with a dot between each, the body byte for byte as it is sent; the key is what "
        "base64 after whsec_ decodes to. If that is right, the secret is another one: ask the operator for a new one."
    ),
    "missing_signature": "Send all three headers: webhook-id, webhook-timestamp and webhook-signature.",
    "bad_timestamp": "Write webhook-timestamp in whole seconds since 1970, not in milliseconds and not as a date.",
    "timestamp_outside_tolerance": (
        "Sign anew for every try, with the time of that try, and set your server's clock by NTP."
    ),
    "bad_webhook_id": "Give each message a webhook-id of at most 200 printable characters.",
    "address_not_allowed": "It came from an address that is not on your list: tell the operator from where you send.",
    "unsupported_media_type": "Send the header Content-Type: application/json.",
    "too_large": "Send fewer events in one message.",
    "malformed_json": "Send JSON in UTF-8; have your language's JSON library write it.",
    "missing": "Add the field; null and an empty text count as missing.",
    "wrong_type": 'Write the field as the description says: amounts and ids are strings, as in "120.00".',
    "wrong_length": "Mind the length that the answer names.",
    "bad_characters": "Remove control characters, and blanks at both ends.",
    "bad_time": "Write times as RFC 3339 with an offset, as in 2026-11-22T10:05:00Z.",
    "bad_date": "Write days as in 2026-11-22.",
    "too_early": "Check the time: it may be in seconds where milliseconds were meant.",
    "in_the_future": "Set your server's clock by NTP, and check the offset that you write.",
    "bad_amount": "Write amounts as plain digits, more than 0, with no more digits than the currency has.",
    "unknown_currency": "Write the currency's ISO 4217 code in capitals, as in EUR.",
    "bad_country": "Write the country as two letters, as in MT.",
    "bad_count": "Write counts as whole numbers from 0 on.",
    "not_registered": "Send the registration of this player; what you said of it waits until then.",
    "bad_key": "Show the key that you were given, whole. If it is lost, ask the operator for a new one.",
    "missing_key": "Send the key with each request, where the answer says.",
    "no_signing_secret": "Ask the operator to enter the secret that you sign with.",
    "malformed_form": "Encode parameters as addresses want it: percent signs, in UTF-8.",
    "malformed_message": "Send what your description of this endpoint says; the answer tells what could not be read.",
    "too_many_fields": "Send fewer parameters.",
    "unknown_status": "Use one of the statuses that the answer names.",
    "unknown_event": "Use one of the types that the answer names.",
    "unknown_mode": "Use one of the modes that the answer names.",
    "unknown_activity": "Use one of the activities that the answer names.",
    "unknown_activity_kind": "Use one of the kinds that the answer names.",
    "doubled": "Send each field, and each id of a list, once.",
    "contradiction": "The number and the list of ids beside it must agree.",
    "event_conflict": (
        "This event_id was used before for something else. A new fact needs a new event_id; a retry must say the same."
    ),
    "webhook_id_reused": "This webhook-id was used before for another event. Each message needs its own.",
    "transaction_conflict": (
        "Player, amount and currency of a transaction never change. A new deposit needs a new transaction_id."
    ),
    "player_already_registered": "This player registered before with other details; the first report stands.",
    "activity_conflict": "Report a day either as totals or as deltas, not both.",
    "totals_conflict": "A corrected count needs an event_id of its own and a later counted_at.",
}
_BY_REASON = {
    "names_nobody": "Send player_id, or the click_id that the player brought.",
    "malformed_click_id": "Send the click_id unchanged: the 48 characters that stood in the address.",
    "forged_click_id": "The click_id was changed on its way: store it as it came, with all its characters.",
    "unknown_link": "The click belongs to a link that is not here: check that it is not from another system.",
    "unknown_player": "Nothing yet: it is recorded when the player's registration arrives. Send that too.",
    "several_players": "Send player_id as well: several players came by this click.",
    "unknown_transaction": "Nothing yet: it is recorded when the deposit arrives. Send that too.",
    "unknown_event_name": "Tell the operator what this event means, so that it can be mapped.",
    "no_amount": "Send the amount and its currency.",
}
_OTHERWISE = "Read the answer, and ask the operator if it does not say enough."


def has_advice(code: str) -> bool:
    return code in _BY_CODE or code in _BY_REASON


def advice_on(status: int, answer: Any) -> list[str]:
    """Return what is to be changed after an answer, each advice once; empty where nothing is."""
    return list(dict.fromkeys(filter(None, _advice(status, answer))))


def _advice(status: int, answer: Any) -> Iterator[str]:
    if isinstance(answer, list):
        for element in answer:
            yield from _advice(int(element["status"]), element["answer"])
    elif status >= 400:
        yield _BY_CODE.get(answer["error"]["code"], _OTHERWISE)
    elif status == 202:
        yield _BY_REASON.get(answer["reason"], _OTHERWISE)
