"""Other clicks and views of a visitor who registered: the same address and browser on the same day.

A visitor's key is made under a key of its UTC day, so nothing is found across midnight. Several people behind one
address with one browser share it: such touches are shown and are evidence, and are credited only where a rule says so.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

from attribution.click_ids import uuid_time
from attribution.domain.touches import Touch, touch_of_click
from attribution.models import Channel, Click, Impression
from conversions.domain.touchpoints import new_row
from conversions.models import InboxEvent, Touchpoint
from tracker_project.common.time import day_bounds

# One visitor's clicks and views beyond so many a day say nothing about a person.
_MOST = 50


def keep_visitor_touches(rows: Sequence[Touchpoint]) -> None:
    """Store the other touches of the visitors whose clicks registrations named; the same ones once.

    `clicks` has no index by visitor: the rows of a day are read in one go for all of that day's registrations.
    """
    named = [row for row in rows if _starts_a_search(row)]
    named.sort(key=lambda row: row.occurred_at)
    for day, of_day in groupby(named, key=lambda row: row.occurred_at.date()):
        starts_at, ends_at = day_bounds(day, "UTC")
        _keep(list(of_day), starts_at=starts_at, ends_at=ends_at)


def _starts_a_search(row: Touchpoint) -> bool:
    is_named = row.how == Touchpoint.How.REGISTRATION and row.channel == Channel.CLICK
    return is_named and row.player_id is not None and row.click_uuid is not None


def _keep(named: Sequence[Touchpoint], *, starts_at: datetime, ends_at: datetime) -> None:
    clicks = Click.objects.filter(id__in=[row.click_uuid for row in named], visitor_key__isnull=False)
    keys: dict[object, int] = {pk: key for pk, key in clicks.values_list("id", "visitor_key") if key is not None}
    if not keys:
        return
    last = min(ends_at, max(row.named_at for row in named) + timedelta(seconds=1))
    touches = _touches_by_visitor(set(keys.values()), starts_at=starts_at, ends_at=last)
    found = [
        _row(touch, row, row.event)
        for row in named
        if row.event is not None
        for touch in touches.get(keys.get(row.click_uuid, 0), [])[-_MOST:]
        if touch.click_uuid != row.click_uuid and touch.occurred_at <= row.named_at
    ]
    Touchpoint.objects.bulk_create(found, ignore_conflicts=True)


def _touches_by_visitor(keys: set[int], *, starts_at: datetime, ends_at: datetime) -> dict[int, list[Touch]]:
    """Return the touches of each visitor in a period, oldest first."""
    clicks = Click.objects.clicked_between(starts_at, ends_at).filter(visitor_key__in=keys, kind=Click.Kind.CLICK)
    views = Impression.objects.clicked_between(starts_at, ends_at).filter(visitor_key__in=keys, kind="click")
    by_visitor: dict[int, list[Touch]] = {key: [] for key in keys}
    for click in clicks:
        by_visitor[click.visitor_key or 0].append(touch_of_click(click))
    for view in views:
        by_visitor[view.visitor_key or 0].append(_touch_of_view(view))
    return {key: sorted(touches, key=lambda touch: touch.occurred_at) for key, touches in by_visitor.items()}


def _touch_of_view(view: Impression) -> Touch:
    return Touch(
        channel=Channel.VIEW,
        name=view.id.hex,
        occurred_at=uuid_time(view.id),
        link_id=view.link_id,
        campaign_id=view.campaign_id,
        creative_id=view.creative_id,
        partner_id=view.partner_id,
        source_id=view.source_id,
    )


def _row(touch: Touch, named: Touchpoint, event: InboxEvent) -> Touchpoint:
    row = new_row(touch, player=named.player, event=event, how=Touchpoint.How.VISITOR)
    row.is_due = False
    return row
