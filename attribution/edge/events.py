"""What happens on pages after a click, which of it counts, and its row."""

from collections.abc import Hashable

from attribution.edge.clicks import new_click_key
from attribution.edge.rows import NULL

VIEW, CLICK_THROUGH, APP_INSTALLED = "view", "click_through", "app_installed"
# A click counts for a day and for so many events of a kind; after that its visitors are still led on.
COUNTED_MS = 86_400_000
MOST_OF_A_KIND = {VIEW: 20, CLICK_THROUGH: 20, APP_INSTALLED: 1}
# The same of the same click within so many seconds is an impatient finger, or a page loaded twice.
REPEAT_SECONDS = 10


class RecentEvents:
    """The events that this edge took in the last seconds: of two at the same moment none is in a table yet."""

    def __init__(self) -> None:
        self._period = 0
        self._now: dict[Hashable, int] = {}
        self._before: dict[Hashable, int] = {}

    def is_repeat(self, event: Hashable, milliseconds: int) -> bool:
        """Say whether the event came within the last `REPEAT_SECONDS`; if not it counts from now on."""
        period = milliseconds // (REPEAT_SECONDS * 1000)
        if period > self._period:
            self._before = self._now if period == self._period + 1 else {}
            self._now, self._period = {}, period
        last = self._now.get(event) or self._before.get(event)
        if last is not None and milliseconds - last < REPEAT_SECONDS * 1000:
            return True
        self._now[event] = milliseconds
        return False


def event_line(
    milliseconds: int,
    kind: str,
    click: str,
    *,
    link_id: int,
    campaign_id: int,
    landing_page_id: int | None,
    offer_id: int | None,
    cta: int | None,
    outcome: str,
) -> str:
    """Return an event of a click (its key in hexadecimal) as a line of `rows.LANDING_EVENTS`."""
    numbers = (NULL if number is None else str(number) for number in (landing_page_id, offer_id, cta))
    head = f"{new_click_key(milliseconds).hex()}\t{kind}\t{click}\t{link_id}\t{campaign_id}"
    return "\t".join((head, *numbers, outcome)) + "\n"
