"""What happens to the play's players: each story reads from top to bottom and pauses where the tracker shall catch up.

A story gets the reporting desk and, where it asks for a link, a click on one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from tests.outside.desk import Desk
from tests.outside.setup import Demo
from tests.outside.visitors import Click

Plot = Callable[[Desk, Click], Iterator[None]]


@dataclass(frozen=True, kw_only=True)
class Story:
    """A plot, and the visit with which it begins: a word of the source's name, a country, a bot or a person."""

    plot: Plot
    source: str
    country: str = "MT"
    is_bot: bool = False


def ordinary(desk: Desk, click: Click) -> Iterator[None]:
    player = desk.register(click)
    desk.deposit(player, "50.00")
    yield
    desk.deposit(player, "75.50")


def registration_alone(desk: Desk, click: Click) -> Iterator[None]:
    desk.register(click)
    yield


def repeats(desk: Desk, click: Click) -> Iterator[None]:
    player = desk.register(click)
    deposit = desk.deposit(player, "20.00")
    desk.send(deposit)
    desk.send(deposit, to_default_platform=True)
    yield
    desk.send(deposit)


def contradictions(desk: Desk, click: Click) -> Iterator[None]:
    player = desk.register(click)
    deposit = desk.deposit(player, "30.00")
    desk.send(replace(deposit, amount=Decimal("3000.00")))
    desk.send(replace(deposit, event_id=desk.new_id("event"), currency="USD"))
    desk.send(replace(deposit, event_id=desk.new_id("event"), status="charged_back", amount=Decimal("29.99")))
    yield


def deposit_before_registration(desk: Desk, click: Click) -> Iterator[None]:
    player = desk.new_id("player")
    desk.deposit(player, "120.00")
    yield
    desk.register(click, player_id=player)


def pending_then_confirmed(desk: Desk, click: Click) -> Iterator[None]:
    player = desk.register(click)
    deposit = desk.deposit(player, "64.00", status="pending")
    yield
    desk.change(deposit, status="confirmed")


def confirmed_before_pending(desk: Desk, click: Click) -> Iterator[None]:
    player = desk.register(click)
    pending = desk.draft_deposit(player, "42.42", status="pending")
    confirmed = desk.draft_change(pending, status="confirmed")
    desk.send(confirmed)
    desk.send(pending)
    yield


def rejected_then_another(desk: Desk, click: Click) -> Iterator[None]:
    player = desk.register(click)
    deposit = desk.deposit(player, "500.00", status="pending")
    desk.change(deposit, status="rejected")
    desk.deposit(player, "25.00")
    yield


def chargeback_then_another(desk: Desk, click: Click) -> Iterator[None]:
    player = desk.register(click)
    deposit = desk.deposit(player, "100.00")
    yield
    desk.change(deposit, status="charged_back")
    desk.deposit(player, "60.00")


def chargeback_before_confirmation(desk: Desk, click: Click) -> Iterator[None]:
    player = desk.register(click)
    confirmed = desk.draft_deposit(player, "90.00")
    desk.change(confirmed, status="charged_back")
    desk.send(confirmed)
    yield


def void(desk: Desk, click: Click) -> Iterator[None]:
    player = desk.register(click)
    deposit = desk.deposit(player, "33.00")
    yield
    desk.change(deposit, status="void")


def two_at_the_same_instant(desk: Desk, click: Click) -> Iterator[None]:
    player = desk.register(click)
    one = desk.draft_deposit(player, "50.00")
    other = desk.draft_deposit(player, "50.00", occurred_at=one.occurred_at)
    desk.send_at_once([one, other])
    yield


def one_event_many_times_at_once(desk: Desk, click: Click) -> Iterator[None]:
    player = desk.register(click)
    desk.send_at_once([desk.draft_deposit(player, "51.00")] * 4)
    yield


def earlier_deposit_late(desk: Desk, click: Click) -> Iterator[None]:
    player = desk.register(click)
    earlier = desk.draft_deposit(player, "10.00")
    desk.deposit(player, "200.00")
    yield
    desk.send(earlier)


def forged_click_id(desk: Desk, click: Click) -> Iterator[None]:
    last = "0" if click.click_id[-1] != "0" else "1"
    player = desk.register(click, click_id=click.click_id[:-1] + last)
    desk.deposit(player, "1000.00")
    yield


def click_id_in_capitals(desk: Desk, click: Click) -> Iterator[None]:
    player = desk.register(click, click_id=click.click_id.upper())
    desk.deposit(player, "50.00")
    yield


def no_consent(desk: Desk, click: Click) -> Iterator[None]:
    player = desk.register(click, has_consent=False)
    desk.deposit(player, "70.00")
    yield


