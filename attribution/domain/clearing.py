"""Clicks that were only tests: marked as such, so that no report counts them."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.contrib.auth.models import User

from attribution.models import Click, ClickQuerySet
from campaigns.models import Campaign

log = structlog.get_logger(__name__)

# More than this is no test; it is also what one statement may well change at a time.
MOST = 50_000
_CLEARABLE = [Click.Kind.CLICK, Click.Kind.EXCESS, Click.Kind.STAFF]
# Clocks of edges and database may differ by so much.
_BEFORE_CREATION = timedelta(hours=1)


class TooManyClicks(Exception):
    """More clicks than anybody tests with: an earlier instant was meant."""


def clearable_clicks_of(campaign: Campaign, *, until: datetime) -> ClickQuerySet:
    """Return the campaign's clicks before `until` that can be cleared: neither bots nor previews, nor cleared yet."""
    since = campaign.created_at - _BEFORE_CREATION
    return Click.objects.clicked_between(since, until).filter(campaign=campaign, kind__in=_CLEARABLE)


def count_clearable_clicks(campaign: Campaign, *, until: datetime) -> int:
    """Return how many would be cleared; never more than `MOST` + 1 are counted."""
    return clearable_clicks_of(campaign, until=until)[: MOST + 1].count()


def clear_test_clicks(campaign: Campaign, *, until: datetime, actor: User) -> int:
    """Mark the campaign's clicks before `until` as tests and return how many; a second time there are none.

    Credit that registrations took from them stays. Raises `TooManyClicks` and changes nothing beyond `MOST`.
    """
    if count_clearable_clicks(campaign, until=until) > MOST:
        raise TooManyClicks
    cleared = clearable_clicks_of(campaign, until=until).update(kind=Click.Kind.TEST)
    log.info("test_clicks_cleared", campaign=campaign.pk, until=str(until), clicks=cleared, actor=actor.pk)
    return cleared


def clear_clicks(ids: Collection[UUID], *, actor: User) -> int:
    """Mark these clicks as tests and return how many were not yet; bots and previews stay what they are."""
    cleared = Click.objects.filter(id__in=ids, kind__in=_CLEARABLE).update(kind=Click.Kind.TEST)
    log.info("selected_clicks_cleared", clicks=cleared, actor=actor.pk)
    return cleared
