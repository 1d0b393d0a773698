"""A sample that goes the whole way of a platform's messages, as a test player: signed, posted, recorded, told."""

import io
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.urls import resolve
from rest_framework.response import Response

from attribution.click_ids import new_uuid7, sign_click_id
from campaigns.models import TrackingLink
from conversions.api.receiving import SAMPLE
from conversions.domain.destination_limits import is_within_limits
from conversions.domain.platform_secrets import new_secret
from conversions.domain.reported import plain_amount
from conversions.models import Conversion, CustomerLtv, Destination, InboxEvent, Platform, Player, Postback
from conversions.signatures import sign
from tracker_project.common.addresses import parse_networks
from tracker_project.common.money import round_money

PREFIX = "sample-"
_CLICKED_BEFORE = timedelta(minutes=3)
_LEAST_DEPOSIT = Decimal(10)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the way: what was done, what came of it, and whether that is right (None: it is not over yet)."""

    name: str
    done: str
    result: str
    is_right: bool | None


@dataclass(frozen=True, kw_only=True)
class Posted:
    """What was posted and answered. Each message of a sample names its player, so that all of it is found again."""

    status: int
    answer: dict[str, Any]


def send_sample(platform: Platform, *, link: TrackingLink | None, at: datetime) -> tuple[str, list[Step]]:
    """Post a test player's registration and deposit, a repeat and a forgery; return the player's id and the steps.

    Each goes through the address, the signature and the transaction that the platform's own messages go through, and
    is marked as a test. What workers do with it afterwards is `way_of`.
    """
    player_id = f"{PREFIX}{secrets.token_hex(6)}"
    registration = _registration(player_id, link, at=at)
    deposit = _deposit(platform, player_id, at=at)
    return player_id, [
        _step("Registration", "A signed message was posted", _post(platform, "registration", registration), 201),
        _step("Deposit", "A signed message was posted", _post(platform, "deposit", deposit), 201),
        _step("Repeat", "The deposit was posted again", _post(platform, "deposit", deposit), 200),
        _step(
            "Forgery",
            "The deposit was posted with another signature",
            _post(platform, "deposit", deposit, secret=new_secret()),
            401,
        ),
    ]


def way_of(platform: Platform, player_id: str) -> list[Step]:
    """Return what became of a sample by now: inbox, credit, review, postbacks, and that it counts nowhere."""
    players = Player.objects.select_related("campaign", "partner", "creative")
    player = players.filter(platform=platform, player_id=player_id).first()  # at most one, by constraint
    if player is None:
        return [_inbox(platform, player_id)]
    conversions = list(player.conversions.order_by("kind", "pk"))
    return [
        _inbox(platform, player_id),
        _credit(player),
        *(_review(conversion) for conversion in reversed(conversions)),
        *_postbacks(player, conversions),
        _counts_nowhere(player, conversions),
    ]


def _registration(player_id: str, link: TrackingLink | None, *, at: datetime) -> dict[str, Any]:
    fields = {
        "event_id": f"{player_id}-registration",
        "occurred_at": (at - timedelta(seconds=2)).isoformat(),
        "player_id": player_id,
        "consent": {"ad_user_data": True, "ad_personalization": True},
        "is_test": True,
    }
    if link is None:
        return fields
    # A click that no visitor made and no table holds: it is credited by its link, and counted nowhere.
    uuid = new_uuid7(int((at - _CLICKED_BEFORE).timestamp() * 1000))
    country = next(iter(link.campaign.offer.countries), "") if link.campaign.offer else ""
    click_id = sign_click_id(uuid.bytes, link.pk, settings.CLICK_ID_KEYS[0])
    return fields | {"click_id": click_id} | ({"country": country} if country else {})


def _deposit(platform: Platform, player_id: str, *, at: datetime) -> dict[str, Any]:
    currency = platform.brand.currency
    amount = max(_LEAST_DEPOSIT, platform.brand.valuable_deposit_amount)
    return {
        "event_id": f"{player_id}-deposit",
        "occurred_at": (at - timedelta(seconds=1)).isoformat(),
        "player_id": player_id,
        "transaction_id": f"{player_id}-transaction",
        "status": "confirmed",
        "amount": plain_amount(round_money(amount, currency)),
        "currency": currency,
        "is_test": True,
    }


def _post(platform: Platform, event: str, fields: dict[str, Any], *, secret: str = "") -> Posted:
    """Post a message to the platform's address, inside this process; only its kept request is marked as ours."""
    path = f"/webhooks/{platform.slug}/{event}"
    body = json.dumps(fields).encode()
    message_id, timestamp = f"msg-{fields['event_id']}", int(datetime.fromisoformat(fields["occurred_at"]).timestamp())
    request = WSGIRequest(
        {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": path,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "REMOTE_ADDR": _allowed_address(platform),
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_WEBHOOK_ID": message_id,
            "HTTP_WEBHOOK_TIMESTAMP": str(timestamp),
            "HTTP_WEBHOOK_SIGNATURE": sign(secret or platform.secret, message_id, timestamp, body),
            SAMPLE: True,
            "wsgi.input": io.BytesIO(body),
            "wsgi.url_scheme": "http",
        }
    )
    view = resolve(path)
    response: Response = view.func(request, *view.args, **view.kwargs)
    return Posted(status=response.status_code, answer=response.data)


