"""Macros of postback URLs: which exist, where in an address they may stand, and how they are filled in."""

from collections.abc import Mapping
from urllib.parse import quote

from campaigns.domain.macros import MACRO, validate_url_template

POSTBACK_MACROS: dict[str, str] = {
    "event": "registration, first_deposit or deposit",
    "status": "approved, or rejected for a correction",
    "transaction_id": "the id to de-duplicate on, the same on every try and for a correction",
    "click_id": "our click id",
    "external_id": "the source's or partner's own click id",
    **{f"sub_id_{number}": f"sub id {number} of the click" for number in range(1, 11)},
    "payout": "what the partner is paid",
    "payout_currency": "the payout's currency",
    "amount": "the deposit's amount",
    "currency": "the deposit's currency",
    "campaign_id": "the campaign's number",
    "creative_id": "the creative's number",
    "player_key": "the player's id, hashed under the destination's key",
    "country": "the player's country",
    "occurred_at": "seconds since 1970",
}


def validate_postback_url(url: str) -> None:
    """Refuse an address that is not http(s), has an unknown macro, or a macro in its scheme or host."""
    validate_url_template(url, POSTBACK_MACROS)


def fill_postback_url(template: str, values: Mapping[str, str]) -> str:
    """Return the address with each macro replaced by its value, percent-encoded; a missing value is empty text."""
    return MACRO.sub(lambda found: quote(values.get(found[1], ""), safe=""), template)
