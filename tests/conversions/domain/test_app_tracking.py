"""App Tracking Transparency: what partners report of it, in any order, and what follows for signals."""

from datetime import timedelta
from itertools import permutations

import pytest
from django.db import IntegrityError, transaction

from conversions.dialects.apps import app_system_of, att_status_of
from conversions.domain import delivery, outbox
from conversions.domain.app_tracking import allows_tracking, note_app
from conversions.domain.delivery import claim_due_postbacks
from conversions.domain.outbox import write_postbacks
from conversions.models import Install, Player, Postback
from tests.conversions.builders import make_endpoint, register
from tests.conversions.postbacks.rows import make_first_deposit, make_generic, make_player
from tests.world import NOON, click_id_of, make_click, make_link, make_platform

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
KEY = "key-of-the-tests"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"platform": "ios", "app_id": "com.example.app"}, "ios"),
        ({"platform": "Android"}, "android"),
        ({"app_id": "id123456789"}, "ios"),
        ({"app_id": "123456789"}, "ios"),
        ({"app_id": "com.example.app"}, "android"),
        ({"app_id": "something"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_app_system_is_what_the_partner_says_or_the_stores_id_tells(fields, expected):
    assert app_system_of(fields, systems=("platform",), app_ids=("app_id",)) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("authorized", "authorized"),
        ("af_authorized", "authorized"),
        ("Denied", "denied"),
        ("restricted", "restricted"),
        ("not_determined", "not_determined"),
        ("3", "authorized"),
        ("2", "denied"),
        ("1", "restricted"),
        ("0", "not_determined"),
        ("", ""),
        ("perhaps", ""),
    ],
)
def test_att_status_is_read_in_both_partners_words(said, expected):
    assert att_status_of({"att": said}, ("att",)) == expected


@pytest.mark.parametrize(
    ("system", "status", "expected"),
    [
        ("", "", True),
        ("android", "", True),
        ("ios", "authorized", True),
        ("ios", "denied", False),
        ("ios", "restricted", False),
        ("ios", "not_determined", False),
        ("ios", "", False),
        ("unknown", "", False),
        ("unknown", "authorized", True),
    ],
)
def test_signals_follow_from_an_iphones_app_only_if_it_was_allowed(system, status, expected):
    assert allows_tracking(Player(app_system=system, att_status=status)) is expected


WORDS = [("ios", "authorized", NOON), ("android", "", NOON + HOUR), ("ios", "denied", NOON + HOUR), ("ios", "", NOON)]


@pytest.mark.parametrize("order", list(permutations(WORDS)))
def test_note_app_ends_the_same_in_any_order(order):
    player = make_player()

    for system, status, at in order:
        note_app(player, system=system, att_status=status, reported_at=at)

    player = Player.objects.get()
    assert (player.app_system, player.att_status, player.att_reported_at) == ("ios", "denied", NOON + HOUR)


@pytest.mark.parametrize("order", [("authorized", "denied"), ("denied", "authorized")])
def test_of_two_words_at_one_instant_the_refusal_stands(order):
    player = make_player()

    for status in order:
        note_app(player, system="ios", att_status=status, reported_at=NOON)

    assert Player.objects.get().att_status == "denied"


def test_the_first_gate_alone_keeps_it_from_being_written(monkeypatch):
    monkeypatch.setattr(delivery, "refusal_to_signal", lambda conversion, destination, *, at: "")
    make_generic()

    write_postbacks(make_first_deposit(make_player(app_system="ios")), at=NOON)

    assert not Postback.objects.exists()


def test_the_second_gate_alone_keeps_it_from_being_sent(monkeypatch):
    monkeypatch.setattr(outbox, "refusal_to_signal", lambda conversion, destination, *, at: "")
    destination = make_generic()
    write_postbacks(make_first_deposit(make_player(app_system="ios")), at=NOON)

    assert claim_due_postbacks(room={destination.pk: 1}, at=NOON) == []

    row = Postback.objects.get()
    assert (row.state, row.state_reason) == ("cancelled", "The player's iPhone did not allow the app to track him.")


