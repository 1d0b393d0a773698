"""What staff change about a player's credit, always with a reason: re-tag, release, join, separate, merge."""

from datetime import datetime

import structlog
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from attribution.domain.touches import Claim, Touch, read_touches
from attribution.models import Channel
from campaigns.models import Partner, TrackingLink
from conversions.domain.recrediting import settle_credit
from conversions.models import CreditDecision, CreditIntervention, Player, PlayerMerge, Touchpoint
from tracker_project.common.database import broken_constraint

log = structlog.get_logger(__name__)


class CreditReasonMissing(ValueError):
    """Whoever changes who is credited says why."""


class NothingToRetag(ValueError):
    """The player has not registered, or is this link's or partner's already."""


class UnusableTouch(ValueError):
    """What was written is no click id of ours, no known code and no known tag."""


class AlreadyMerged(ValueError):
    """The two are one person already, or the same row, or of two platforms."""


def retag_player(
    player: Player,
    *,
    link: TrackingLink | None = None,
    partner: Partner | None = None,
    reason: str,
    actor: User,
    at: datetime,
) -> CreditIntervention:
    """Give a registered player to a link (with its campaign and partner), or to a partner alone, from now on.

    His deposits follow, are reviewed again, and commissions move with them; what was decided before stays to be read.
    Raises `CreditReasonMissing` and `NothingToRetag`.
    """
    partner = link.partner if link else partner
    with transaction.atomic():
        locked = _locked(player)
        if locked.registered_at is None:
            raise NothingToRetag("He has not registered yet: credit is given when he does.")
        if (link is None and partner is None) or _is_credited(locked, link, partner):
            raise NothingToRetag("Choose a link or partner other than the one that is credited.")
        return _intervene(
            locked, CreditIntervention.Kind.RETAG, link=link, partner=partner, reason=reason, actor=actor, at=at
        )


def release_player(player: Player, *, reason: str, actor: User, at: datetime) -> CreditIntervention:
    """Leave a re-tagged player to his touches and the rule again. Raises as `retag_player`."""
    with transaction.atomic():
        locked = _locked(player)
        if not is_retagged(locked):
            raise NothingToRetag("No person gave him to anybody: the rule decides already.")
        return _intervene(locked, CreditIntervention.Kind.RELEASE, reason=reason, actor=actor, at=at)


def separate_touch(
    player: Player, *, channel: str, name: str, reason: str, actor: User, at: datetime
) -> CreditIntervention:
    """Say that a touch is not the player's, whoever named it; what hangs on it goes with it.

    Raises `CreditReasonMissing`.
    """
    with transaction.atomic():
        kind = CreditIntervention.Kind.SEPARATE
        return _intervene(_locked(player), kind, channel=channel, name=name, reason=reason, actor=actor, at=at)


def join_touch(player: Player, claim: Claim, *, reason: str, actor: User, at: datetime) -> CreditIntervention:
    """Say that a click, code or tag was the player's; also puts back what was separated.

    A code or tag counts as given when he registered. Raises `CreditReasonMissing`, and `UnusableTouch` for what leads
    to nobody.
    """
    with transaction.atomic():
        locked = _locked(player)
        touches = read_touches(claim, at=locked.registered_at or at)
        if not touches or touches[0].problem:
            raise UnusableTouch("This leads to nobody: write a click id of ours, a promo code or a partner's tag.")
        _keep_joined(locked, touches[0], at=at)
        kind = CreditIntervention.Kind.JOIN
        touch = touches[0]
        return _intervene(locked, kind, channel=touch.channel, name=touch.name, reason=reason, actor=actor, at=at)


def rejoin_touch(
    player: Player, *, channel: str, name: str, reason: str, actor: User, at: datetime
) -> CreditIntervention:
    """Take the separation of a touch back. Raises `CreditReasonMissing`."""
    with transaction.atomic():
        kind = CreditIntervention.Kind.JOIN
        return _intervene(_locked(player), kind, channel=channel, name=name, reason=reason, actor=actor, at=at)


