"""An advertisement that was shown: a picture of one pixel, and a row that a click would not be lost for."""

from attribution.edge.clicks import new_click_key
from attribution.edge.routes import Route
from attribution.edge.rows import NULL, column
from attribution.edge.visit import Visit

# One transparent pixel, 43 bytes.
PIXEL = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff"
    b"!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)


def impression_line(route: Route, visit: Visit) -> str:
    """Return an impression as a line of `rows.IMPRESSIONS`."""
    ids = (route.link_id, route.campaign.id, route.creative_id, route.partner_id, route.source_id)
    columns = [NULL if number is None else str(number) for number in ids]
    return (
        f"{new_click_key(visit.milliseconds).hex()}\t{chr(9).join(columns)}\t{visit.kind}\t"
        f"{visit.place.country or NULL}\t{visit.user_agent.device}\t"
        f"{NULL if visit.visitor_key is None else visit.visitor_key}\t{column(visit.values[0])}\n"
    )
