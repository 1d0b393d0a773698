"""Signs that a partner took a player from another who had brought him before, read from the player's touches."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from attribution.domain.touches import Touch
from attribution.models import Channel

# Another partner's click so short before the registration is looked at, whatever the rule in force protects.
LATE_CLICK = timedelta(seconds=60)
_CLICKS = {Channel.CLICK, Channel.INSTALL}


@dataclass(frozen=True, kw_only=True)
class Theft:
    """One sign: `kind` is late_click, changed_tag or other_tag; `before` was there first, `after` came later.

    `owner_id` and `taker_id` are their partners.
    """

    kind: str
    owner_id: int
    taker_id: int
    before: Touch
    after: Touch


def find_thefts(touches: Sequence[Touch], *, registered_at: datetime) -> list[Theft]:
    """Return the signs among a player's usable touches, at most one a kind and pair of partners.

    Of several the latest earlier and the latest later touch tell it, so that the order of `touches` does not matter.
    """
    known = sorted(
        (touch for touch in touches if touch.partner_id is not None and not touch.problem),
        key=lambda touch: (touch.occurred_at, touch.channel, touch.name),
    )
    found: dict[tuple[str, int, int], Theft] = {}
    for after in known:
        for before in known:
            kind = _kind(before, after, registered_at)
            owner, taker = before.partner_id, after.partner_id
            if kind and owner is not None and taker is not None:
                found[kind, owner, taker] = Theft(kind=kind, owner_id=owner, taker_id=taker, before=before, after=after)
    return list(found.values())


def _kind(before: Touch, after: Touch, registered_at: datetime) -> str:
    if before.partner_id == after.partner_id or before.occurred_at > after.occurred_at:
        return ""
    if after.is_probable or before.occurred_at > registered_at:
        return ""
    if after.channel in _CLICKS and before.occurred_at < after.occurred_at:
        is_late = timedelta(0) <= registered_at - after.occurred_at <= LATE_CLICK
        return "late_click" if is_late and before.channel in {*_CLICKS, Channel.PROMO_CODE} else ""
    if after.channel != Channel.PARTNER_TAG or after.occurred_at > registered_at:
        return ""
    if before.channel == Channel.PARTNER_TAG:
        return "changed_tag" if before.occurred_at < after.occurred_at else ""
    return "other_tag" if after.is_named else ""
