"""Events of every kind at one address, one by one and in arrays."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversions.models import Conversion, InboxEvent, Install, Milestone, Movement, PlayerStatus
from tests.conversions.api.posting import DEPOSIT, REGISTRATION, error_of, post
from tests.world import make_click, make_link, make_platform

pytestmark = pytest.mark.django_db

DAY = {"type": "activity", "mode": "total", "on_date": "2026-11-20", "currency": "EUR"}
OF = {"event_id": "e-1", "occurred_at": "2026-11-20T10:00:00Z", "player_id": "p-1"}


def test_events_takes_a_registration_and_a_deposit_as_their_own_addresses_do():
    platform = make_platform()

    registered = post(platform, "events", REGISTRATION | {"type": "registration"})
    deposited = post(platform, "events", DEPOSIT | {"type": "deposit"})
    again = post(platform, "deposit", DEPOSIT)

    assert [registered.status_code, deposited.status_code, again.status_code] == [201, 201, 200]
    assert again.json() == deposited.json()


@pytest.mark.parametrize(
    "body",
    [
        OF | {"type": "signup"},
        OF | {"type": "lead", "goal": "Newsletter"},
        OF | {"type": "sale", "transaction_id": "s-1", "amount": "20.00", "currency": "EUR", "status": "pending"},
        OF | {"type": "qualified"},
        OF | {"type": "withdrawal", "transaction_id": "w-1", "amount": "20.00", "currency": "EUR"},
        OF | {"type": "player_status", "status": "verified"},
        OF | {"type": "activity", "mode": "total", "on_date": "2026-11-20", "currency": "EUR", "ngr": "-5.25"},
        OF | {"type": "install", "install_id": "device-7"},
    ],
    ids=lambda body: body["type"],
)
def test_events_takes_every_kind_and_repeats_its_answer(body):
    platform = make_platform()

    first = post(platform, "events", body)
    again = post(platform, "events", body, webhook_id="msg-retry")

    assert [first.status_code, again.status_code] == [201, 200]
    assert again.json() == first.json()
    assert InboxEvent.objects.get().kind == body["type"]


@pytest.mark.parametrize("kind", ["refund", "chargeback", "rejection"])
def test_events_answers_202_for_what_waits_for_its_deposit(kind):
    response = post(make_platform(), "events", OF | {"type": kind, "deposit_transaction_id": "t-1"})

    assert response.status_code == 202
    assert response.json() == {"status": "quarantined", "reason": "unknown_transaction"}


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (OF, "missing", "type"),
        (OF | {"type": "bonus"}, "unknown_event", "type"),
        (OF | {"type": "lead", "player_id": None}, "missing", "player_id"),
        (OF | {"type": "refund"}, "missing", "deposit_transaction_id"),
        (OF | {"type": "withdrawal", "transaction_id": "w-1"}, "missing", "currency"),
        (OF | {"type": "player_status", "status": "rich"}, "unknown_status", "status"),
        (OF | DAY, "missing", "ngr"),
        (OF | DAY | {"mode": "x", "ngr": "1"}, "unknown_mode", "mode"),
        (OF | DAY | {"on_date": "20.11.", "ngr": "1"}, "bad_date", "on_date"),
        (OF | DAY | {"ngr": "--1"}, "bad_amount", "ngr"),
        (OF | DAY | {"bets_count": "7"}, "wrong_type", "bets_count"),
        (OF | {"type": "install"}, "missing", "install_id"),
        (OF | {"type": "install", "install_id": "d", "activity": "boot"}, "unknown_activity", "activity"),
    ],
)  # fmt: skip
def test_events_says_what_is_wrong(body, code, field):
    assert error_of(post(make_platform(), "events", body)) == (400, code, field)
    assert InboxEvent.objects.count() == 0


def test_events_array_records_the_good_and_names_the_bad():
    platform = make_platform()
    array = [
        DEPOSIT | {"type": "deposit"},
        DEPOSIT | {"type": "deposit", "event_id": "dep-2", "amount": 5},
        "no object",
        REGISTRATION | {"type": "registration"},
        DEPOSIT | {"type": "deposit", "event_id": "dep-3", "amount": "1.00"},
    ]

    response = post(platform, "events", json.dumps(array).encode())

    results = response.json()["results"]
    assert response.status_code == 207
    assert [(result["index"], result["event_id"], result["status"]) for result in results] == [
        (0, "dep-1", 201),
        (1, "dep-2", 400),
        (2, "", 400),
        (3, "reg-1", 201),
        (4, "dep-3", 409),
    ]
    assert results[1]["answer"]["error"]["field"] == "amount"
    assert results[0]["answer"]["conversion_id"] == Conversion.objects.get(kind="deposit").pk


def test_events_array_sent_again_with_the_bad_element_mended_repeats_the_rest():
    platform = make_platform()
    good, bad = DEPOSIT | {"type": "deposit"}, REGISTRATION | {"type": "registration", "player_id": 7}
    post(platform, "events", json.dumps([bad, good]).encode())

    mended = post(platform, "events", json.dumps([good, bad | {"player_id": "p-1"}]).encode())

    assert [result["status"] for result in mended.json()["results"]] == [200, 201]


@pytest.mark.parametrize("array", [[], [DEPOSIT] * 1001])
def test_events_array_has_one_to_a_thousand_elements(array):
    assert error_of(post(make_platform(), "events", json.dumps(array).encode())) in [
        (400, "wrong_length", None),
        (413, "too_large", None),
    ]


def test_events_goes_to_the_default_platform():
    make_platform(is_default=True)

    assert post("/webhooks/events", "events", OF | {"type": "lead"}).status_code == 201


def test_events_never_stores_a_devices_id():
    post(make_platform(), "events", OF | {"type": "install", "install_id": "0c1e-device"})

    assert "0c1e" not in str(list(InboxEvent.objects.values())) + str(list(Install.objects.values()))


_NAMES = ["type", "event_id", "occurred_at", "player_id", "click_id", "transaction_id", "deposit_transaction_id",
    "status", "amount", "currency", "on_date", "mode", "ngr", "bets_count", "install_id", "activity", "clicked_at",
    "consent", "country", "is_test", "goal", "promo_code", "unknown"]  # fmt: skip
_WORDS = ["registration", "deposit", "lead", "refund", "activity", "install", "player_status", "e-1", "EUR", "10.00",
    "2026-11-20T10:00:00Z", "2026-11-20", "total", "confirmed", "MT", "\0", "-1", "ab" * 24]  # fmt: skip
_VALUES = st.one_of(
    st.sampled_from(_WORDS),
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=30),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=14))
def test_events_never_breaks(db, body):
    platform = make_platform()

    response = post(platform, "events", json.dumps([OF | body, body]).encode())

    assert response.status_code == 207
    assert {result["status"] for result in response.json()["results"]} <= {200, 201, 202, 400, 409}


def test_events_reports_a_lead_by_its_click():
    link = make_link()
    body = OF | {"type": "lead", "player_id": None, "click_id": make_click(link).click_id.upper()}

    response = post(make_platform(), "events", body)

    assert response.json()["credited_to"]["campaign_id"] == link.campaign_id
    assert (Milestone.objects.count(), Movement.objects.count(), PlayerStatus.objects.count()) == (1, 0, 0)
