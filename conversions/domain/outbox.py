"""Postbacks that are owed: written with the fact that they tell of, withdrawn when it is taken back."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from campaigns.models import Partner
from conversions.domain.audience import Audience, destinations_of_partner, destinations_without_partner
from conversions.domain.consent import refusal_to_signal
from conversions.domain.destination_limits import is_within_limits
from conversions.domain.predicted_value import predicted_value
from conversions.models import Conversion, Destination, Player, Postback
from conversions.models.postbacks import REVERSED
from tracker_project.common.hints import hint_after_commit
from tracker_project.common.money import Money
from tracker_project.common.prepared import fetch, insert_missing

_WITHDRAWN = "The conversion was taken back before it was sent."


def write_postbacks(conversion: Conversion, *, at: datetime, audience: Audience | None = None) -> None:
    """Owe each destination without a partner what it is to hear of an approved conversion; idempotent.

    Only confirmed facts are told, a first deposit once a player and any other deposit once. What was withdrawn unsent
    is owed again, and what players are worth is stated anew where that is told. Call inside the transaction that
    approves; `audience` is that of all conversions approved in it.
    """
    if conversion.status != Conversion.Status.CONFIRMED:
        return
    concerned = (audience or Audience()).of(conversion)
    destinations = [
        destination
        for destination in concerned
        if is_in_band(conversion, destination) and not refusal_to_signal(conversion, destination, at=at)
    ]
    if destinations:
        _write(conversion, destinations, at=at)
    _state_value_anew(conversion, concerned, at=at)


def _write(conversion: Conversion, destinations: Sequence[Destination], *, at: datetime) -> None:
    facts = [_fact(conversion, event) for event in (Postback.Event.FIRST_DEPOSIT, Postback.Event.VALUABLE_DEPOSIT)]
    known = _known_rows(conversion, destinations, facts=facts)
    if any(row.is_postponed for row in known):
        waiting = Postback.objects.filter(conversion=conversion, state=Postback.State.PENDING, tries=0)
        waiting.filter(next_attempt_at__gt=at, leased_until=None).update(next_attempt_at=at, state_reason="")
    new: list[Postback] = []
    for destination in destinations:
        event = _event_for(conversion, destination, known)
        if event is not None:
            new.append(_new_postback(conversion, destination, event, fact=_fact(conversion, event), at=at))
    _owe(new, known=known, at=at)


def withdraw_postbacks(conversion: Conversion, *, at: datetime) -> None:
    """Take back a conversion that no longer stands: cancel what is unsent, correct what was told; idempotent.

    URL templates hear `rejected` under the same transaction id, Google is told a value of zero once it has confirmed
    the conversion; the others have no way to take an event back, which is noted on its row. Partners hear of their
    payout from `write_partner_postback`.
    """
    owed = Postback.objects.filter(conversion=conversion, is_correction=False)
    _take_back(owed.filter(destination__partner=None), payout=None, at=at)
    _cancel(owed.exclude(destination__partner=None).filter(tries=0, leased_until=None), at=at)
    _state_value_anew(conversion, destinations_without_partner(conversion), at=at)


def withdraw_misplaced_postbacks(conversion: Conversion, *, at: datetime) -> None:
    """Take back what a conversion's new credit puts outside of its destination's campaigns, partners or source."""
    told = Postback.objects.filter(conversion=conversion, is_correction=False, destination__partner=None)
    _take_back(told.exclude(is_within_limits(conversion, of="destination__")), payout=None, at=at)


def write_partner_postback(
    conversion: Conversion,
    *,
    partner: Partner,
    payout: Money,
    event: Postback.Event | str,
    is_correction: bool,
    at: datetime,
) -> None:
    """Owe a partner's destinations the payout that was booked for a conversion, or its reversal; idempotent.

    A correction goes only where the payout was told, and passes without consent. Call inside the transaction that
    books.
    """
    fact = "partner:" + _fact(conversion, event)
    if is_correction:
        _take_back(Postback.objects.filter(fact=fact, destination__partner=partner), payout=payout, at=at)
        return
    destinations = [
        destination
        for destination in destinations_of_partner(conversion, partner.pk)
        if _hears(destination, event) and not refusal_to_signal(conversion, destination, at=at)
    ]
    new = [
        _new_postback(conversion, destination, event, fact=fact, payout=payout, at=at) for destination in destinations
    ]
    _owe(new, known=_known_rows(conversion, destinations, facts=[fact]), at=at)


def draft_postback(conversion: Conversion, destination: Destination, *, at: datetime) -> Postback | None:
    """Return the postback of a conversion as it would be written if nothing had been told yet; it is not stored.

    None where the destination hears of no such event; a partner's payout is not known here.
    """
    if destination.partner_id is None:
        event = _event_for(conversion, destination, [])
    else:
        is_told = conversion.is_first_deposit and _hears(destination, Postback.Event.FIRST_DEPOSIT)
        event = Postback.Event.FIRST_DEPOSIT if is_told else None
    if event is None:
        return None
    return _new_postback(conversion, destination, event, fact=_fact(conversion, event), at=at)


def dedup_id(destination: Destination, fact: str) -> str:
    """Return what a destination de-duplicates a fact on: 32 hexadecimal digits, a correction's the same."""
    return _keyed(destination, "fact:" + fact.removesuffix(REVERSED))[:32]


