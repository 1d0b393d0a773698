"""Which licences of an offer are missing, over or about to end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from campaigns.domain.concerns import Concern, Coverage, Level, Span, Standing, coverage, in_days


@dataclass(frozen=True, kw_only=True)
class LicensedPlace:
    """A licence row: where it lets an offer be shown, and on which days."""

    country: str
    region: str = ""
    city: str = ""
    jurisdiction: str
    number: str
    span: Span

    @property
    def place(self) -> str:
        return ", ".join(part for part in (self.city, self.region, self.country) if part)

    def covers(self, other: "LicensedPlace") -> bool:
        """Whether whoever is in the other's place is in this one's too."""
        return (
            self.country == other.country
            and self.region in ("", other.region)
            and self.city.lower() in ("", other.city.lower())
        )


def licence_concerns(offer: str, licences: Sequence[LicensedPlace], *, needs_licence: bool, on: date) -> list[Concern]:
    """Return what to know of the licences of an offer (by name), one concern a place; none where it needs none."""
    if not needs_licence:
        return []
    if not licences:
        text = f"The offer “{offer}” needs a licence and has none: no visitor reaches it."
        return [Concern(level=Level.MISSING, label="No licence", text=text)]
    concerns = []
    for licence in _one_a_place(licences):
        stands = coverage((other.span for other in licences if other.covers(licence)), on=on)
        concern = _concern(offer, licence, stands, on=on)
        if concern:
            concerns.append(concern)
    return concerns


def licensed_countries(licences: Iterable[LicensedPlace], *, on: date) -> set[str]:
    """Return the countries of all licences that are in force or still to come."""
    return {licence.country for licence in licences if licence.span.until is None or licence.span.until >= on}


def _one_a_place(licences: Sequence[LicensedPlace]) -> list[LicensedPlace]:
    """Return each place once, by its licence that lasts longest."""
    longest: dict[str, LicensedPlace] = {}
    for licence in sorted(licences, key=lambda each: each.span.until or date.max):
        longest[licence.place.lower()] = licence
    return sorted(longest.values(), key=lambda each: each.place)


def _concern(offer: str, licence: LicensedPlace, stands: Coverage, *, on: date) -> Concern | None:
    named = f"The licence {licence.jurisdiction} {licence.number} of the offer “{offer}”"
    if stands.standing == Standing.ENDED:
        text = f"{named} ended on {stands.day}: visitors from {licence.place} no longer reach it."
        return Concern(level=Level.MISSING, label="Licence ended", text=text, place=licence.place)
    if stands.standing == Standing.BEGINS:
        text = f"{named} begins on {stands.day}: until then visitors from {licence.place} do not reach it."
        return Concern(level=Level.MISSING, label="No licence yet", text=text, place=licence.place)
    if stands.is_ending(on) and stands.day is not None:
        text = f"{named} {in_days(stands.day, on=on)}: after that visitors from {licence.place} do not reach it."
        return Concern(level=Level.ENDING, label=f"Licence ends {stands.day}", text=text, place=licence.place)
    return None
