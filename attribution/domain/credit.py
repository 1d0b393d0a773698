"""Who gets the credit for a registration: one of the player's touches, chosen by the rule in force, and why."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import TextChoices

from attribution.domain.credit_rules import RuleBook, rules_in_force
from attribution.domain.credit_words import reason_in_words
from attribution.domain.touches import Claim, Touch, click_facts, read_touches
from attribution.models import Channel, CreditOutcome, CreditRule

__all__ = ["Claim", "click_facts"]

# Where a partner may push in at the last moment; a code is typed by the player himself.
_OVERRIDES = {Channel.CLICK, Channel.INSTALL, Channel.PARTNER_TAG}


class Verdict(TextChoices):
    """What became of one of a player's touches when the credit was given."""

    CREDITED = "credited", "Credited"
    UNUSABLE = "unusable", "Leads to nobody"
    TOO_OLD = "too_old", "Too old"
    PROBABLE = "probable", "Probably his, and only shown"
    NOT_CREDITED = "not_credited", "Channel is not credited"
    LATE_CLICK = "late_click", "Too short before the registration"
    OTHER_PARTNER = "other_partner", "Another partner was first"
    WEAKER = "weaker", "A stronger channel is there"
    OVERRIDDEN = "overridden", "Overridden by a later touch"
    LATER = "later", "An earlier touch is there"
    FORGED = "forged", "The registration's click id is forged"


@dataclass(frozen=True, kw_only=True)
class Credit:
    """Who is credited and why; ids of rows, None where there is none. `click_facts` is as in `Touch`."""

    outcome: str
    click_uuid: UUID | None = None
    clicked_at: datetime | None = None
    link_id: int | None = None
    campaign_id: int | None = None
    creative_id: int | None = None
    partner_id: int | None = None
    source_id: int | None = None
    offer_id: int | None = None
    click_facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A touch and its verdict."""

    touch: Touch
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The credit, all that was considered (oldest first), the rule, the window that held and the reason in words."""

    credit: Credit
    candidates: Sequence[Candidate]
    rule: CreditRule
    window: timedelta | None
    reason: str


def credit_registration(claim: Claim, *, registered_at: datetime) -> Credit:
    """Return the credit for an event that stands alone: what it names is all there is."""
    touches = read_touches(claim, at=registered_at)
    campaign_ids = [touch.campaign_id for touch in touches]
    rules = rules_in_force(brand_id=None, campaign_ids=campaign_ids, at=registered_at) if touches else RuleBook()
    return decide_credit(touches, rules=rules, registered_at=registered_at).credit


def decide_credit(touches: Sequence[Touch], *, rules: RuleBook, registered_at: datetime) -> Decision:
    """Decide which of a player's touches is credited with him; the order of `touches` does not matter.

    What came after the registration is left out. Each touch's age is measured by its own campaign's rule; the rule of
    the earliest that may be credited decides between them. A forged click id in the registration ends it: nobody is
    credited.
    """
    # What the registration names came before it, whatever two machines' clocks say; review looks at the difference.
    before = [touch for touch in touches if touch.is_named or touch.occurred_at <= registered_at]
    ordered = _distinct(before)
    if any(touch.problem == CreditOutcome.FORGED_CLICK_ID and touch.is_named for touch in ordered):
        verdicts = dict.fromkeys(ordered, Verdict.FORGED)
        return _decision(None, verdicts, rule=rules.rule_for(None))
    verdicts = {touch: bar for touch in ordered if (bar := _bar(touch, rules, registered_at))}
    usable = [touch for touch in ordered if touch not in verdicts]
    rule = rules.rule_for(usable[0].campaign_id if usable else None)
    credited = _choose(usable, verdicts, rule=rule, registered_at=registered_at)
    return _decision(credited, {touch: verdicts[touch] for touch in ordered}, rule=rule)


def credit_of(touch: Touch) -> Credit:
    """Return the credit that a touch brings."""
    return Credit(
        outcome=CreditOutcome(touch.channel),
        click_uuid=touch.click_uuid,
        clicked_at=touch.clicked_at,
        link_id=touch.link_id,
        campaign_id=touch.campaign_id,
        creative_id=touch.creative_id,
        partner_id=touch.partner_id,
        source_id=touch.source_id,
        offer_id=touch.offer_id,
        click_facts=touch.click_facts,
    )


def _distinct(touches: Sequence[Touch]) -> list[Touch]:
    """Return the touches oldest first, each once: as the registration names it, or else the earliest."""
    found: dict[tuple[str, str], Touch] = {}
    for touch in sorted(touches, key=lambda touch: (not touch.is_named, touch.is_probable, touch.occurred_at)):
        found.setdefault((touch.channel, touch.name), touch)
    return sorted(found.values(), key=_place)


