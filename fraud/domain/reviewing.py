"""Review conversions: by the rules as they come in, by a person where one decides."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet

from attribution.domain.credit import click_facts
from attribution.models import Click
from conversions.domain.audience import Audience
from conversions.domain.installs import refusals_of
from conversions.domain.review import approve_conversion, hold_conversion, reject_conversion
from conversions.models import Conversion
from fraud.domain.lead_theft import theft_signs
from fraud.domain.rules import Case, TheftSign, judge
from fraud.models import Review
from tracker_project.common.prepared import gathered, insert_soon

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
        most = min(_BATCH, limit - reviewed)
        try:
            claimed = _review_together(after=after, limit=most, at=at)
            reviewed += len(claimed)
        except (OperationalError, InterfaceError):
            raise  # the database is the trouble, not a row
        except Exception:
            claimed, done = _review_one_by_one(after=after, limit=most, at=at)
            reviewed += done
        if not claimed:
            break
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


@transaction.atomic
def _review_together(*, after: int, limit: int, at: datetime) -> list[Conversion]:
    """Review the next conversions, all or none, and return them."""
    claimed = _claim_pending(after=after, limit=limit)
    evidence = _evidence(claimed, at=at)
    with gathered():
        for conversion in claimed:
            _review(conversion, evidence, at=at)
    return claimed


@transaction.atomic
def _review_one_by_one(*, after: int, limit: int, at: datetime) -> tuple[list[Conversion], int]:
    """Review the next conversions, of which one can't be reviewed; return them, and how many were."""
    claimed = _claim_pending(after=after, limit=limit)
    evidence = _evidence(claimed, at=at)
    reviewed = 0
    for conversion in claimed:
        try:
            with transaction.atomic():
                _review(conversion, evidence, at=at)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            log.exception("review_failed", conversion=conversion.pk)
        else:
            reviewed += 1
    return claimed, reviewed


@dataclass(frozen=True, kw_only=True)
class _Evidence:
    """What is known about conversions beside their rows, each by their keys: read for all of them at once."""

    decisions: dict[int, Review]
    thefts: dict[int, tuple[TheftSign, ...]]
    refusals: dict[int, tuple[str, ...]]
    audience: Audience = field(default_factory=Audience)


def _evidence(claimed: list[Conversion], *, at: datetime) -> _Evidence:
    return _Evidence(
        decisions=_persons_decisions(claimed), thefts=theft_signs(claimed, at=at), refusals=refusals_of(claimed)
    )


def _review(conversion: Conversion, evidence: _Evidence, *, at: datetime) -> None:
    decision = evidence.decisions.get(conversion.pk)
    if decision is not None and decision.credited == credited_with(conversion):
        _apply(conversion, Review.Verdict(decision.verdict), evidence, at=at)
        return
    thefts, refusals = evidence.thefts.get(conversion.pk, ()), evidence.refusals.get(conversion.pk, ())
    judgement = judge(_case(conversion, thefts, refusals))
    _write_review(conversion, verdict=judgement.verdict, reasons=judgement.reasons, actor=None, at=at)
    _apply(conversion, judgement.verdict, evidence, at=at)


def _apply(conversion: Conversion, verdict: Review.Verdict, evidence: _Evidence, *, at: datetime) -> None:
    if verdict == Review.Verdict.APPROVED:
        approve_conversion(conversion, at=at, audience=evidence.audience)
    else:
        _APPLY[verdict](conversion, at=at)


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
    insert_soon(review)
    return review