def player_key(destination: Destination, player: Player) -> str:
    """Return the name under which one destination knows a player: 64 hexadecimal digits, useless elsewhere."""
    return _keyed(destination, f"player:{player.pk}")


def nobodys_key(destination: Destination, *, at: datetime) -> str:
    """Return the name of nobody, for a test event: 64 hexadecimal digits."""
    return _keyed(destination, f"test:{at.isoformat()}")


def _keyed(destination: Destination, text: str) -> str:
    return hmac.digest(bytes.fromhex(destination.hash_key), text.encode(), hashlib.sha256).hex()


def is_in_band(conversion: Conversion, destination: Destination) -> bool:
    """Tell whether a deposit lies in the destination's band; without an exchange rate it lies in none."""
    if conversion.kind != Conversion.Kind.DEPOSIT or (destination.min_value is None and destination.max_value is None):
        return True
    amount = conversion.reporting_amount
    if amount is None:
        return False
    is_above = destination.min_value is None or amount >= destination.min_value
    return bool(is_above and (destination.max_value is None or amount < destination.max_value))


@dataclass(frozen=True)
class _KnownRow:
    """What is written already of a conversion, or of a fact that it may tell, for one destination."""

    pk: int
    destination: int
    conversion: int
    fact: str
    is_unsent: bool
    is_postponed: bool


def _known_rows(
    conversion: Conversion, destinations: Sequence[Destination], *, facts: Sequence[str]
) -> list[_KnownRow]:
    """Return the rows that decide what is still to be told."""
    rows = fetch(
        """SELECT id, destination_id, conversion_id, fact, state = 'cancelled' AND tries = 0,
                  state = 'pending' AND tries = 0 AND leased_until IS NULL AND state_reason <> ''
             FROM postbacks
            WHERE destination_id = ANY(%s) AND NOT is_correction AND (fact = ANY(%s) OR conversion_id = %s)""",
        [[destination.pk for destination in destinations], list(facts), conversion.pk],
    )
    return [_KnownRow(*row) for row in rows]


