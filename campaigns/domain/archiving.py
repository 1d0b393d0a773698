"""Taking offers and landing pages out of use, and back."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction

from campaigns.domain.soundness import campaigns_that_use, refuse_broken
from campaigns.models import LandingPage, Offer


class StillAlternative(Exception):
    """An offer to archive takes over from others when their caps are reached; the message names them."""


def archive(rows: Sequence[Offer] | Sequence[LandingPage]) -> int:
    """Archive offers or landing pages, all or none; return how many were not archived before.

    Raises `CampaignBroken` where an active campaign still sends visitors there, and `StillAlternative`.
    """
    with transaction.atomic():
        changed = [row for row in rows if not row.is_archived]
        _set(changed, to=True)
        refuse_alternatives(row.pk for row in changed if isinstance(row, Offer))
        refuse_broken({campaign for row in changed for campaign in campaigns_that_use(row)})
    return len(changed)


def unarchive(rows: Sequence[Offer] | Sequence[LandingPage]) -> int:
    """Take offers or landing pages out of the archive; return how many were in it."""
    changed = [row for row in rows if row.is_archived]
    _set(changed, to=False)
    return len(changed)


def refuse_alternatives(offers: Iterable[int]) -> None:
    """Raise `StillAlternative` where one of those offers (by id) takes over from one that is in use."""
    named = list(
        Offer.objects.filter(alternative__in=set(offers), is_archived=False)
        .order_by("name")
        .values_list("alternative__name", "name")
    )
    if named:
        raise StillAlternative(
            " ".join(f"“{alternative}” takes over from “{name}” when a cap is reached." for alternative, name in named)
        )


def _set(rows: Sequence[Any], *, to: bool) -> None:
    for row in rows:
        row.is_archived = to
        row.save(update_fields=["is_archived"])
