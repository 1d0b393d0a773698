"""Review conversions: by the rules as they come in, by a person where one decides."""

from datetime import datetime
from typing import Any

import structlog
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet

from attribution.domain.credit import click_facts
from attribution.models import Click
from conversions.domain.installs import refusals_of
from conversions.domain.review import approve_conversion, hold_conversion, reject_conversion
from conversions.models import Conversion
from fraud.domain.lead_theft import theft_signs
from fraud.domain.rules import Case, TheftSign, judge
from fraud.models import Review
from tracker_project.common.prepared import insert

log = structlog.get_logger(__name__)

# Rows are locked this many at a time: what is approved is sent on when their transaction ends.
_BATCH = 25

_APPLY = {
    Review.Verdict.APPROVED: approve_conversion,
    Review.Verdict.HELD: hold_conversion,
    Review.Verdict.REJECTED: reject_conversion,
}


class ReasonMissing(ValueError):
    """Whoever stops a conversion says why."""


def review_pending_conversions(*, at: datetime, limit: int) -> int:
    """Review up to `limit` conversions that wait for it, oldest first, and return how many were.

    Workers may run side by side. A conversion that cannot be reviewed is logged, stays pending and stops no other.
    """
    reviewed, after = 0, 0
    while reviewed < limit:
        with transaction.atomic():
            claimed = _claim_pending(after=after, limit=min(_BATCH, limit - reviewed))
            if not claimed:
                break
            reviewed += _review_claimed(claimed, at=at)
        after = claimed[-1].pk
    return reviewed


def decide_review(conversion: Conversion, *, verdict: Review.Verdict, reason: str, actor: User, at: datetime) -> Review:
    """Decide about a conversion in person, whatever the rules say, and return the review.

    It stands until another person decides or the conversion's credit changes. Raises `ReasonMissing` for a hold or
    rejection without a reason.
    """
    reasons = [{"rule": "person", "text": reason.strip()}] if reason.strip() else []
    if verdict != Review.Verdict.APPROVED and not reasons:
        raise ReasonMissing("Say why: the reason is shown wherever the conversion is.")
    with transaction.atomic():
        locked = _reviewable().select_for_update(of=("self",), no_key=True).get(pk=conversion.pk)
        review = _write_review(locked, verdict=verdict, reasons=reasons, actor=actor, at=at)
        _APPLY[verdict](locked, at=at)
    log.info("review_decided", conversion=locked.pk, verdict=verdict, actor=actor.pk)
    return review


def _reviewable() -> QuerySet[Conversion]:
    return Conversion.objects.select_related("player", "offer", "campaign", "platform__brand")


def _claim_pending(*, after: int, limit: int) -> list[Conversion]:
    pending = _reviewable().filter(review_state=Conversion.Review.PENDING, pk__gt=after).order_by("pk")
    return list(pending.select_for_update(of=("self",), skip_locked=True, no_key=True)[:limit])


def _review_claimed(claimed: list[Conversion], *, at: datetime) -> int:
    decisions, refusals = _persons_decisions(claimed), refusals_of(claimed)
    thefts = theft_signs(claimed, at=at)
    reviewed = 0
    for conversion in claimed:
        try:
            with transaction.atomic():
                case = _case(conversion, thefts.get(conversion.pk, ()), refusals.get(conversion.pk, ()))
                _review(conversion, decisions.get(conversion.pk), case, at=at)
        except (OperationalError, InterfaceError):
            raise  # the database is the trouble, not the row
        except Exception:
            log.exception("review_failed", conversion=conversion.pk)
        else:
            reviewed += 1
    return reviewed


def _review(conversion: Conversion, decision: Review | None, case: Case, *, at: datetime) -> None:
    if decision is not None and decision.credited == credited_with(conversion):
        _APPLY[Review.Verdict(decision.verdict)](conversion, at=at)
        return
    judgement = judge(case)
    _write_review(conversion, verdict=judgement.verdict, reasons=judgement.reasons, actor=None, at=at)
    _APPLY[judgement.verdict](conversion, at=at)


def _case(conversion: Conversion, thefts: tuple[TheftSign, ...], refusals: tuple[str, ...]) -> Case:
    facts = _click_facts(conversion)
    offer = conversion.offer
    country = conversion.player.country or facts.get("country") or ""
    return Case(
        occurred_at=conversion.occurred_at,
        credit_outcome=conversion.credit_outcome,
        clicked_at=conversion.clicked_at,
        click_kind=facts.get("kind", ""),
        country=country.upper() or None,
        offer_countries=tuple(offer.countries) if offer else (),
        thefts=thefts,
        refusals=refusals,
    )


def _click_facts(conversion: Conversion) -> dict[str, Any]:
    """Return the player's copy, or the click itself where it was still in a spool when he registered."""
    copied: dict[str, Any] = conversion.player.click_facts
    if copied or conversion.click_uuid is None:
        return copied
    click = Click.objects.filter(id=conversion.click_uuid).first()
    return click_facts(click) if click else {}


def _persons_decisions(claimed: list[Conversion]) -> dict[int, Review]:
    """Return each conversion's latest decision by a person."""
    decisions = Review.objects.filter(conversion__in=claimed, decided_by__isnull=False).order_by("pk")
    return {decision.conversion_id: decision for decision in decisions}


def credited_with(conversion: Conversion) -> dict[str, Any]:
    """Return what a conversion is credited with, as a review keeps it."""
    return {
        "outcome": conversion.credit_outcome,
        "click": str(conversion.click_uuid) if conversion.click_uuid else None,
        "link": conversion.link_id,
        "partner": conversion.partner_id,
    }


def _write_review(
    conversion: Conversion,
    *,
    verdict: Review.Verdict,
    reasons: list[dict[str, str]],
    actor: User | None,
    at: datetime,
) -> Review:
    review = Review(
        conversion=conversion,
        verdict=verdict,
        reasons=reasons,
        credited=credited_with(conversion),
        decided_by=actor,
        created_at=at,
    )
    insert(review)
    return review
