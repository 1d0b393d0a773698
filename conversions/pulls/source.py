"""What a partner's reports come down to: pieces to fetch one by one, and what can go wrong with each."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from conversions.imports.tables import MOST_BYTES
from tracker_project.common.egress import Answer, NoAnswer, OutgoingRequest, download

SECONDS = 120.0


class NotFetched(Exception):
    """The piece did not come; the text says what to mend and names no secret. `retry_at` is when it may come.

    Without `retry_at` it is tried again after a while, longer each time.
    """

    def __init__(self, reason: str, *, retry_at: datetime | None = None) -> None:
        super().__init__(reason)
        self.retry_at = retry_at


class TooManyRows(Exception):
    """The partner cut the piece off; `parts` are smaller ones that are together the same."""

    def __init__(self, parts: "Sequence[Piece]") -> None:
        super().__init__("The report was cut off at the partner's most rows.")
        self.parts = parts


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One file to fetch; `name` tells it from the other pieces of a round, `fetch` raises the two above."""

    name: str
    fetch: Callable[[], bytes]


def fetch_body(request: OutgoingRequest) -> tuple[Answer, bytes]:
    """Send a request and return its answer with the whole body of a 200; raises `NotFetched` where none comes."""
    body = io.BytesIO()
    try:
        answer = download(request, body, most_bytes=MOST_BYTES, seconds=SECONDS, read_seconds=SECONDS)
    except NoAnswer as error:
        raise NotFetched(str(error)) from error
    return answer, body.getvalue() or answer.body


def next_utc_day(at: datetime) -> datetime:
    """Return a few minutes past the next midnight, when daily quotas begin anew."""
    return (at + timedelta(days=1)).replace(hour=0, minute=5, second=0, microsecond=0)
