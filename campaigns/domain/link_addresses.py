"""Tracking links as they are put into a source's advertisement."""

from django.conf import settings

from campaigns.domain.source_templates import APPENDED_CLICK_IDS, BY_CLICK_ID
from campaigns.models import TrackingLink, TrafficSource


def link_address(code: str, host: str = "") -> str:
    """Return the address that visitors click, on the click host of the settings or on a tracking domain."""
    return f"https://{host}/c/{code}" if host else f"{settings.PUBLIC_CLICK_URL}/c/{code}"


def source_parameters(source: TrafficSource) -> str:
    """Return the query to append for `source`: its own, else its network's macros, else names in braces.

    The source's click id is left out where the source appends it itself.
    """
    if source.click_url_parameters:
        return source.click_url_parameters.strip().lstrip("?&")
    template = BY_CLICK_ID.get(source.click_id_parameter)
    known = template.macros if template else {}
    parameters = {"sub_id_1": known.get("sub_id_1", "{sub_id_1}")}
    if source.click_id_parameter and source.click_id_parameter not in APPENDED_CLICK_IDS:
        parameters[source.click_id_parameter] = known.get(source.click_id_parameter, "{click_id}")
    if source.cost_parameter:
        parameters[source.cost_parameter] = known.get(template.cost_parameter if template else "", "{cost}")
    if source.placement_parameter:
        macro = known.get(template.placement_parameter if template else "", "{placement}")
        parameters[source.placement_parameter] = macro
    if source.keyword_parameter:
        parameters[source.keyword_parameter] = known.get(template.keyword_parameter if template else "", "{keyword}")
    return "&".join(f"{name}={macro}" for name, macro in parameters.items())


def advertised_address(link: TrackingLink, host: str = "") -> str:
    """Return the address to paste into the source, its parameters appended."""
    query = source_parameters(link.campaign.source)
    return f"{link_address(link.code, host)}?{query}" if query else link_address(link.code, host)


def tracking_template(link: TrackingLink, host: str = "") -> str:
    """Return the tracking template for a source that tracks in parallel: it fills {lpurl} with the page's address."""
    source = link.campaign.source
    query = source_parameters(source)
    template = BY_CLICK_ID.get(source.click_id_parameter)
    # A call in the background is not tagged by the source: it has to be asked for its click id.
    asked = template.macros.get(source.click_id_parameter) if template else None
    if asked and f"{source.click_id_parameter}=" not in query:
        query = f"{source.click_id_parameter}={asked}&{query}".rstrip("&")
    return f"{link_address(link.code, host)}?url={{lpurl}}" + (f"&{query}" if query else "")
