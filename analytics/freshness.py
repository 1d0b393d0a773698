"""How fresh figures are: when the newest click and the newest event came in."""

from dataclasses import dataclass
from datetime import datetime

from attribution.models import Click
from conversions.models import InboxEvent


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """Instants of the newest rows; None before there is one."""

    as_of: datetime
    last_click_at: datetime | None
    last_event_at: datetime | None


def freshness(*, at: datetime) -> Freshness:
    """Return how fresh the figures of `at` are; two look-ups by index."""
    click = Click.objects.order_by("-id").only("id").first()
    event = InboxEvent.objects.order_by("-id").only("received_at").first()
    return Freshness(
        as_of=at,
        last_click_at=click.clicked_at if click else None,
        last_event_at=event.received_at if event else None,
    )
