"""Make the ledger say what is owed for each player: book what is missing, reverse what is not owed any more."""

from datetime import datetime

import structlog
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q

from affiliates.domain.ledger import book_commission, reverse_commission
from affiliates.domain.terms import awaits_review, can_earn, earning_version
from affiliates.models import Commission, PartnerAccount
from campaigns.domain.exchange import NoExchangeRate
from campaigns.models import Partner
from conversions.models import Conversion, Player

log = structlog.get_logger(__name__)

# Players are locked this many at a time: their events wait until the transaction ends.
_BATCH = 25


def book_due_commissions(*, at: datetime, limit: int) -> int:
    """Settle up to `limit` conversions whose booking is due, oldest first, and return how many were.

    A player is settled as a whole and has at most one live commission, however often this runs and whatever came
    first. Workers may run side by side: players whom another one holds are left to it or to the next run. What cannot
    be settled (no exchange rate, say) is logged, stays due and stops no other.
    """
    settled, after = 0, 0
    while settled < limit:
        due = _due(after=after, limit=min(_BATCH, limit - settled))
        if not due:
            break
        settled += _settle_players({player_id for _, player_id in due}, at=at)
        after = due[-1][0]
    return settled


def _due(*, after: int, limit: int) -> list[tuple[int, int]]:
    due = Conversion.objects.filter(booking_state=Conversion.Booking.DUE, pk__gt=after).order_by("pk")
    return list(due.values_list("pk", "player_id")[:limit])


@transaction.atomic
def _settle_players(player_ids: set[int], *, at: datetime) -> int:
    """Settle these players, those whom nobody else holds, and return how many due conversions that were.

    The player's row is locked before his conversions', as recording does: whoever holds it may move his marks.
    """
    players = Player.objects.filter(pk__in=player_ids).order_by("pk")
    held = list(players.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True))
    conversions = _locked_conversions(held)
    firsts = {conversion.player_id: conversion for conversion in conversions if conversion.is_first_deposit}
    live = _live_commissions(held)
    settled = {player for player in held if _try_to_settle(player, firsts.get(player), live.get(player), at=at)}
    done = [
        conversion.pk
        for conversion in conversions
        if conversion.booking_state == Conversion.Booking.DUE and conversion.player_id in settled
    ]
    return Conversion.objects.filter(pk__in=done).update(booking_state=Conversion.Booking.DONE)


def _locked_conversions(player_ids: list[int]) -> list[Conversion]:
    """Return the players' first deposits and due conversions, locked against a review that runs meanwhile."""
    relevant = Q(booking_state=Conversion.Booking.DUE) | Q(is_first_deposit=True)
    return list(
        Conversion.objects.select_related("player", "campaign", "creative", "partner")
        .filter(relevant, player__in=player_ids)
        .order_by("pk")
        .select_for_update(of=("self",), no_key=True)
    )


def _live_commissions(player_ids: list[int]) -> dict[int, Commission]:
    live = Commission.objects.select_related("conversion", "partner_account__partner", "plan_version__plan").filter(
        player__in=player_ids, reversed_at__isnull=True
    )
    return {commission.player_id: commission for commission in live}


def _try_to_settle(player: int, first: Conversion | None, live: Commission | None, *, at: datetime) -> bool:
    if live is None and not can_earn(first):
        return True
    try:
        with transaction.atomic():
            _settle(first, live, at=at)
    except (OperationalError, InterfaceError):
        raise  # the database is the trouble, not the player
    except NoExchangeRate as missing:
        log.warning("booking_waits_for_exchange_rate", player=player, currency=missing.currency, on=str(missing.on))
        return False
    except Exception:
        log.exception("booking_failed", player=player)
        return False
    return True


def _settle(first: Conversion | None, live: Commission | None, *, at: datetime) -> None:
    if awaits_review(first):
        return
    if live is not None:
        reason = _reason_to_reverse(live, first)
        if reason is None:
            return
        reverse_commission(live, reason=reason, at=at)
    if first is not None and first.partner is not None and can_earn(first):
        _book(first, first.partner, at=at)


def _book(first: Conversion, partner: Partner, *, at: datetime) -> None:
    accounts = PartnerAccount.objects.select_related("partner", "plan")
    partner_account = accounts.filter(partner=partner, is_active=True).first()  # at most one, by constraint
    if partner_account is None:
        return
    version = earning_version(first, partner_account.plan)
    if version is not None:
        book_commission(first, partner_account=partner_account, version=version, at=at)


def _reason_to_reverse(live: Commission, first: Conversion | None) -> str | None:
    """Say why a live commission is not owed any more; None while it is.

    Terms that changed since it was booked take nothing back; another first deposit is measured by the same plan.
    """
    booked = live.conversion
    stands = first or booked
    deposit = f"Deposit {stands.transaction_id}"
    if stands.is_test:
        return f"{deposit} is a test."
    if first is None or first.status != Conversion.Status.CONFIRMED:
        return f"{deposit} is {stands.get_status_display().lower()}."
    if first.review_state != Conversion.Review.APPROVED:
        return f"{deposit} was {first.get_review_state_display().lower()} in review."
    if first.partner_id != live.partner_account.partner_id:
        return f"{deposit} is not credited to this partner any more."
    if first.pk != booked.pk and earning_version(first, live.plan_version.plan) is None:
        return f"{deposit} is the player's first one now, and the plan pays nothing for it."
    return None