def merge_players(player: Player, other: Player, *, reason: str, actor: User, at: datetime) -> PlayerMerge:
    """Say that two players of one platform are one person: the touches of both count for both, until it is undone.

    Raises `CreditReasonMissing` and `AlreadyMerged`.
    """
    if player.pk == other.pk or player.platform_id != other.platform_id:
        raise AlreadyMerged("Name another player of the same platform.")
    first, second = sorted([player, other], key=lambda each: each.pk)
    merge = PlayerMerge(player=first, other=second, reason=_said(reason), actor=actor, merged_at=at)
    try:
        with transaction.atomic():
            merge.save(force_insert=True)
            _settle([first, second], at=at)
    except IntegrityError as error:
        if broken_constraint(error) != "one_merge_in_force_per_pair":
            raise
        raise AlreadyMerged("These two are one person already.") from error
    log.info("players_merged", player=first.pk, other=second.pk, actor=actor.pk)
    return merge


def undo_merge(merge: PlayerMerge, *, reason: str, actor: User, at: datetime) -> PlayerMerge:
    """Keep two players apart again; does nothing where that was done. Raises `CreditReasonMissing`."""
    reason = _said(reason)
    with transaction.atomic():
        standing = PlayerMerge.objects.filter(pk=merge.pk, undone_at=None)
        if standing.update(undone_at=at, undone_by=actor, undo_reason=reason):
            _settle([merge.player, merge.other], at=at)
            log.info("merge_undone", merge=merge.pk, actor=actor.pk)
    merge.refresh_from_db()
    return merge


def is_retagged(player: Player) -> bool:
    """Say whether a person's word stands against the rule."""
    kinds = [CreditIntervention.Kind.RETAG, CreditIntervention.Kind.RELEASE]
    latest = player.credit_interventions.filter(kind__in=kinds).order_by("-pk").first()
    return latest is not None and latest.kind == CreditIntervention.Kind.RETAG


def _said(reason: str) -> str:
    if not reason.strip():
        raise CreditReasonMissing("Say why: the reason is shown in the history of both partners.")
    return reason.strip()


def _locked(player: Player) -> Player:
    return Player.objects.select_for_update(of=("self",), no_key=True).select_related("platform").get(pk=player.pk)


def _is_credited(player: Player, link: TrackingLink | None, partner: Partner | None) -> bool:
    if link is not None:
        return player.link_id == link.pk
    return partner is not None and player.partner_id == partner.pk


def _keep_joined(player: Player, touch: Touch, *, at: datetime) -> None:
    row = Touchpoint(
        platform_id=player.platform_id,
        player=player,
        how=Touchpoint.How.STAFF,
        channel=touch.channel,
        name=touch.name,
        occurred_at=touch.occurred_at,
        named_at=at,
        click_uuid=touch.click_uuid,
        link_id=touch.link_id,
        campaign_id=touch.campaign_id,
        creative_id=touch.creative_id,
        partner_id=touch.partner_id,
        source_id=touch.source_id,
        offer_id=touch.offer_id,
        is_due=False,
    )
    Touchpoint.objects.bulk_create([row], ignore_conflicts=True)


def _intervene(
    player: Player,
    kind: CreditIntervention.Kind,
    *,
    reason: str,
    actor: User,
    at: datetime,
    link: TrackingLink | None = None,
    partner: Partner | None = None,
    channel: Channel | str = "",
    name: str = "",
) -> CreditIntervention:
    """Write an intervention, let the credit follow, and note who is credited then."""
    intervention = CreditIntervention(
        player=player,
        kind=kind,
        channel=channel,
        name=name,
        link=link,
        partner_before_id=player.partner_id,
        partner_after=partner,
        reason=_said(reason),
        actor=actor,
        created_at=at,
    )
    intervention.save(force_insert=True)
    settle_credit(player, cause=CreditDecision.Cause.STAFF, at=at)
    intervention.partner_after_id = player.partner_id
    intervention.save(update_fields=["partner_after"])
    log.info("credit_intervention", player=player.pk, kind=kind, actor=actor.pk)
    return intervention


def _settle(players: list[Player], *, at: datetime) -> None:
    for player in sorted(players, key=lambda each: each.pk):
        settle_credit(_locked(player), cause=CreditDecision.Cause.STAFF, at=at)