def _event_for(conversion: Conversion, destination: Destination, known: Sequence[_KnownRow]) -> Postback.Event | None:
    """Return what a destination is to be told now.

    The first-deposit mark may have moved since: who heard of a first deposit of this player hears of no second one,
    and of no conversion twice under two names.
    """
    told = [row for row in known if row.destination == destination.pk and not row.is_unsent]
    if any(row.conversion == conversion.pk for row in told):
        return None
    if conversion.kind == Conversion.Kind.REGISTRATION:
        return Postback.Event.REGISTRATION if destination.on_registration else None
    if destination.on_valuable_deposit:
        valuable = _fact(conversion, Postback.Event.VALUABLE_DEPOSIT)
        is_new = conversion.is_valuable and not any(row.fact == valuable for row in told)
        return Postback.Event.VALUABLE_DEPOSIT if is_new else None
    first_deposit = _fact(conversion, Postback.Event.FIRST_DEPOSIT)
    # A test is no first deposit, and is told as one where tests are shown.
    is_first = (conversion.is_first_deposit or conversion.is_test) and not any(
        row.fact == first_deposit for row in told
    )
    if is_first and destination.on_first_deposit:
        return Postback.Event.FIRST_DEPOSIT
    return Postback.Event.DEPOSIT if destination.on_deposit else None


def _hears(destination: Destination, event: Postback.Event | str) -> bool:
    return {
        Postback.Event.REGISTRATION: destination.on_registration,
        Postback.Event.FIRST_DEPOSIT: destination.on_first_deposit or destination.on_deposit,
        Postback.Event.DEPOSIT: destination.on_deposit,
        Postback.Event.VALUABLE_DEPOSIT: destination.on_valuable_deposit,
    }[Postback.Event(event)]


def _fact(conversion: Conversion, event: Postback.Event | str) -> str:
    """Name what is told: a registration, a first and a first valuable deposit are the player's, others their own."""
    subject = conversion.pk if event == Postback.Event.DEPOSIT else conversion.player_id
    return f"{Postback.Event(event).value}:{subject}"


def _new_postback(
    conversion: Conversion,
    destination: Destination,
    event: Postback.Event | str,
    *,
    fact: str,
    at: datetime,
    payout: Money | None = None,
) -> Postback:
    predicted = _predicted(conversion, destination, at=at)
    return Postback(
        destination=destination,
        conversion=conversion,
        event=event,
        is_correction=fact.endswith(REVERSED),
        predicted_value=predicted.amount if predicted else None,
        predicted_currency=predicted.currency if predicted else None,
        fact=fact,
        dedup_id=dedup_id(destination, fact),
        payout=payout.amount if payout else None,
        payout_currency=payout.currency if payout else None,
        next_attempt_at=at,
        created_at=at,
    )


def _predicted(conversion: Conversion, destination: Destination, *, at: datetime) -> Money | None:
    """Return what the player is expected to be worth, where that is told: it stays as it was on every try."""
    if destination.value_kind != Destination.Value.PREDICTED or conversion.kind != Conversion.Kind.DEPOSIT:
        return None
    return predicted_value(conversion.player, at=at)


def _owe(postbacks: Sequence[Postback], *, at: datetime, known: Sequence[_KnownRow] = ()) -> None:
    """Store rows that are not there yet, and bring those back that were cancelled before anything was sent."""
    if not postbacks:
        return
    insert_missing(*postbacks)
    by_key = {(postback.destination_id, postback.fact): postback for postback in postbacks}
    unsent = Postback.objects.filter(state=Postback.State.CANCELLED, tries=0)
    for row in known:
        if row.is_unsent and (row.destination, row.fact) in by_key:
            _revive(unsent.filter(pk=row.pk), by_key[row.destination, row.fact], at=at)
    hint_after_commit("postback_written")


def _revive(row: QuerySet[Postback], postback: Postback, *, at: datetime) -> None:
    row.update(
        conversion=postback.conversion,
        state=Postback.State.PENDING,
        state_reason="",
        payout=postback.payout,
        payout_currency=postback.payout_currency,
        predicted_value=postback.predicted_value,
        predicted_currency=postback.predicted_currency,
        next_attempt_at=at,
        leased_until=None,
        finished_at=None,
    )