def _place(touch: Touch) -> tuple[datetime, str, str]:
    return touch.occurred_at, touch.channel, touch.name


def _bar(touch: Touch, rules: RuleBook, registered_at: datetime) -> Verdict | None:
    """Return why a touch can't be credited whatever else there is, or None."""
    rule = rules.rule_for(touch.campaign_id)
    window = rule.window(touch.channel)
    if touch.problem:
        return Verdict.UNUSABLE
    if window is not None and registered_at - touch.occurred_at > window:
        return Verdict.TOO_OLD
    if touch.is_probable and not rule.credits_same_visitor:
        return Verdict.PROBABLE
    return None if touch.channel in rule.channels else Verdict.NOT_CREDITED


def _choose(
    usable: Sequence[Touch], verdicts: dict[Touch, Verdict], *, rule: CreditRule, registered_at: datetime
) -> Touch | None:
    """Return the touch to credit and note in `verdicts` what became of each of `usable`."""
    verdicts |= {touch: Verdict.NOT_CREDITED for touch in usable if touch.channel not in rule.channels}
    listed = [touch for touch in usable if touch not in verdicts]
    for touch in listed:
        if _is_late_claim(touch, listed, rule=rule, registered_at=registered_at):
            verdicts[touch] = Verdict.LATE_CLICK
    stands = [touch for touch in listed if touch not in verdicts]
    stands = _of_first_partner(stands, verdicts) if rule.later_touch == CreditRule.LaterTouch.FIRST_PARTNER else stands
    if not stands:
        return None
    strongest = min(rule.channels.index(touch.channel) for touch in stands)
    contenders = [touch for touch in stands if rule.channels.index(touch.channel) == strongest]
    is_earliest = rule.later_touch == CreditRule.LaterTouch.EARLIEST
    credited = contenders[0] if is_earliest else contenders[-1]
    for touch in stands:
        lost = Verdict.LATER if is_earliest else Verdict.OVERRIDDEN
        verdicts[touch] = lost if touch in contenders else Verdict.WEAKER
    verdicts[credited] = Verdict.CREDITED
    return credited


def _is_late_claim(touch: Touch, others: Sequence[Touch], *, rule: CreditRule, registered_at: datetime) -> bool:
    """Say whether a partner's touch is so short before the registration that it takes nothing from an earlier one."""
    if not rule.protected_seconds or touch.partner_id is None or touch.channel not in _OVERRIDES:
        return False
    if registered_at - touch.occurred_at > timedelta(seconds=rule.protected_seconds):
        return False
    return any(
        other.partner_id not in (None, touch.partner_id) and other.occurred_at < touch.occurred_at for other in others
    )


def _of_first_partner(stands: list[Touch], verdicts: dict[Touch, Verdict]) -> list[Touch]:
    first = next((touch.partner_id for touch in stands if touch.partner_id is not None), None)
    if first is None:
        return stands
    for touch in stands:
        if touch.partner_id != first:
            verdicts[touch] = Verdict.OTHER_PARTNER
    return [touch for touch in stands if touch.partner_id == first]


def _decision(credited: Touch | None, verdicts: dict[Touch, Verdict], *, rule: CreditRule) -> Decision:
    candidates = [Candidate(touch=touch, verdict=verdict) for touch, verdict in verdicts.items()]
    credit = credit_of(credited) if credited else _no_credit(candidates)
    window = rule.window(credited.channel) if credited else None
    reason = reason_in_words(credit.outcome, rule=rule, window=window, others=len(candidates) - 1)
    return Decision(credit=credit, candidates=candidates, rule=rule, window=window, reason=reason)


def _no_credit(candidates: Sequence[Candidate]) -> Credit:
    """Return nobody's credit with the plainest reason: what the registration itself named goes first."""
    considered = [each for each in candidates if each.verdict != Verdict.PROBABLE]
    named = sorted(considered, key=lambda each: (not each.touch.is_named, each.touch.channel != Channel.CLICK))
    if not named:
        return Credit(outcome=CreditOutcome.NO_CLAIM)
    first = named[0].touch
    if first.problem:
        return Credit(outcome=first.problem, click_uuid=first.click_uuid, clicked_at=first.clicked_at)
    if named[0].verdict == Verdict.TOO_OLD:
        return Credit(outcome=CreditOutcome.OUTSIDE_WINDOW, click_uuid=first.click_uuid, clicked_at=first.clicked_at)
    return Credit(outcome=CreditOutcome.NOT_CREDITED)
