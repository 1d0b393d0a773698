"""Tracking links as they are put into a source's advertisement."""

from django.conf import settings

from campaigns.models import TrackingLink, TrafficSource

# What the big sources call their own facts; they append their click id themselves, and a second one would replace it.
_APPENDED_BY_SOURCE = frozenset({"fbclid", "gclid", "gbraid", "wbraid", "ttclid", "msclkid", "twclid", "li_fat_id"})
_MACROS = {
    "fbclid": {"placement": "{{placement}}", "keyword": "{{adset.name}}", "sub_id_1": "{{ad.id}}"},
    "gclid": {"placement": "{placement}", "keyword": "{keyword}", "sub_id_1": "{creative}"},
    "ttclid": {"placement": "__PLACEMENT__", "keyword": "__AID_NAME__", "sub_id_1": "__CID__"},
}


def link_address(code: str) -> str:
    """Return the address that visitors click."""
    return f"{settings.PUBLIC_CLICK_URL}/c/{code}"


def source_parameters(source: TrafficSource) -> str:
    """Return the query to append for `source`, with its macros where we know them and names in braces elsewhere.

    The source's click id is left out where the source appends it itself.
    """
    known = _MACROS.get(source.click_id_parameter, {})
    parameters = {"sub_id_1": known.get("sub_id_1", "{sub_id_1}")}
    if source.click_id_parameter and source.click_id_parameter not in _APPENDED_BY_SOURCE:
        parameters[source.click_id_parameter] = "{click_id}"
    if source.cost_parameter:
        parameters[source.cost_parameter] = "{cost}"
    for name, parameter in (("placement", source.placement_parameter), ("keyword", source.keyword_parameter)):
        if parameter:
            parameters[parameter] = known.get(name, "{" + name + "}")
    return "&".join(f"{name}={macro}" for name, macro in parameters.items())


def advertised_address(link: TrackingLink) -> str:
    """Return the address to paste into the source, its parameters appended."""
    return f"{link_address(link.code)}?{source_parameters(link.campaign.source)}"
