"""Give a player his credit when he registers, and keep why."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from attribution.domain.credit import Candidate, Credit, Decision, Verdict, decide_credit
from attribution.domain.credit_rules import rules_in_force
from attribution.domain.credit_shares import MODELS, shares_by_model
from attribution.domain.theft import find_thefts
from attribution.domain.touches import Touch
from attribution.models import CreditOutcome
from conversions.domain.touchpoints import keep_touches, rows_known_at_registration, touches_considered
from conversions.models import CreditDecision, InboxEvent, Player, TheftEvidence, Touchpoint
from conversions.models.players import Credited
from tracker_project.common.prepared import insert

# Touches with these verdicts have no part in what is shared among them.
_NO_SHARE = {Verdict.UNUSABLE, Verdict.TOO_OLD, Verdict.FORGED}
_CREDITED_COLUMNS = (
    "click_uuid",
    "clicked_at",
    "link_id",
    "campaign_id",
    "creative_id",
    "partner_id",
    "source_id",
    "offer_id",
)


def credit_new_player(
    player: Player, touches: Sequence[Touch], *, event: InboxEvent, decision_key: int, at: datetime
) -> Credit:
    """Decide who is credited with a player who registers, keep his touches and the reason, and return the credit.

    Sets the player's columns without saving him; call with him locked, before he is saved. `decision_key` was drawn
    for the decision.
    """
    registered_at = event.occurred_at
    known = touches_considered(rows_known_at_registration(player, touches), player, registered_at=registered_at)
    keep_touches(touches, event=event, player=player, how=Touchpoint.How.REGISTRATION)
    decision = decide(event.platform.brand_id, [*touches, *known], registered_at=registered_at)
    note_thefts(player, decision, registered_at=registered_at, at=at)
    cause = CreditDecision.Cause.REGISTRATION
    write_decision(player, decision, cause=cause, registered_at=registered_at, at=at, key=decision_key)
    return decision.credit


def decide(brand_id: int, touches: Sequence[Touch], *, registered_at: datetime) -> Decision:
    """Decide by the rules in force when the player registered; one query."""
    campaign_ids = {touch.campaign_id for touch in touches}
    rules = rules_in_force(brand_id=brand_id, campaign_ids=campaign_ids, at=registered_at)
    return decide_credit(touches, rules=rules, registered_at=registered_at)


def write_decision(
    player: Player,
    decision: Decision,
    *,
    cause: CreditDecision.Cause,
    registered_at: datetime,
    at: datetime,
    key: int | None = None,
) -> CreditDecision:
    """Keep a decision, under a `key` that was drawn for it if any, and give the player its columns unsaved."""
    credit, rule = decision.credit, decision.rule
    row = CreditDecision(
        pk=key,
        player=player,
        cause=cause,
        rule=rule if rule.pk else None,
        outcome=credit.outcome,
        window_hours=decision.window // timedelta(hours=1) if decision.window else None,
        reason=decision.reason,
        candidates=candidates_as_json(decision.candidates),
        click_uuid=credit.click_uuid,
        link_id=credit.link_id,
        campaign_id=credit.campaign_id,
        partner_id=credit.partner_id,
        decided_at=at,
    )
    insert(row)
    player.credit_decision = row
    player.credit_ends_at = registered_at + timedelta(days=rule.deposit_days) if rule.deposit_days else None
    player.credit_outcome = credit.outcome
    for name in _CREDITED_COLUMNS:
        setattr(player, name, getattr(credit, name))
    player.click_facts = credit.click_facts
    return row


def end_credit_of_late_deposit(deposit: Credited, player: Player, *, occurred_at: datetime) -> None:
    """Take the credit from a deposit (unsaved) that came after the rule's bound; does nothing where there is none."""
    if player.credit_ends_at is None or occurred_at < player.credit_ends_at:
        return
    deposit.credit_outcome = CreditOutcome.LATE_DEPOSIT
    for name in _CREDITED_COLUMNS:
        setattr(deposit, name, None)


def note_thefts(player: Player, decision: Decision, *, registered_at: datetime, at: datetime) -> bool:
    """Keep the signs that a partner took the player from another; return whether there are any. Idempotent."""
    if player.is_test:
        return False
    considered = [each.touch for each in decision.candidates if each.verdict not in _NO_SHARE]
    rows = [
        TheftEvidence(
            player=player,
            kind=theft.kind,
            partner_before_id=theft.owner_id,
            partner_after_id=theft.taker_id,
            seconds_before=round((registered_at - theft.after.occurred_at).total_seconds()),
            seconds_after=round((theft.after.occurred_at - theft.before.occurred_at).total_seconds()),
            is_probable=theft.before.is_probable,
            occurred_at=registered_at,
            noticed_at=at,
        )
        for theft in find_thefts(considered, registered_at=registered_at)
    ]
    if rows:
        TheftEvidence.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["player", "kind", "partner_before", "partner_after"],
            update_fields=["seconds_before", "seconds_after", "is_probable"],
        )
    return bool(rows)


def candidates_as_json(candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    """Return candidates as a decision keeps them, each with its share by each model."""
    sharing = _sharing(candidates)
    shares = shares_by_model([each.touch.occurred_at for each in sharing])
    listed = []
    for candidate in candidates:
        touch = candidate.touch
        position = next((index for index, each in enumerate(sharing) if each is candidate), None)
        by_model = {model: str(shares[model][position]) for model in MODELS} if position is not None else {}
        listed.append(
            {
                "channel": str(touch.channel),
                "name": touch.name,
                "occurred_at": touch.occurred_at.isoformat(),
                "problem": str(touch.problem),
                "link": touch.link_id,
                "campaign": touch.campaign_id,
                "partner": touch.partner_id,
                "is_named": touch.is_named,
                "is_probable": touch.is_probable,
                "verdict": str(candidate.verdict),
                "shares": by_model,
            }
        )
    return listed


def _sharing(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return the candidates that share the player in the models for reading: each click once, however it is known."""
    seen: set[Any] = set()
    sharing = []
    for each in candidates:
        key = each.touch.click_uuid or (each.touch.channel, each.touch.name)
        if each.verdict not in _NO_SHARE and key not in seen:
            seen.add(key)
            sharing.append(each)
    return sharing
