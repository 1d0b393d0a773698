"""Whatever else a platform sends, by a map made in the admin; and what further reports of one sale mean."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversions.models import Conversion, Endpoint, InboxEvent, IntakeRequest, Milestone, Player, PrivateToken
from tests.conversions.api.posting import error_of
from tests.conversions.builders import make_endpoint
from tests.world import make_click, make_link, make_platform

pytestmark = pytest.mark.django_db

KEY = "key-of-the-tests"
MAP = {
    "field_paths": {
        "event": "meta.type",
        "player_id": "user.id",
        "click_id": "user.sub",
        "transaction_id": "tx.id",
        "amount": "tx.cents",
        "currency": "tx.currency",
        "status": "tx.state",
        "occurred_at": "meta.at",
        "country": "user.geo",
    },
    "event_names": {"NewUser": "registration", "Paid": "deposit", "Hello": "ignore"},
    "amount_unit": "minor",
    "time_format": "%d.%m.%Y %H:%M:%S",
    "time_zone": "Europe/Malta",
    "statuses": {"OK": "confirmed", "WAIT": "pending"},
    "amounts": "deposit",
}


def mapped(**columns: Any) -> Endpoint:
    return make_endpoint("mapped", **MAP | columns)


def message(kind: str, **tx: Any) -> dict[str, Any]:
    return {
        "meta": {"type": kind, "at": "20.11.2026 10:00:00", "trace": 7},
        "user": {"id": 42, "sub": "", "geo": "mt", "email": "canary@example.com"},
        "tx": {"id": "t-1", "cents": 1250, "currency": "eur", "state": "OK"} | tx,
    }


def post(endpoint: Endpoint, body: Any) -> Any:
    return Client().post(f"/postback/{endpoint.slug}/{KEY}", body, content_type="application/json")


def test_mapped_reads_paths_units_times_statuses_and_words():
    endpoint, click = mapped(), make_click(make_link())
    registration = message("NewUser")
    registration["user"]["sub"] = click.click_id

    registered = post(endpoint, registration)
    deposited = post(endpoint, message("Paid"))

    deposit = Conversion.objects.get(kind="deposit")
    assert [registered.status_code, deposited.status_code] == [201, 201]
    assert (deposit.amount, deposit.currency, deposit.status) == (Decimal("12.5"), "EUR", "confirmed")
    assert deposit.occurred_at == datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    assert (deposit.player.player_id, deposit.player.country, deposit.campaign) == ("42", "MT", click.campaign)


def test_mapped_keeps_what_its_map_reads_and_tokens():
    post(mapped(), message("Paid"))

    request = IntakeRequest.objects.get()
    assert request.content[0]["user"] == {"id": 42, "sub": "", "geo": "mt"}
    assert request.dropped == ["meta.trace", "user.email:email"]
    assert PrivateToken.objects.get().player_id == "42"


def test_mapped_takes_arrays_where_the_map_says_they_stand():
    endpoint = mapped(events_path="data.items")
    body = {"data": {"items": [message("NewUser"), message("Paid", cents="x"), message("Hello"), message("Paid")]}}

    response = post(endpoint, body)

    assert response.status_code == 207
    assert [result["status"] for result in response.json()["results"]] == [201, 400, 200, 201]
    assert error_of(post(endpoint, {"data": {}}))[:2] == (400, "malformed_json")


@pytest.mark.parametrize(
    ("currency", "cents", "amount"), [("EUR", 5, "0.05"), ("JPY", 1250, "1250"), ("KWD", "1250", "1.25")]
)
def test_mapped_minor_units_are_exact_in_each_currency(currency, cents, amount):
    post(mapped(), message("Paid", currency=currency, cents=cents))

    assert Conversion.objects.get().amount == Decimal(amount)


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"cents": "12.50"}, "bad_amount", "amount"),
        ({"cents": []}, "wrong_type", "amount"),
        ({"state": "?"}, "unknown_status", "status"),
        ({"state": None}, "missing", "status"),
        ({"currency": "ABC"}, "unknown_currency", "currency"),
    ],
)
def test_mapped_says_what_is_wrong(change, code, field):
    assert error_of(post(mapped(), message("Paid", **change))) == (400, code, field)


def test_mapped_names_their_field_for_a_bad_time_or_missing_event():
    endpoint, late = mapped(), message("Paid")
    late["meta"]["at"] = "2026-11-20"

    assert error_of(post(endpoint, late)) == (400, "bad_time", "meta.at")
    assert error_of(post(endpoint, {"user": {"id": "1"}})) == (400, "missing", "meta.type")


def test_mapped_takes_parameters_of_an_address():
    endpoint = make_endpoint("mapped", field_paths={"event": "e", "player_id": "uid"})

    response = Client().get(f"/postback/{endpoint.slug}/{KEY}", {"e": "lead", "uid": "9"})

    assert response.status_code == 201
    assert Milestone.objects.get().player == Player.objects.get(player_id="9")


@pytest.mark.parametrize(
    "columns",
    [
        {"field_paths": {"name": "user.name"}},
        {"field_paths": {"event": "a..b"}},
        {"field_paths": {"event": 5}},
        {"field_paths": ["event"]},
        {"event_names": {"x": "jackpot"}},
        {"statuses": {"x": "maybe"}},
        {"time_format": "%Q"},
        {"time_zone": "Mars/Olympus"},
    ],
)
def test_mapped_refuses_a_map_that_cannot_be(columns):
    endpoint = mapped(**columns)

    with pytest.raises(ValidationError):
        endpoint.full_clean()


_JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.text(max_size=10), st.sampled_from(["Paid", "EUR", "OK", "\0"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["meta", "user", "tx", "type", "id", "sub", "cents", "currency", "state", "at"]),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=15,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=_JSON)
def test_mapped_never_breaks(db, body):
    key = f"key-{Endpoint.objects.count()}"
    endpoint = mapped(key=key)

    response = Client().post(f"/postback/{endpoint.slug}/{key}", body, content_type="application/json")

    assert response.status_code in (200, 201, 202, 207, 400, 409)


def sell(endpoint: Endpoint, **parameters: str) -> int:
    click_id = parameters.pop("click_id", "")
    response = Client().get(f"/postback/{endpoint.slug}/{KEY}", {"clickid": click_id, "type": "sale"} | parameters)
    return int(response.status_code)


@pytest.fixture
def click_id() -> str:
    return make_click(make_link()).click_id


def sales() -> list[tuple[Decimal | None, str]]:
    return list(Milestone.objects.order_by("pk").values_list("revenue", "occurrence"))


@pytest.mark.parametrize(
    ("mode", "statuses", "expected"),
    [
        ("", [201, 409, 200], [(Decimal(10), "")]),
        ("new", [201, 201, 200], [(Decimal(10), ""), (Decimal(15), "")]),
        ("tagged", [201, 201, 200], [(Decimal(10), "new"), (Decimal(15), "repeated")]),
        ("ignore", [201, 200, 200], [(Decimal(10), "")]),
        ("edit", [201, 201, 200], [(Decimal(15), "")]),
        ("increment", [201, 201, 200], [(Decimal(25), "")]),
    ],
)
def test_duplicates_follow_the_endpoints_mode(mode, statuses, expected, click_id):
    endpoint = make_endpoint("redtrack", duplicates=mode)

    answered = [sell(endpoint, click_id=click_id, sum=amount) for amount in ("10", "15", "10")]

    assert answered == statuses
    assert sales() == expected


def test_duplicates_by_event_id_ignore_what_is_known_and_take_what_is_not(click_id):
    endpoint = make_endpoint("redtrack", duplicates="event_id")

    answered = [
        sell(endpoint, click_id=click_id, sum="10", rdtk_event_id="a", txid="1"),
        sell(endpoint, click_id=click_id, sum="99", rdtk_event_id="a", txid="1"),
        sell(endpoint, click_id=click_id, sum="20", rdtk_event_id="b", txid="2"),
    ]

    assert answered == [201, 200, 201]
    assert [revenue for revenue, _ in sales()] == [10, 20]


def test_duplicates_added_up_end_the_same_in_any_order_and_count_a_sale_once(click_id):
    reports = [
        {"sum": "10", "txid": "1", "status": "pending"},
        {"sum": "10", "txid": "1", "status": "approved"},
        {"sum": "5", "txid": "1", "status": "approved"},
    ]

    ends = set()
    for order in permutations(reports):
        with transaction.atomic():
            endpoint = make_endpoint("redtrack", duplicates="increment")
            for report in order:
                sell(endpoint, click_id=click_id, **report)
            ends.add(Milestone.objects.values_list("status", "revenue").get())
            transaction.set_rollback(True)

    assert ends == {("confirmed", Decimal(15))}


def test_duplicates_never_double_a_deposit(click_id):
    endpoint = make_endpoint("generic", duplicates="new", amounts="deposit", platform=make_platform())
    deposit = {"player_id": "p-1", "event": "ftd", "status": "approved", "tid": "t-1"}

    answers = [
        Client().get(f"/postback/{endpoint.slug}/{KEY}", deposit | {"amount": amount}).status_code
        for amount in ("50", "60")
    ]

    assert answers == [201, 409]


@pytest.fixture
def alice() -> Client:
    """Alice is a superuser."""
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    return client


def try_at(client: Client, endpoint: Endpoint, pasted: str) -> str:
    response = client.post(f"/admin/conversions/endpoint/{endpoint.pk}/try/", {"pasted": pasted})
    assert response.status_code == 200
    return str(response.content.decode())


def test_console_shows_what_a_pasted_request_would_record_and_records_nothing(alice, click_id):
    endpoint = make_endpoint("keitaro")

    shown = try_at(alice, endpoint, f"https://x.example/postback?subid={click_id}&payout=7&email=canary%40example.com")

    assert "Recorded." in shown
    assert "Sale" in shown
    assert "email:email" in shown
    assert "canary" not in shown.replace("canary%40example.com", "")
    counts = [model.objects.count() for model in (InboxEvent, Milestone, IntakeRequest, PrivateToken, Player)]
    assert counts == [0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("pasted", "sentence"),
    [
        ("subid=nobody", "Quarantined: its click id is not one of ours."),
        ("subid=1&payout=x", "Refused with 400: payout: write an amount"),
        ('{"subid": "nobody"}', "Quarantined: its click id is not one of ours."),
        ("{broken", "The body is not JSON"),
        ("hello", "Paste a JSON body, or an address with its parameters."),
        ("subid=1&status=ping&ignore_status=ping", "Ignored: this is no event."),
    ],
)
def test_console_says_what_would_be_wrong(alice, pasted, sentence):
    assert sentence in try_at(alice, make_endpoint("keitaro"), pasted)


def test_console_shows_each_event_of_an_array(alice):
    shown = try_at(alice, make_endpoint("trackier"), '[{"customerId": "1"}, {"customerId": 2.5}, {}]')

    assert "Event 3" in shown
    assert "customerId is required." in shown
    assert Player.objects.count() == 0