def _take_back(owed: QuerySet[Postback], *, payout: Money | None, at: datetime) -> None:
    """Cancel what waits among `owed`, and correct what was told, or may be heard at this moment, where it can be."""
    rows = list(owed.select_for_update(of=("self",)).select_related("destination", "conversion").order_by("id"))
    _cancel(owed, at=at)
    corrections = []
    for row in rows:
        was_told = row.state in (Postback.State.DONE, Postback.State.ACCEPTED)
        may_be_told = row.state == Postback.State.PENDING and (row.tries > 0 or row.leased_until is not None)
        if not was_told and not may_be_told:
            continue
        if not can_correct(row):
            _note_uncorrected(row)
            continue
        correction = _new_postback(
            row.conversion, row.destination, row.event, fact=row.fact + REVERSED, at=at, payout=payout
        )
        # What is on its way arrives first.
        correction.next_attempt_at = max(at, row.leased_until or at)
        corrections.append(correction)
    _owe(corrections, at=at)


def can_correct(postback: Postback) -> bool:
    """Tell whether the receiver can be told that what it heard no longer stands.

    Google's Data Manager hears a value of zero, Google Ads takes the conversion back.
    """
    destination = postback.destination
    if destination.kind == Destination.Kind.GENERIC:
        return destination.tells_corrections
    if destination.kind == Destination.Kind.GOOGLE_ADS:
        return True
    has_value = postback.conversion.amount is not None and destination.value_kind != Destination.Value.NONE
    return destination.kind == Destination.Kind.GOOGLE and has_value


def _note_uncorrected(postback: Postback) -> None:
    is_address = postback.destination.kind == Destination.Kind.GENERIC
    vendor = "the receiver" if is_address else postback.destination.get_kind_display().split()[0]
    told = Postback.objects.filter(pk=postback.pk, state__in=[Postback.State.DONE, Postback.State.ACCEPTED])
    told.update(state_reason=f"It was taken back after it was told: {vendor} has no way to hear of that.")


def _state_value_anew(cause: Conversion, destinations: Sequence[Destination], *, at: datetime) -> None:
    """Owe a restatement where a platform was told what the player is worth, and a deposit of his changes that.

    The value itself is read when it is sent. A first or valuable deposit that was reversed stays at zero.
    """
    restating = [
        destination
        for destination in destinations
        if destination.kind in Destination.RESTATING and destination.value_kind == Destination.Value.SO_FAR
    ]
    if not restating or cause.kind != Conversion.Kind.DEPOSIT:
        return
    told = Postback.objects.filter(
        destination__in=restating,
        fact__in=[_fact(cause, event) for event in (Postback.Event.FIRST_DEPOSIT, Postback.Event.VALUABLE_DEPOSIT)],
        state__in=[Postback.State.PENDING, Postback.State.ACCEPTED, Postback.State.DONE],
        conversion__status=Conversion.Status.CONFIRMED,
        conversion__reversed_at=None,
    )
    changed = told.exclude(conversion=cause).exclude(state=Postback.State.PENDING, tries=0, leased_until=None)
    # A deposit that came before its exchange rate counts once that is known.
    reason = f"{cause.pk}:{cause.status}" + ("" if cause.reporting_amount is not None else ":unconverted")
    _owe([restatement(row, reason, at=at) for row in changed.select_related("conversion", "destination")], at=at)


def restatement(told: Postback, reason: str, *, at: datetime) -> Postback:
    """Return the postback that states the value of what was told anew, under its id; it is not stored yet.

    It is one for each `reason`, which says what changed the value.
    """
    predicted = _predicted(told.conversion, told.destination, at=at)
    return Postback(
        destination=told.destination,
        conversion=told.conversion,
        event=told.event,
        is_correction=True,
        predicted_value=predicted.amount if predicted else None,
        predicted_currency=predicted.currency if predicted else None,
        fact=f"{told.fact}:value:{reason}",
        dedup_id=told.dedup_id,
        next_attempt_at=max(at, told.leased_until or at),
        created_at=at,
    )


def _cancel(owed: QuerySet[Postback], *, at: datetime) -> None:
    owed.filter(state=Postback.State.PENDING).update(
        state=Postback.State.CANCELLED, state_reason=_WITHDRAWN, finished_at=at, leased_until=None
    )
