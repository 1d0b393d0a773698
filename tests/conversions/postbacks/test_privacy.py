"""No payload of any kind can carry what tells of a person, and neither gate alone lets a signal pass."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

import pytest

from conversions.domain import delivery, outbox
from conversions.domain.delivery import ADAPTERS, claim_due_postbacks
from conversions.domain.outbox import player_key, withdraw_postbacks, write_postbacks
from conversions.domain.postback_macros import POSTBACK_MACROS
from conversions.models import Conversion, Destination, Player, Postback
from conversions.postbacks.adapter import PreparedRequest
from tests.conversions.postbacks.rows import (
    APPSFLYER_ID,
    FBCLID,
    GCLID,
    TTCLID,
    make_appsflyer,
    make_first_deposit,
    make_generic,
    make_google,
    make_google_ads,
    make_meta,
    make_player,
    make_tiktok,
)
from tests.world import NOON

pytestmark = pytest.mark.django_db

EVERY_MACRO = "https://t.example/in?" + "&".join(f"{name}={{{name}}}" for name in POSTBACK_MACROS)
KINDS = [make_generic, make_meta, make_google, make_google_ads, make_tiktok, make_appsflyer]
# What a click or a platform might bring and nobody may hear.
PERSONAL = {
    "email": "ana.borg@example.com",
    "phone": "+35699123456",
    "ip": "198.51.100.23",
    "ip6": "2001:db8::77",
    "user_agent": "Mozilla/5.0 (iPhone)",
    "idfa": "AEBE52E7-03EE-455A-B3C4-E57283966239",
    "gaid": "38400000-8cf0-11bd-b23e-10b96e40000d",
    "name": "Ana Borg",
    "city": "Valletta",
    "keyword": "casino near me",
    "placement": "reels",
}


def a_person() -> Player:
    ids = {"fbclid": FBCLID, "gclid": GCLID, "ttclid": TTCLID, **PERSONAL}
    facts: dict[str, Any] = {"platform_click_ids": ids, "appsflyer_id": APPSFLYER_ID, **PERSONAL}
    return make_player(player_id="ana.borg@example.com", region="Valletta", click_facts=facts)


def built(destination: Destination, conversion: Conversion) -> PreparedRequest:
    postback = Postback(
        destination=destination, conversion=conversion, event="first_deposit", fact="f", dedup_id="ab" * 16
    )
    return ADAPTERS[destination.kind].build_request(postback, at=NOON)


def all_that_leaves(prepared: PreparedRequest) -> str:
    request = prepared.request
    text = " ".join([request.url, *request.headers.values(), (request.body or b"").decode()])
    return text + unquote_plus(text)


@pytest.mark.parametrize("make", KINDS)
def test_no_payload_carries_what_tells_of_a_person(make: Callable[..., Destination]) -> None:
    destination = make(EVERY_MACRO) if make is make_generic else make()
    prepared = built(destination, make_first_deposit(a_person()))

    left = all_that_leaves(prepared)

    assert [text for text in PERSONAL.values() if text in left or text in prepared.shown] == []


@pytest.mark.parametrize("make", [make_generic, make_meta, make_tiktok])
def test_players_are_known_by_keys_of_the_destination_alone(make: Callable[..., Destination]) -> None:
    columns = {"url_template": EVERY_MACRO} if make is make_generic else {}
    one, two = make(hash_key="aa" * 32, **columns), make(hash_key="bb" * 32, **columns)
    conversion = make_first_deposit(a_person())

    keys = [set(re.findall(r"\b[0-9a-f]{64}\b", all_that_leaves(built(each, conversion)))) for each in (one, two)]

    assert keys == [{player_key(one, conversion.player)}, {player_key(two, conversion.player)}]


@pytest.mark.parametrize("make", KINDS)
def test_no_log_shows_a_secret(make: Callable[..., Destination]) -> None:
    destination = make()

    prepared = built(destination, make_first_deposit(a_person()))

    secrets = [destination.access_token, destination.google_credentials, destination.hash_key]
    assert [secret for secret in secrets if secret and secret in prepared.shown] == []


# The two gates, each with the other taken away, for every kind.


def refuse(player: Player, **columns: Any) -> Conversion:
    Player.objects.filter(pk=player.pk).update(**columns)
    player.refresh_from_db()
    return make_first_deposit(player)


REFUSALS: list[dict[str, Any]] = [
    {"consent_ad_user_data": False},
    {"consent_ad_user_data": None},
    {"is_test": True},
    {"self_excluded_at": NOON},
    {"blocked_at": NOON},
    {"app_system": "ios"},
]


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("make", KINDS)
def test_first_gate_alone_writes_nothing(make, refusal, monkeypatch) -> None:
    monkeypatch.setattr(delivery, "refusal_to_signal", lambda conversion, destination, *, at: "")
    make()

    write_postbacks(refuse(a_person(), **refusal), at=NOON)

    assert not Postback.objects.exists()


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("make", KINDS)
def test_second_gate_alone_sends_nothing(make, refusal, monkeypatch) -> None:
    monkeypatch.setattr(outbox, "refusal_to_signal", lambda conversion, destination, *, at: "")
    destination = make()

    write_postbacks(refuse(a_person(), **refusal), at=NOON)

    assert claim_due_postbacks(room={destination.pk: 10}, at=NOON) == []
    assert Postback.objects.get().state == "cancelled"


@pytest.mark.parametrize("make", KINDS)
def test_without_either_gate_it_would_be_sent(make, monkeypatch) -> None:
    for module in (outbox, delivery):
        monkeypatch.setattr(module, "refusal_to_signal", lambda conversion, destination, *, at: "")
    destination = make()

    write_postbacks(refuse(a_person(), consent_ad_user_data=False), at=NOON)

    assert len(claim_due_postbacks(room={destination.pk: 10}, at=NOON)) == 1


@pytest.mark.parametrize("make", [make_generic, make_google])
def test_corrections_pass_both_gates(make) -> None:
    destination = make()
    conversion = make_first_deposit(a_person())
    write_postbacks(conversion, at=NOON)
    Postback.objects.update(state="done", finished_at=NOON, tries=1)
    Player.objects.update(consent_ad_user_data=False, self_excluded_at=NOON, blocked_at=NOON)
    Conversion.objects.update(status="charged_back", reversed_at=NOON)
    conversion.refresh_from_db()

    withdraw_postbacks(conversion, at=NOON)

    [claimed] = claim_due_postbacks(room={destination.pk: 10}, at=NOON)
    assert claimed.postback.is_correction
