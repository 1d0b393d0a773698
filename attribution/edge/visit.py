"""Who comes: what a request says of its visitor, as flows ask for it and as rows keep it."""

from attribution.edge.geography import NetworkOf, PlaceOf
from attribution.edge.parameters import POSITIONS
from attribution.edge.user_agents import UserAgent
from campaigns.domain.filters import PLATFORM_CLICK_IDS

_FIRST_PLATFORM_CLICK_ID = POSITIONS[PLATFORM_CLICK_IDS[0]]
_NO_PLATFORM_CLICK_IDS: list[str | None] = [None] * len(PLATFORM_CLICK_IDS)
_NO_NAMES = frozenset[str]()


class Visit:
    """One request of a link. `kind` is a click's kind; `is_unique` is None for whom no key is made (bots, previews).

    `identity` is what a visitor's key is made of, `hints` JSON as a row keeps it, `values` the URL's parameters in the
    order of `parameters.NAMES`.
    """

    __slots__ = (
        "consent",
        "hints",
        "identity",
        "is_unique",
        "kind",
        "language",
        "milliseconds",
        "network",
        "network_of",
        "place",
        "referrer",
        "user_agent",
        "values",
        "visitor_key",
    )

    milliseconds: int
    kind: str
    place: PlaceOf
    network_of: NetworkOf
    user_agent: UserAgent
    network: str | None
    referrer: str | None
    language: str | None
    hints: str | None
    consent: bool | None
    identity: bytes
    values: list[str | None]
    visitor_key: int | None
    is_unique: bool | None

    def platform_click_ids(self) -> frozenset[str]:
        """Return the names of the platforms' click ids that came along."""
        found = self.values[_FIRST_PLATFORM_CLICK_ID:]
        if found == _NO_PLATFORM_CLICK_IDS:
            return _NO_NAMES
        return frozenset(name for name, value in zip(PLATFORM_CLICK_IDS, found, strict=True) if value is not None)
