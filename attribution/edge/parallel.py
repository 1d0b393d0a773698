"""Clicks that a browser calls in the background while its visitor goes straight to the page (Google, Microsoft Ads).

Flows do not route them. The caller follows redirects by HTTPS only and must end up at the page that it names.
"""

from collections.abc import Sequence
from urllib.parse import quote, urlsplit

from attribution.edge.macros import Address
from attribution.edge.parameters import POSITIONS
from attribution.edge.routes import Campaign, Route
from attribution.edge.visit import Visit

_URL_POSITION = POSITIONS["url"]
_KEPT = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '\\^`{|}<>"')


def parallel_location(route: Route, visit: Visit, facts: Sequence[str | None]) -> str | None:
    """Return the page that the source names as `url`, if it is on one of the campaign's hosts; else what the campaign
    names itself and speaks HTTPS; None where there is nothing of the kind.
    """
    page = own_page(visit.values[_URL_POSITION], route.campaign)
    if page is not None:
        return page
    campaign = route.campaign
    own = route.offer_address(campaign.offer, None) if campaign.offer is not None and campaign.is_active else None
    address: Address | None
    for address in (own, route.fallback_address()):
        if address is not None and address.is_https:
            return address.fill(facts)
    return None


def own_page(url: str | None, campaign: Campaign) -> str | None:
    """Return an address in ASCII if it is of HTTPS and on one of the campaign's own hosts, without port and user."""
    if url is None or "\\" in url or not url.isprintable():
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme.lower() != "https" or host not in campaign.own_hosts or parts.netloc.lower() != host:
        return None
    return f"https://{host}{quote(parts.path, safe=_KEPT)}" + "".join(
        f"{mark}{quote(text, safe=_KEPT)}" for mark, text in (("?", parts.query), ("#", parts.fragment)) if text
    )