def _allowed_address(platform: Platform) -> str:
    """Return an address from which the platform may post."""
    networks = parse_networks(platform.allowed_addresses)
    return str(networks[0].network_address) if networks else "127.0.0.1"


def _step(name: str, done: str, posted: Posted, expected: int) -> Step:
    error = posted.answer.get("error")
    said = error["message"] if isinstance(error, dict) else str(posted.answer.get("status", ""))
    is_right = posted.status == expected
    result = (
        f"Answered {posted.status}, as it should be: {said}"
        if is_right
        else (f"Answered {posted.status} where {expected} was due: {said}")
    )
    return Step(name=name, done=done, result=result, is_right=is_right)


def _inbox(platform: Platform, player_id: str) -> Step:
    ids = [f"{player_id}-registration", f"{player_id}-deposit"]
    states = InboxEvent.objects.filter(platform=platform, event_id__in=ids).values_list("state", flat=True)
    recorded = sum(state == InboxEvent.State.RECORDED for state in states)
    return Step(
        name="Inbox",
        done="Each event stands there once",
        result=f"{recorded} of {len(ids)} events are recorded",
        is_right=recorded == len(ids) == len(states),
    )


def _credit(player: Player) -> Step:
    credited = [player.campaign, player.creative, player.partner]
    names = ", ".join(str(each) for each in credited if each is not None)
    outcome = player.get_credit_outcome_display()
    named_a_click = player.click_uuid is not None
    return Step(
        name="Credit",
        done="The registration named a click" if named_a_click else "The registration named no click",
        result=f"{outcome}: {names}" if names else outcome,
        is_right=bool(names) == named_a_click,
    )


def _review(conversion: Conversion) -> Step:
    is_pending = conversion.review_state == Conversion.Review.PENDING
    return Step(
        name=f"Review of the {conversion.get_kind_display().lower()}",
        done="The rules look at it",
        result=conversion.get_review_state_display(),
        is_right=None if is_pending else conversion.review_state == Conversion.Review.APPROVED,
    )


def _postbacks(player: Player, conversions: list[Conversion]) -> Iterator[Step]:
    written = Postback.objects.filter(conversion__in=conversions).select_related("destination").order_by("pk")
    told = set()
    for postback in written:
        told.add(postback.destination_id)
        yield _postback(postback)
    for destination in _destinations(player):
        if destination.pk not in told:
            yield Step(
                name=str(destination), done="A postback", result=_why_untold(destination, conversions), is_right=None
            )


def _postback(postback: Postback) -> Step:
    is_over = postback.state not in (Postback.State.PENDING, Postback.State.ACCEPTED)
    reason = f": {postback.state_reason}" if postback.state_reason else ""
    return Step(
        name=str(postback.destination),
        done=f"A postback in test mode, “{postback.get_event_display().lower()}”",
        result=f"{postback.get_state_display()}{reason}",
        is_right=postback.state == Postback.State.DONE if is_over else None,
    )


def _destinations(player: Player) -> list[Destination]:
    """Return who would hear of such a player if he were none of a test."""
    if player.campaign_id is None:
        return []
    within = Destination.objects.filter(is_within_limits(player), is_active=True, partner=None)
    return list(within.order_by("name"))


def _why_untold(destination: Destination, conversions: list[Conversion]) -> str:
    if destination.test_ends_at is None:
        return "It is not in test mode: a test is never sent there"
    if any(conversion.review_state == Conversion.Review.PENDING for conversion in conversions):
        return "It waits for the review"
    return "It hears of no such event, or its test mode is over"


def _counts_nowhere(player: Player, conversions: list[Conversion]) -> Step:
    ltv = CustomerLtv.objects.filter(player=player).first()  # at most one, by its key
    counted = [
        ("a real player", not player.is_test),
        ("a real conversion", not all(conversion.is_test for conversion in conversions)),
        ("a first deposit", any(conversion.is_first_deposit for conversion in conversions)),
        ("a lifetime value", ltv is not None and ltv.deposits > 0),
    ]
    wrong = [name for name, is_counted in counted if is_counted]
    result = f"It counts as {', '.join(wrong)}" if wrong else "It counts nowhere: no total, no value, no commission"
    return Step(name="Totals", done="It is marked as a test", result=result, is_right=not wrong)