def test_a_player_who_allowed_it_is_told_of():
    make_generic()
    player = make_player(app_system="ios", att_status="authorized", att_reported_at=NOON)

    write_postbacks(make_first_deposit(player), at=NOON)

    assert Postback.objects.count() == 1


# Through the partners' messages.


def push(client, endpoint, **fields):
    usual = {
        "appsflyer_id": "1668000000000-1234567",
        "event_name": "install",
        "app_id": "id123456789",
        "media_source": "network_int",
        "install_time": "2026-11-22 12:00:00.000",
        "event_time": "2026-11-22 12:00:00.000",
    }
    answer = client.post(
        f"/postback/{endpoint.slug}", usual | fields, content_type="application/json", headers={"Authorization": KEY}
    )
    assert answer.status_code == 201, answer.content


def what_is_known() -> tuple[str, str]:
    player = Player.objects.get()
    return player.app_system, player.att_status


@pytest.mark.parametrize("install_first", [True, False])
def test_an_install_by_the_players_click_says_what_he_allowed(client, install_first):
    platform = make_platform()
    click = make_click(make_link(), at=NOON)
    click_id = click_id_of(click.link, uuid=click.id)
    endpoint = make_endpoint("appsflyer", platform=platform)
    steps = [
        lambda: push(client, endpoint, af_sub1=click_id, att="denied"),
        lambda: register(platform, click_id=click_id),
    ]

    for step in steps if install_first else reversed(steps):
        step()

    assert what_is_known() == ("ios", "denied")
    install = Install.objects.get()
    assert (install.app_system, install.att_status) == ("ios", "denied")


def test_an_event_in_the_app_says_what_its_player_allows_by_now(client):
    click = make_click(make_link(), at=NOON)
    endpoint = make_endpoint(
        "appsflyer", amounts="deposit", default_status="confirmed", player_parameter="customer_user_id"
    )
    fields = {"af_sub1": click_id_of(click.link, uuid=click.id), "customer_user_id": "u-7"}

    push(client, endpoint, event_name="af_complete_registration", att="authorized", **fields)
    assert what_is_known() == ("ios", "authorized")
    later = {"event_time": "2026-11-22 13:00:00.000", "event_revenue": 50, "event_revenue_currency": "EUR"}
    push(client, endpoint, event_name="af_first_deposit", att="denied", **later, **fields)

    assert what_is_known() == ("ios", "denied")


def test_adjust_says_it_by_apples_numbers(client):
    click = make_click(make_link(), at=NOON)
    endpoint = make_endpoint("adjust", event_names={"abc123": "registration"})
    parameters = {
        "adid": "18546f6171f67e29d1cb983322ad1329",
        "app_id": "123456789",
        "created_at": "1795348800",
        "activity_kind": "event",
        "event": "abc123",
        "label": click_id_of(click.link, uuid=click.id),
        "os_name": "ios",
        "att_status": "3",
    }

    answer = client.get(f"/postback/{endpoint.slug}/{KEY}", parameters)

    assert answer.status_code == 201
    assert what_is_known() == ("ios", "authorized")


def test_who_came_by_the_web_is_asked_nothing():
    platform = make_platform()

    register(platform)

    assert what_is_known() == ("", "")


@pytest.mark.parametrize(
    "columns",
    [
        {"att_status": "authorized", "att_reported_at": NOON},
        {"app_system": "ios", "att_status": "authorized"},
        {"app_system": "ios", "att_status": "perhaps", "att_reported_at": NOON},
        {"app_system": "fridge"},
    ],
)
def test_a_players_att_status_is_of_an_app(columns):
    with pytest.raises(IntegrityError, match="att_status_is_of_an_app"), transaction.atomic():
        make_player(**columns)
