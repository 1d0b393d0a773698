"""Where visitors go when an offer's cap is reached: chains of alternatives that must come to an end."""

from collections.abc import Mapping

from campaigns.models import Offer


class AlternativesInACircle(Exception):
    """An alternative leads back to where it began; the message names the whole circle."""


def refuse_circle(offer: Offer, alternative: Offer) -> None:
    """Raise `AlternativesInACircle` where `alternative` leads back to `offer`."""
    following = dict(Offer.objects.exclude(alternative=None).values_list("pk", "alternative_id"))
    circle = circle_of(offer.pk, {**following, offer.pk: alternative.pk})
    if circle:
        names = dict(Offer.objects.filter(pk__in=circle).values_list("pk", "name")) | {offer.pk: offer.name}
        raise AlternativesInACircle(
            "These alternatives lead in a circle: " + " → ".join(f"“{names[number]}”" for number in circle) + "."
        )


def circle_of(start: int, following: Mapping[int, int | None]) -> list[int]:
    """Return the way from `start` back to itself, both ends included; empty where it ends elsewhere."""
    way = [start]
    step = following.get(start)
    while step is not None and step not in way:
        way.append(step)
        step = following.get(step)
    return [*way, start] if step == start else []
