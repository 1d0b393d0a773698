"""Requests that arrived: kept for a while without personal fields, the names of what was dropped counted for good."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from conversions.domain.privacy import Scrubbed, distinct
from conversions.models import DroppedField, Endpoint, IntakeRequest, Platform, PrivateToken
from tracker_project.common.prepared import insert_soon

_DELETED_AT_A_TIME = 5_000
_UNPROVEN_A_MINUTE = 20


def keep_request(
    scrubbed: Sequence[Scrubbed],
    *,
    platform: Platform,
    endpoint: Endpoint | None,
    address: str,
    status: int,
    answer: Any,
    at: datetime,
    is_sample: bool = False,
) -> None:
    """Keep what a known sender sent and was answered; call in the transaction that records it."""
    request = IntakeRequest(
        platform=platform,
        endpoint=endpoint,
        address=address[:100],
        received_at=at,
        content=[each.content for each in scrubbed],
        dropped=distinct(name for each in scrubbed for name in each.dropped),
        status=status,
        answer=answer,
        is_counted=not any(each.dropped for each in scrubbed),
        is_sample=is_sample,
    )
    insert_soon(request)


def keep_unproven(
    platform: Platform,
    *,
    address: str,
    status: int,
    answer: Any,
    at: datetime,
    endpoint: Endpoint | None = None,
    is_sample: bool = False,
) -> None:
    """Keep that somebody who did not prove to be the platform was refused, without a word of what he sent.

    At most `_UNPROVEN_A_MINUTE` a minute are kept: whoever knows the address could send any number.
    """
    lately = IntakeRequest.objects.filter(
        platform=platform, received_at__gt=at - timedelta(minutes=1), status__gte=400, content=[]
    )
    if lately[:_UNPROVEN_A_MINUTE].count() < _UNPROVEN_A_MINUTE:
        keep_request(
            [],
            platform=platform,
            endpoint=endpoint,
            address=address,
            status=status,
            answer=answer,
            at=at,
            is_sample=is_sample,
        )


def keep_tokens(scrubbed: Scrubbed, *, platform: Platform, player_id: str, event_pk: int, at: datetime) -> None:
    """Keep the tokens that an event of a player carried, where fraud's rules alone look."""
    if not scrubbed.tokens or not player_id:
        return
    PrivateToken.objects.bulk_create(
        [
            PrivateToken(
                platform=platform, player_id=player_id, kind=kind, token=token, event_id=event_pk, first_seen_at=at
            )
            for kind, token in dict.fromkeys(scrubbed.tokens)
        ],
        ignore_conflicts=True,
    )


@transaction.atomic
def count_dropped_fields(*, limit: int) -> int:
    """Add what requests dropped to each platform's count, and return how many requests were counted.

    Safe beside itself: a request that another worker counts is passed over.
    """
    requests = list(
        IntakeRequest.objects.select_for_update(skip_locked=True).filter(is_counted=False).order_by("pk")[:limit]
    )
    times: Counter[tuple[int, str]] = Counter()
    last: dict[tuple[int, str], datetime] = {}
    for request in requests:
        for name in request.dropped:
            times[request.platform_id, name] += 1
            last[request.platform_id, name] = request.received_at
    for (platform_id, name), number in sorted(times.items()):
        _count(platform_id, name, number, last[platform_id, name])
    IntakeRequest.objects.filter(pk__in=[request.pk for request in requests]).update(is_counted=True)
    return len(requests)


def forget_old_requests(*, at: datetime) -> int:
    """Delete the requests older than RAW_REQUEST_DAYS, and return how many; what they made stays."""
    before = at - timedelta(days=settings.RAW_REQUEST_DAYS)
    old = IntakeRequest.objects.filter(received_at__lt=before).order_by("received_at")
    deleted = 0
    while pks := list(old.values_list("pk", flat=True)[:_DELETED_AT_A_TIME]):
        deleted += IntakeRequest.objects.filter(pk__in=pks).delete()[0]
    return deleted


def _count(platform_id: int, name: str, number: int, seen_at: datetime) -> None:
    """Add to one field's count; in one statement, so that two workers add up."""
    plain, _, kept_as = name.partition(":")
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO {DroppedField._meta.db_table}
                       (platform_id, name, kept_as, times, first_seen_at, last_seen_at)
                VALUES (%s, %s, %s, %s, %s, %s)
                ON CONFLICT (platform_id, name) DO UPDATE SET
                       times = dropped_fields.times + EXCLUDED.times, kept_as = EXCLUDED.kept_as,
                       last_seen_at = greatest(dropped_fields.last_seen_at, EXCLUDED.last_seen_at)""",  # noqa: S608
            [platform_id, plain, kept_as, number, seen_at, seen_at],
        )
