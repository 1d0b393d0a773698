"""What a destination is, or would be, told of a conversion: the exact request, and what speaks against sending it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from conversions.domain.consent import refusal_to_signal
from conversions.domain.delivery import ADAPTERS
from conversions.domain.destination_limits import limited_to
from conversions.domain.outbox import draft_postback, is_in_band
from conversions.models import Conversion, Destination
from conversions.postbacks.adapter import Unsendable


@dataclass(frozen=True, kw_only=True)
class Preview:
    """The request as it would go out now, secrets masked, or "" where none can be built; and all that stops it."""

    request: str
    obstacles: tuple[str, ...]


def preview_postback(conversion: Conversion, destination: Destination, *, at: datetime) -> Preview:
    """Return what would be sent of a conversion now. Writes and sends nothing."""
    draft = draft_postback(conversion, destination, at=at)
    in_general = [] if destination.is_active else ["The destination is switched off."]
    in_general += obstacles_everywhere(conversion)
    obstacles = [*in_general, *obstacles_at(conversion, destination, hears_of_it=draft is not None, at=at)]
    if draft is None:
        return Preview(request="", obstacles=tuple(obstacles))
    try:
        request = ADAPTERS[destination.kind].build_request(draft, at=at).shown
    except Unsendable as error:
        return Preview(request="", obstacles=(*obstacles, str(error)))
    return Preview(request=request, obstacles=tuple(obstacles))


def obstacles_everywhere(conversion: Conversion) -> Iterator[str]:
    """Yield what speaks against telling anybody of a conversion."""
    if conversion.status != Conversion.Status.CONFIRMED:
        yield f"The conversion is {conversion.get_status_display().lower()}, not confirmed."
    if conversion.review_state != Conversion.Review.APPROVED:
        yield f"Its review: {conversion.get_review_state_display().lower()}."
    if conversion.campaign_id is None:
        yield "No campaign is credited with it."


def obstacles_at(conversion: Conversion, destination: Destination, *, hears_of_it: bool, at: datetime) -> Iterator[str]:
    """Yield what speaks against telling this destination, which hears of such events or does not."""
    campaigns, partners = limited_to(destination)
    if campaigns and conversion.campaign_id not in [campaign.pk for campaign in campaigns]:
        yield "It belongs to another campaign."
    if partners and conversion.partner_id not in [partner.pk for partner in partners]:
        yield "None of the partners whose players it hears of brought it."
    if destination.source_id is not None and destination.source_id != conversion.source_id:
        yield "It came from another source."
    if destination.partner_id is not None and destination.partner_id != conversion.partner_id:
        yield "It was not brought by the destination's partner."
    if not is_in_band(conversion, destination):
        yield "Its amount lies outside of the destination's band."
    if not hears_of_it:
        yield "The destination is not told of events of this kind."
    if refusal := refusal_to_signal(conversion, destination, at=at):
        yield refusal
