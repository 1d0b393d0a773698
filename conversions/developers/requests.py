"""A platform's last requests with our answers, newest first, page by page."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from conversions.models import IntakeRequest, Platform

ROWS = 25
# A filter looks through so many of the last requests and no further: its cost has a bound.
LOOKED_THROUGH = 5000

_ELEMENT = Q(status=207)
OUTCOMES: dict[str, tuple[str, Q]] = {
    "all": ("All", Q()),
    "recorded": (
        "Recorded",
        Q(status__in=[200, 201])
        | _ELEMENT & (Q(answer__contains=[{"status": 201}]) | Q(answer__contains=[{"status": 200}])),
    ),
    "waits": ("Waiting", Q(status=202) | _ELEMENT & Q(answer__contains=[{"status": 202}])),
    "refused": (
        "Refused",
        Q(status__gte=400) | _ELEMENT & (Q(answer__contains=[{"status": 400}]) | Q(answer__contains=[{"status": 409}])),
    ),
}


@dataclass(frozen=True, kw_only=True)
class RequestsPage:
    """Requests, and where the next page begins: the last one's instant and key, or None at the end."""

    requests: list[IntakeRequest]
    next: tuple[datetime, int] | None


def last_requests(platform: Platform, *, outcome: str, before: tuple[datetime, int] | None) -> RequestsPage:
    """Return one page of the requests of a platform and its sandbox that came before `before` to `outcome`.

    Our own samples are left out: the casino did not send them.
    """
    platforms = Platform.objects.filter(Q(pk=platform.pk) | Q(sandbox_of=platform)).order_by("pk")
    found = [request for each in platforms for request in _found(each, outcome, before)]
    found.sort(key=lambda request: (request.received_at, request.pk), reverse=True)
    shown = found[:ROWS]
    return RequestsPage(requests=shown, next=(shown[-1].received_at, shown[-1].pk) if len(found) > ROWS else None)


def _found(platform: Platform, outcome: str, before: tuple[datetime, int] | None) -> Iterator[IntakeRequest]:
    """Yield one platform's newest requests, one more than a page shows."""
    newest = IntakeRequest.objects.filter(platform=platform, is_sample=False).order_by("-received_at", "-pk")
    if before is not None:
        at, pk = before
        newest = newest.filter(Q(received_at__lt=at) | Q(received_at=at, pk__lt=pk))
    if outcome != "all":
        looked_through = newest.values("pk")[:LOOKED_THROUGH]
        newest = newest.filter(OUTCOMES[outcome][1], pk__in=looked_through)
    yield from newest.select_related("platform", "endpoint")[: ROWS + 1]
