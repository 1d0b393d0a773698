"""Why nobody is told of a conversion, for whoever expected that somebody would be."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q

from conversions.domain.outbox import draft_postback
from conversions.domain.preview import obstacles_at, obstacles_everywhere
from conversions.models import Conversion, Destination, Postback

# Each costs some queries; more than these nobody reads.
MOST_DESTINATIONS = 25

_OF_REVIEWS = {
    Conversion.Review.PENDING: "It is told once it is approved, which takes some seconds while the worker runs.",
    Conversion.Review.HELD: "It is told once somebody approves it.",
}


@dataclass(frozen=True, kw_only=True)
class Unheard:
    """Destinations that have the same reasons not to hear of a conversion."""

    destinations: list[Destination]
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Untold:
    """What speaks against telling anybody, with what to do; where nothing does, what each destination lacks.

    `more`: so many destinations beyond those were not looked at.
    """

    reasons: list[str]
    unheard: list[Unheard] = field(default_factory=list)
    more: int = 0


def why_untold(conversion: Conversion, *, at: datetime) -> Untold:
    """Return why a conversion has no postback. Reads destinations; writes nothing."""
    if reasons := list(_with_remedies(conversion)):
        return Untold(reasons=reasons)
    of_its_partner = Q(partner=None) | Q(partner=conversion.partner_id)
    destinations = Destination.objects.filter(of_its_partner).order_by("-is_active", "name")
    by_reasons: dict[tuple[str, ...], list[Destination]] = defaultdict(list)
    for destination in destinations[:MOST_DESTINATIONS]:
        by_reasons[tuple(_reasons(conversion, destination, at=at))].append(destination)
    return Untold(
        reasons=[],
        unheard=[Unheard(destinations=each, reasons=reasons) for reasons, each in by_reasons.items()],
        more=max(0, destinations.count() - MOST_DESTINATIONS),
    )


def _with_remedies(conversion: Conversion) -> Iterator[str]:
    yield from obstacles_everywhere(conversion)
    if conversion.status == Conversion.Status.PENDING:
        yield "It is told once its platform confirms it."
    if remedy := _OF_REVIEWS.get(Conversion.Review(conversion.review_state)):
        yield remedy
    if conversion.campaign_id is None:
        yield "If a campaign did bring him, give him to its link: “Re-tag…” on his page."


def _reasons(conversion: Conversion, destination: Destination, *, at: datetime) -> Iterator[str]:
    if not destination.is_active:
        yield "It is switched off."
    draft = draft_postback(conversion, destination, at=at)
    obstacles = list(obstacles_at(conversion, destination, hears_of_it=draft is not None, at=at))
    yield from obstacles
    if draft is None or obstacles or not destination.is_active:
        return
    if destination.partner_id is not None:
        yield "It hears of it when a commission is booked: none was."
    elif Postback.objects.filter(destination=destination, fact=draft.fact).exists():
        yield "It was told already, by another deposit of the player."
    else:
        yield "It was added or changed after the approval: who is told is decided then."