def consent_unknown(desk: Desk, click: Click) -> Iterator[None]:
    player = desk.register(click, has_consent=None)
    desk.deposit(player, "71.00")
    yield


def foreign_country(desk: Desk, click: Click) -> Iterator[None]:
    player = desk.register(click)
    desk.deposit(player, "80.00")
    yield


def test_player(desk: Desk, click: Click) -> Iterator[None]:
    player = desk.register(click, is_test=True)
    desk.deposit(player, "1.00", is_test=True)
    yield


# Each kind of source has a story in which its receiver is told, corrected, or must hear nothing.
STORIES = [
    *(Story(plot=ordinary, source=source) for source in ("Meta", "Google", "Partners")),
    Story(plot=repeats, source="Partners"),
    Story(plot=contradictions, source="Partners"),
    *(Story(plot=deposit_before_registration, source=source) for source in ("Meta", "Partners")),
    *(Story(plot=pending_then_confirmed, source=source) for source in ("Meta", "Partners")),
    *(Story(plot=confirmed_before_pending, source=source) for source in ("Google", "Partners")),
    Story(plot=rejected_then_another, source="Meta"),
    *(Story(plot=chargeback_then_another, source=source) for source in ("Meta", "Google", "Partners")),
    *(Story(plot=chargeback_before_confirmation, source=source) for source in ("Meta", "Partners")),
    *(Story(plot=void, source=source) for source in ("Google", "Partners")),
    *(Story(plot=two_at_the_same_instant, source=source) for source in ("Meta", "Partners")),
    Story(plot=one_event_many_times_at_once, source="Partners"),
    *(Story(plot=earlier_deposit_late, source=source) for source in ("Meta", "Partners")),
    *(Story(plot=forged_click_id, source=source) for source in ("Meta", "Partners")),
    Story(plot=click_id_in_capitals, source="Google"),
    *(Story(plot=no_consent, source=source) for source in ("Meta", "Google")),
    Story(plot=consent_unknown, source="Meta", country="FI"),
    *(Story(plot=foreign_country, source=source, country="US") for source in ("Meta", "Partners")),
    *(Story(plot=ordinary, source=source, is_bot=True) for source in ("Google", "Partners")),
    *(Story(plot=test_player, source=source) for source in ("Meta", "Partners")),
]


def by_promo_code(desk: Desk, demo: Demo) -> Iterator[None]:
    """Begin without a click: a code that stands for a link, a partner's tag, and codes that nobody has."""
    code = next((link.promo_code for link in demo.links if link.promo_code), None)
    if code is not None:
        player = desk.register(promo_code=code.lower())
        desk.deposit(player, "55.00")
    tag = next(iter(demo.partners))
    tagged = desk.register(partner_tag=tag)
    desk.deposit(tagged, "56.00")
    stranger = desk.register(promo_code="NOBODYS-CODE", partner_tag="nobody")
    desk.deposit(stranger, "57.00")
    yield


def malformed_messages(desk: Desk) -> None:
    """Send what must be refused; none of it may leave a trace in any figure."""
    valid = b'{"event_id":"x","transaction_id":"x","status":"confirmed","occurred_at":"2026-01-01T00:00:00Z",'
    valid += b'"player_id":"x","amount":"5.00","currency":"EUR"}'
    other_secret = "whsec_b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXI="
    desk.send_refused("a message signed by another secret", 401, valid, secret=other_secret)
    desk.send_refused("a message of an hour ago", 401, valid, headers={"webhook-timestamp": "1000000000"})
    desk.send_refused("a message without signature", 401, valid, headers={"webhook-signature": ""})
    desk.send_refused("text", 415, valid, headers={"content-type": "text/plain"})
    desk.send_refused("half an object", 400, valid[:-1])
    desk.send_refused("bad UTF-8", 400, b'{"event_id":"\xff"}')
    desk.send_refused("an amount as a JSON number", 400, valid.replace(b'"5.00"', b"5.00"))
    desk.send_refused("an amount that is NaN", 400, valid.replace(b'"5.00"', b"NaN"))
    desk.send_refused("an amount below 0", 400, valid.replace(b'"5.00"', b'"-5.00"'))
    desk.send_refused("an unknown currency", 400, valid.replace(b'"EUR"', b'"ABC"'))
    desk.send_refused("an unknown status", 400, valid.replace(b'"confirmed"', b'"paid"'))
    desk.send_refused("a key twice", 400, valid[:-1] + b',"amount":"500.00"}')
    desk.send_refused("deep nesting", 400, b'{"x":' + b"[" * 5000 + b"]" * 5000 + b"}")
    desk.send_refused("a body of 10 MB", 413, b'{"x":"' + b"x" * 10_000_000 + b'"}')
