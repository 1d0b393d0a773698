"""Where players live of whom nobody may hear anything new, whatever they allowed."""

from collections.abc import Iterator
from time import monotonic

from attribution.geography import region_code
from conversions.models import Player, ProhibitedJurisdiction

# How long a process goes by the list that it last read: two gates ask for each postback.
READ_EVERY_SECONDS = 2.0
Places = frozenset[tuple[str, str]]


def is_in_prohibited_jurisdiction(player: Player) -> bool:
    """Tell whether a player lives, or clicked, where signals are prohibited.

    Where only a region is prohibited, a player of its country whose region is not known counts as one of it.
    """
    places = _list.places()
    return bool(places) and any(_is_prohibited(country, region, places) for country, region in _homes(player))


def forget_jurisdictions() -> None:
    """Read the list anew the next time: it has changed."""
    _list.forget()


def _homes(player: Player) -> Iterator[tuple[str, str]]:
    """Yield country and region, "" where it is not known, of what the platform says and of where he clicked."""
    said = player.country.upper()
    clicked = str((player.click_facts or {}).get("country") or "").upper()
    if said:
        yield said, _region_code(said, player.region.strip())
    if clicked and clicked != said:
        yield clicked, ""


def _is_prohibited(country: str, region: str, places: Places) -> bool:
    if (country, "") in places or (country, region) in places:
        return True
    return not region and any(country == prohibited for prohibited, _ in places)


def _region_code(country: str, said: str) -> str:
    """Return the end of the region's ISO 3166-2 code, whether the platform wrote WA, US-WA or Washington; else ""."""
    code = said.upper().removeprefix(f"{country}-")
    is_code = len(code) <= 3 and code.isascii() and code.isalnum()
    return code if is_code else region_code(country, said) or ""


class _List:
    """The prohibited places as this process last read them."""

    def __init__(self) -> None:
        self._places: Places = frozenset()
        self._read_at = float("-inf")

    def places(self) -> Places:
        now = monotonic()
        if now - self._read_at >= READ_EVERY_SECONDS:
            self._places = frozenset(ProhibitedJurisdiction.objects.values_list("country", "region"))
            self._read_at = now
        return self._places

    def forget(self) -> None:
        self._read_at = float("-inf")


_list = _List()
