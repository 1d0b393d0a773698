"""Macros of offer URLs: which exist, and where in an address they may stand."""

import re
from collections.abc import Collection

from django.core.exceptions import ValidationError

from campaigns.domain.filters import PLATFORM_CLICK_IDS

MACROS: dict[str, str] = {
    "click_id": "the click's id, 48 hexadecimal digits",
    **{f"sub_id_{number}": f"the parameter sub_id_{number} (or sub{number}) of the click" for number in range(1, 11)},
    "campaign_id": "the campaign's number",
    "campaign": "the campaign's name",
    "creative_id": "the creative's number",
    "creative": "the creative's name",
    "offer_id": "the offer's number",
    "offer": "the offer's name",
    "landing_page": "the landing page's name",
    "flow": "the flow's name",
    "partner_tag": "the partner's tag",
    "source": "the traffic source's name",
    "external_id": "the source's own click id",
    **{name: f"the platform's click id {name}, as it came" for name in PLATFORM_CLICK_IDS},
    "keyword": "the keyword, from the source's parameter",
    "placement": "the placement, from the source's parameter",
    "cost": "the cost of the click, from the source's parameter",
    "country": "two letters, by the visitor's address",
    "region": "the end of its ISO 3166-2 code, by the visitor's address",
    "city": "by the visitor's address",
    "language": "two letters, the browser's first language",
    "device": "desktop, phone, tablet or other",
    "os": "the operating system's family",
    "browser": "the browser's family",
    "timestamp": "seconds since 1970",
    "random": "digits that differ from click to click",
}
MACRO = re.compile(r"\{([^{}]*)\}")
# Scheme and authority stand before the first of these; no macro may choose where a visitor is sent.
_ADDRESS = re.compile(r"(?P<origin>https?://[^/?#{}\s\\@]+)(?P<rest>[/?#].*)?", re.DOTALL)


def validate_offer_url(url: str) -> None:
    """Refuse an address that is not http(s), has an unknown macro, or a macro in its scheme or host."""
    validate_url_template(url, MACROS)


def validate_landing_page_url(url: str) -> None:
    """Refuse a landing page's address for the same reasons as an offer's."""
    validate_url_template(url, MACROS)


def validate_url_template(url: str, macros: Collection[str]) -> None:
    """Raise `ValidationError` unless `url` is a web address whose macros are known and stand after the host."""
    if any(character.isspace() or not character.isprintable() for character in url):
        raise ValidationError("The address has blanks or control characters: percent-encode them.", code="blank")
    address = _ADDRESS.fullmatch(url)
    if address is None:
        raise ValidationError(
            "Write a full address such as https://casino.example/?cid={click_id}: "
            "macros may stand after the host only, and the host carries no user name.",
            code="address",
        )
    unknown = sorted({name for name in MACRO.findall(address["rest"] or "") if name not in macros})
    if unknown:
        raise ValidationError(
            f"No macro is called {', '.join('{' + name + '}' for name in unknown)}. "
            f"There are: {', '.join('{' + name + '}' for name in macros)}.",
            code="macro",
        )
    if "{" in MACRO.sub("", url) or "}" in MACRO.sub("", url):
        raise ValidationError("A brace is left open or closed twice; macros look like {click_id}.", code="brace")
