"""Feeds of affiliate platforms and measurement partners, as each sends and signs them."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attribution.models import Click
from conversions.domain.private_tokens import private_token
from conversions.models import Conversion, Endpoint, InboxEvent, Install, IntakeRequest, Player, PrivateToken
from tests.conversions.api.posting import error_of
from tests.conversions.builders import make_endpoint
from tests.world import make_click, make_link, make_partner

pytestmark = pytest.mark.django_db

KEY = "key-of-the-tests"
SIGNING_SECRET = "affilka-secret"
FEEDS = ["affilka", "smartico", "myaffiliates", "affiliate_control", "trackier", "appsflyer", "adjust"]


@pytest.fixture
def click() -> Click:
    return make_click(make_link())


def basic(endpoint: Endpoint, key: str = KEY) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{endpoint.slug}:{key}".encode()).decode()}


def sign(body: bytes, secret: str = SIGNING_SECRET) -> dict[str, str]:
    signature = hmac.digest(secret.encode(), body, hashlib.sha512).hex()
    return {"X-Authorization-Key": KEY, "X-Authorization-Sign": signature}


def post(endpoint: Endpoint, body: Any, headers: dict[str, str], *, path: str = "") -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Client().post(f"/postback/{endpoint.slug}{path}", raw, content_type="application/json", headers=headers)


def affilka_players(*players: dict[str, Any]) -> bytes:
    return json.dumps({"players": list(players)}).encode()


def test_affilka_registers_its_players_by_click_or_partner_tag(click):
    endpoint = make_endpoint("affilka", signing_secret=SIGNING_SECRET)
    partner = make_partner(tag="stag_77")
    body = affilka_players(
        {"tag": click.click_id, "user_id": 501, "email": "p@example.com", "country": "MT",
         "sign_up_at": "2026-11-20T10:00:00Z"},
        {"tag": "stag_77", "user_id": "502", "country": "FI", "sign_up_at": "2026-11-20 11:00:00"},
    )  # fmt: skip

    response = post(endpoint, body, sign(body), path="/players")

    by_click, by_tag = Player.objects.order_by("player_id")
    assert response.status_code == 200
    assert [result["status"] for result in response.json()["results"]] == [201, 201]
    assert (by_click.player_id, by_click.campaign, by_click.country) == ("501", click.campaign, "MT")
    assert (by_tag.player_id, by_tag.partner) == ("502", partner)
    assert PrivateToken.objects.get().token == private_token("email", "p@example.com")


def test_affilka_repeats_and_bad_rows_do_not_sink_the_good():
    endpoint = make_endpoint("affilka", signing_secret=SIGNING_SECRET)
    good = {"user_id": "1", "sign_up_at": "2026-11-20T10:00:00Z"}
    body = affilka_players(good, {"tag": "x"}, good)

    response = post(endpoint, body, sign(body))

    assert [result["status"] for result in response.json()["results"]] == [201, 400, 200]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"X-Authorization-Sign": "0" * 128}, "bad_signature"),
        ({"X-Authorization-Sign": "ä"}, "bad_signature"),
        ({"X-Authorization-Sign": ""}, "missing_signature"),
        ({"X-Authorization-Key": "another"}, "bad_key"),
    ],
)
def test_affilka_refuses_what_is_not_signed(headers, code):
    endpoint = make_endpoint("affilka", signing_secret=SIGNING_SECRET)
    body = affilka_players({"user_id": "1"})

    response = post(endpoint, body, sign(body) | headers)

    assert error_of(response) == (401, code, None)
    assert InboxEvent.objects.count() == 0


def test_affilka_signs_the_bodys_exact_bytes():
    endpoint = make_endpoint("affilka", signing_secret=SIGNING_SECRET)
    body = affilka_players({"user_id": "1"})

    assert error_of(post(endpoint, body + b" ", sign(body)))[:2] == (401, "bad_signature")
    assert error_of(post(endpoint, body, sign(body, "other")))[:2] == (401, "bad_signature")


def test_smartico_registers_deposits_and_qualifies(click):
    endpoint = make_endpoint("smartico", amounts="deposit", default_status="confirmed")
    of = {"afp": click.click_id, "registration_id": "r-9"}

    answers = [
        Client().get(f"/postback/{endpoint.slug}/{KEY}", of | {"event": "Lead Registration"}),
        Client().get(
            f"/postback/{endpoint.slug}/{KEY}", of | {"event": "FTD", "amount": "25.00", "transaction_id": "7"}
        ),
        Client().get(f"/postback/{endpoint.slug}/{KEY}", of | {"event": "QFTD"}),
    ]

    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert Conversion.objects.get(kind="deposit").is_first_deposit
    assert Player.objects.get().campaign == click.campaign


def test_myaffiliates_registers_by_get_with_basic(click):
    endpoint = make_endpoint("myaffiliates")
    row = {
        "FEED_ID": "3",
        "CLIENT_REFERENCE": "c-1",
        "JOIN_DATE": "2026-11-20",
        "TOKEN": click.click_id,
        "COUNTRY": "mt",
    }

    response = Client().get(f"/postback/{endpoint.slug}", row, headers=basic(endpoint))
    batch = post(endpoint, [row, row | {"CLIENT_REFERENCE": "c-2"}], basic(endpoint))

    assert response.status_code == 200
    assert [result["status"] for result in batch.json()["results"]] == [200, 201]
    assert Player.objects.get(player_id="c-1").campaign == click.campaign


@pytest.mark.parametrize("dialect", ["myaffiliates", "affiliate_control"])
@pytest.mark.parametrize(
    "authorization", ["", "Basic", "Basic !!!", "Basic /w==", "Bearer key-of-the-tests", "Basic eDp5"]
)
def test_basic_feeds_refuse_another_name_or_key(dialect, authorization):
    endpoint = make_endpoint(dialect)

    response = post(endpoint, [], {"Authorization": authorization})

    assert response.status_code == 401


def control(kind: str, player: str = "p-1", btag: str = "", **data: Any) -> dict[str, Any]:
    meta = {"timestamp": "2026-11-20T10:00:00Z", "eventType": kind, "brand": "b", "btag": btag, "playerId": player}
    return {"meta": meta, "data": data}


def test_affiliate_control_takes_arrays_and_wants_ok(click):
    endpoint = make_endpoint("affiliate_control", amounts="deposit", default_status="confirmed")
    events = [
        control("registration", btag=click.click_id, country="MT", firstName="Canary"),
        control("deposit", amount="20.00", currency="EUR", transactionId="t-1"),
        control("deposit", amount="wrong", currency="EUR", transactionId="t-2"),
        control("chargeback", transactionId="t-1"),
        control("withdrawal", amount="5.00", currency="EUR", transactionId="w-1"),
        control("moon landing"),
    ]

    response = post(endpoint, events, basic(endpoint))

    assert (response.status_code, response.content) == (200, b"OK")
    assert [result["status"] for result in IntakeRequest.objects.get().answer] == [201, 201, 400, 201, 201, 202]
    assert Conversion.objects.get(kind="deposit").status == "charged_back"
    assert "Canary" not in str(list(IntakeRequest.objects.values()))


def test_affiliate_control_takes_more_than_a_signed_webhook_may_hold():
    endpoint = make_endpoint("affiliate_control")
    events = [control("registration", f"p-{number}", note="x" * 30_000) for number in range(12)]

    response = post(endpoint, events, basic(endpoint))

    assert response.status_code == 200
    assert Player.objects.count() == 12


def test_trackier_registers_with_its_key_in_a_header(click):
    endpoint = make_endpoint("trackier")
    customer = {"customerId": "k-1", "date": "2026-11-20", "currency": "EUR", "productId": "5",
        "trackingToken": click.click_id, "country": "MT"}  # fmt: skip

    response = post(endpoint, customer, {"x-api-key": KEY})
    refused = post(endpoint, customer, {"x-api-key": "other"})

    assert (response.json()["results"][0]["status"], refused.status_code) == (201, 401)
    assert Player.objects.get().campaign == click.campaign


def appsflyer(**fields: Any) -> dict[str, Any]:
    return {
        "appsflyer_id": "1668000000000-1234567890123456789",
        "event_name": "install",
        "app_id": "com.example.casino",
        "media_source": "network_int",
        "install_time": "2026-11-20 10:05:00.250",
        "event_time": "2026-11-20 10:05:00.250",
        "idfa": "38400000-8CF0-11BD-B23E-10B96E40000D",
        "ip": "198.51.100.77",
        "customer_user_id": "u-7",
    } | fields


def test_appsflyer_keeps_the_install_with_our_click_and_no_device(click):
    endpoint = make_endpoint("appsflyer")

    response = post(endpoint, appsflyer(af_sub1=click.click_id), {"Authorization": KEY})

    install = Install.objects.get()
    stored = str(list(InboxEvent.objects.values()) + list(IntakeRequest.objects.values()))
    assert response.status_code == 201
    assert (install.campaign, install.media_source, install.player) == (click.campaign, "network_int", None)
    assert install.install_id == private_token("install", "1668000000000-1234567890123456789")
    assert [word for word in ("1668000000000", "38400000", "198.51", "u-7") if word in stored] == []


def test_appsflyer_finds_our_click_in_the_address_and_keeps_nothing_of_it(click):
    endpoint = make_endpoint("appsflyer")
    address = f"https://app.appsflyer.com/x?pid=n&clickid={click.click_id.upper()}&email=canary%40example.com"

    post(endpoint, appsflyer(original_url=address), {"Authorization": KEY})

    assert Install.objects.get().campaign == click.campaign
    assert "canary" not in str(list(IntakeRequest.objects.values()))


@pytest.mark.parametrize(
    "refusal",
    [
        {"is_rejected": "1", "reject_reason": "click_flood"},
        {"rejected_reason": "click_flood"},
        {"blocked_reason": "click_flood"},
        {"blocked_reason_value": "click_flood"},
    ],
)
def test_appsflyer_refused_install_is_a_fact_beside_the_install(refusal, click):
    endpoint = make_endpoint("appsflyer")
    post(endpoint, appsflyer(media_source="organic"), {"Authorization": KEY})

    post(endpoint, appsflyer(af_sub1=click.click_id) | refusal, {"Authorization": KEY})

    installs = Install.objects.order_by("activity").values_list("activity", "is_organic", "rejection_reason")
    assert list(installs) == [("install", True, ""), ("rejected_install", False, "click_flood")]


def test_appsflyer_events_name_the_player_where_the_endpoint_says_so(click):
    endpoint = make_endpoint(
        "appsflyer", amounts="deposit", default_status="confirmed", player_parameter="customer_user_id"
    )
    header = {"Authorization": KEY}
    register = appsflyer(event_name="af_complete_registration", af_sub1=click.click_id)
    deposit = appsflyer(event_name="af_first_deposit", event_revenue=50.5, event_revenue_currency="EUR")

    answers = [
        post(endpoint, register, header),
        post(endpoint, deposit, header),
        post(endpoint, deposit, header),
        post(endpoint, deposit | {"is_primary_attribution": False}, header),
        post(endpoint, appsflyer(event_name="af_login"), header),
    ]

    assert [answer.status_code for answer in answers] == [201, 201, 200, 200, 200]
    assert (answers[3].json(), answers[4].json()) == ({"status": "ignored"}, {"status": "ignored"})
    assert (Player.objects.get().player_id, str(Conversion.objects.get(kind="deposit").amount)) == (
        "u-7",
        "50.50000000",
    )


def adjust(endpoint: Endpoint, **parameters: str) -> Any:
    of = {"adid": "18546f6171f67e29d1cb983322ad1329", "app_id": "com.example.casino", "created_at": "1795168800"}
    return Client().get(f"/postback/{endpoint.slug}/{KEY}", of | parameters)


def test_adjust_install_and_rejected_install_of_one_device_are_two_facts(click):
    endpoint = make_endpoint("adjust")

    answers = [
        adjust(endpoint, activity_kind="install", is_organic="1"),
        adjust(
            endpoint, activity_kind="rejected_install", label=click.click_id, rejection_reason="distribution_outlier"
        ),
        adjust(endpoint, activity_kind="install", is_organic="1"),
        adjust(endpoint, activity_kind="session"),
    ]

    installs = Install.objects.order_by("activity").values_list("activity", "rejection_reason")
    assert [answer.status_code for answer in answers] == [201, 201, 200, 200]
    assert list(installs) == [("install", ""), ("rejected_install", "distribution_outlier")]
    assert "18546f61" not in str(list(IntakeRequest.objects.values()) + list(InboxEvent.objects.values()))


def test_adjust_event_is_one_however_often_it_is_tried(click):
    endpoint = make_endpoint("adjust", event_names={"abc123": "registration"})
    event = {"activity_kind": "event", "event": "abc123", "label": click.click_id, "nonce": "n-1"}

    answers = [adjust(endpoint, **event) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [201, 200, 200, 200, 200, 200]
    assert Player.objects.get().campaign == click.campaign


@pytest.mark.parametrize(
    ("dialect", "body", "code", "field"),
    [
        ("appsflyer", {"appsflyer_id": None}, "missing", "appsflyer_id"),
        ("appsflyer", {"event_name": None}, "missing", "event_name"),
        ("appsflyer", {"install_time": "soon"}, "bad_time", "install_time"),
        ("adjust", {"activity_kind": "install", "adid": None}, "missing", "adid"),
        ("adjust", {"activity_kind": "dance"}, "unknown_activity_kind", "activity_kind"),
        ("adjust", {}, "missing", "activity_kind"),
    ],
)
def test_partners_are_told_what_is_missing(dialect, body, code, field):
    endpoint = make_endpoint(dialect)
    fields = {name: value for name, value in (appsflyer() | body).items() if value is not None}

    response = post(endpoint, fields, {"Authorization": KEY})

    assert error_of(response) == (400, code, field)


_NAMES = """players tag user_id country sign_up_at afp event registration_id amount CLIENT_REFERENCE JOIN_DATE TOKEN
    COUNTRY meta data customerId trackingToken date appsflyer_id event_name af_sub1 original_url install_time
    conversion_type is_rejected event_revenue activity_kind adid label created_at revenue event_time other""".split()
_SCALARS = st.one_of(
    st.sampled_from(["install", "event", "reg", "af_purchase", "FTD", "2026-11-20", "1795168800", "-1", "{x}", "\0"]),
    st.sampled_from(["https://[", "http://x/?clickid=" + "ab" * 24, "ab" * 24, "MT"]),
    st.text(max_size=30),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
)
_OBJECTS = st.dictionaries(st.sampled_from(_NAMES), _SCALARS, max_size=10)
_INNER = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("timestamp", "eventType", "playerId", "btag", "amount", "currency", "status", "transactionId"), _SCALARS
    ),
)
_BODIES = st.one_of(
    _OBJECTS,
    st.lists(_OBJECTS, max_size=3),
    st.lists(
        st.fixed_dictionaries({"meta": st.one_of(_INNER, _SCALARS), "data": st.one_of(_INNER, _SCALARS)}), max_size=2
    ),
    st.fixed_dictionaries({"players": st.one_of(st.lists(st.one_of(_OBJECTS, _SCALARS), max_size=3), _SCALARS)}),
    _SCALARS,
)


@pytest.mark.parametrize("dialect", FEEDS)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=_BODIES, amounts=st.sampled_from(["revenue", "deposit"]))
def test_feeds_never_break(db, dialect, body, amounts):
    key = f"key-{Endpoint.objects.count()}"
    endpoint = make_endpoint(
        dialect, key=key, amounts=amounts, default_status="confirmed", signing_secret=SIGNING_SECRET
    )
    raw = json.dumps(body).encode()
    headers = sign(raw) | {"X-Authorization-Key": key}
    if dialect in ("myaffiliates", "affiliate_control"):
        headers |= basic(endpoint, key)
    else:
        headers |= {"X-Api-Key": key}

    response = post(endpoint, raw, headers)

    assert response.status_code in (200, 201, 202, 400, 409)
