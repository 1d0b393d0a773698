"""Conversions for programs: recorded with a key, listed with filters, described."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import IntegrityError
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.models import Partner
from conversions.domain.endpoint_keys import hash_key
from conversions.domain.intake import record_event
from conversions.domain.reported import ReportedInstall, ReportedMilestone
from conversions.models import ApiKey, Conversion, InboxEvent, Install, Milestone, Platform
from tests.conversions.api.posting import DEPOSIT, REGISTRATION, error_of
from tests.conversions.api.posting import post as post_webhook
from tests.conversions.builders import LATER, deposit, register
from tests.world import NOON, make_click, make_link, make_partner, make_platform

pytestmark = pytest.mark.django_db

KEY = "api-key-of-the-tests"


def make_key(platform: Platform, key: str = KEY, **columns: Any) -> ApiKey:
    return ApiKey.objects.create(name=key, platform=platform, key_hash=hash_key(key), **columns)


def track(body: Any, *, key: str = KEY, **headers: str) -> Any:
    shown = {"Authorization": f"Bearer {key}"} | headers
    return Client().post("/conversions/track", body, content_type="application/json", headers=shown)


def listed(parameters: dict[str, Any] | None = None, *, key: str = KEY) -> Any:
    return Client().get("/conversions/", parameters or {}, headers={"Authorization": f"Bearer {key}"})


OF = {"event_id": "e-1", "occurred_at": "2026-11-20T10:00:00Z", "player_id": "p-1"}


@pytest.mark.parametrize(
    ("body", "model"),
    [
        (OF | {"type": "lead"}, Milestone),
        (OF | {"type": "signup"}, Milestone),
        (OF | {"type": "sale", "amount": "9.50", "currency": "EUR"}, Milestone),
        (OF | {"type": "install", "install_id": "device"}, Install),
        (REGISTRATION | {"type": "registration"}, Conversion),
        (DEPOSIT | {"type": "deposit"}, Conversion),
    ],
)
def test_track_records_each_type_once(body: dict[str, Any], model: Any) -> None:
    make_key(make_platform())

    first, again = track(body), track(body)

    assert [first.status_code, again.status_code] == [201, 200]
    assert again.json() == first.json()
    assert model.objects.count() == 1


def test_track_and_the_signed_webhook_are_one_inbox() -> None:
    platform = make_platform()
    make_key(platform)
    by_webhook = post_webhook(platform, "deposit", DEPOSIT)

    by_key = track(DEPOSIT | {"type": "deposit"})

    assert (by_key.status_code, by_key.json()) == (200, by_webhook.json())


def test_track_takes_an_array_and_quarantines_what_names_nobody() -> None:
    make_key(make_platform())
    nobody = {"event_id": "e-2", "occurred_at": "2026-11-20T10:00:00Z", "type": "lead", "click_id": "nobody"}

    response = track([OF | {"type": "lead"}, nobody, OF | {"type": "refund"}, 5])

    assert response.status_code == 207
    assert [result["status"] for result in response.json()["results"]] == [201, 202, 400, 400]


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Authorization": ""}, 401), ({"Authorization": "Bearer other"}, 401), ({"Authorization": "Basic x"}, 401)],
)
def test_track_asks_for_a_key(headers: dict[str, str], status: int) -> None:
    make_key(make_platform())

    response = track(OF | {"type": "lead"}, **headers)

    assert response.status_code == status
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert InboxEvent.objects.count() == 0


def test_keys_do_what_they_may_and_no_more() -> None:
    platform = make_platform()
    make_key(platform, "writer", may_read=False)
    make_key(platform, "reader", may_record=False)
    make_key(platform, "off", is_active=False)
    make_key(make_platform(is_active=False), "closed")

    recorded = [track(OF | {"type": "lead"}, key=key).status_code for key in ("writer", "reader", "off", "closed")]
    read = [listed(key=key).status_code for key in ("writer", "reader", "off", "closed")]

    assert recorded == [201, 403, 401, 401]
    assert read == [403, 200, 401, 401]


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (OF, "unknown_event", "type"),
        (OF | {"type": "withdrawal"}, "unknown_event", "type"),
        (OF | {"type": ["lead"]}, "unknown_event", "type"),
        ([], "wrong_length", None),
        ("text", "wrong_type", None),
    ],
)
def test_track_says_what_is_wrong(body: Any, code: str, field: str | None) -> None:
    make_key(make_platform())

    assert error_of(track(json.dumps(body))) == (400, code, field)


def fill(platform: Platform) -> None:
    """Record one conversion of each type, an hour between them, in another order than theirs."""
    link = make_link(partner=Partner.objects.filter(tag="lotus").first() or make_partner(tag="lotus"))
    click_id = make_click(link).click_id
    register(platform, click_id=click_id, occurred_at=NOON + timedelta(hours=1))
    deposit(platform, occurred_at=NOON + timedelta(hours=2))
    sale = ReportedMilestone(
        event_id="m-1",
        kind="sale",
        status="pending",
        occurred_at=NOON + timedelta(hours=3),
        player_id="p-1",
        transaction_id="s-1",
        is_test=True,
    )
    install = ReportedInstall(
        event_id="i-1", occurred_at=NOON + timedelta(minutes=30), install_id="i", activity="install"
    )
    lead = ReportedMilestone(
        event_id="m-2", kind="lead", status="confirmed", occurred_at=NOON + timedelta(hours=2), click_id=click_id
    )
    for reported in (sale, install, lead):
        record_event(reported, platform=platform, webhook_id=f"msg-{reported.event_id}", at=LATER)


def test_list_shows_all_types_newest_first_and_no_other_platforms() -> None:
    platform = make_platform()
    make_key(platform)
    fill(platform)
    fill(make_platform())

    page = listed().json()

    assert [row["type"] for row in page["results"]] == ["sale", "deposit", "lead", "registration", "install"]
    assert page["next"] is None
    assert page["results"][1] | {"id": 0, "campaign_id": 0, "campaign": ""} == {
        "type": "deposit",
        "id": 0,
        "occurred_at": "2026-11-22T14:00:00Z",
        "status": "confirmed",
        "player_id": "p-1",
        "transaction_id": "t-1",
        "amount": "100",
        "currency": "EUR",
        "first_deposit": True,
        "campaign_id": 0,
        "campaign": "",
        "partner": "lotus",
        "credit": "click",
        "is_test": False,
    }


@pytest.mark.parametrize(
    ("parameters", "types"),
    [
        ({"type": "deposit,lead"}, ["deposit", "lead"]),
        ({"type": "signup"}, []),
        ({"status": "pending"}, ["sale"]),
        ({"player_id": "p-1"}, ["sale", "deposit", "lead", "registration"]),
        ({"transaction_id": "t-1"}, ["deposit"]),
        ({"partner": "lotus", "type": "lead"}, ["lead"]),
        ({"credit": "no_claim"}, ["install"]),
        ({"is_test": "true"}, ["sale"]),
        ({"occurred_from": "2026-11-22T14:00:00Z"}, ["sale", "deposit", "lead"]),
        ({"occurred_from": "2026-11-23T09:59:00+19:59"}, ["sale", "deposit", "lead"]),
        ({"occurred_before": "2026-11-22T13:00:00Z"}, ["install"]),
    ],
)
def test_list_is_narrowed_by_its_filters(parameters: dict[str, str], types: list[str]) -> None:
    platform = make_platform()
    make_key(platform)
    fill(platform)

    assert [row["type"] for row in listed(parameters).json()["results"]] == types


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_list_is_read_page_by_page_without_gap_or_repeat(limit: int) -> None:
    platform = make_platform()
    make_key(platform)
    fill(platform)
    for number in range(3):
        deposit(platform, f"d-{number}", transaction_id=f"d-{number}", occurred_at=NOON + timedelta(hours=2))

    seen: list[tuple[str, int]] = []
    cursor = ""
    for _ in range(10):
        page = listed({"limit": limit, "cursor": cursor}).json()
        seen += [(row["type"], row["id"]) for row in page["results"]]
        cursor = page["next"]
        if cursor is None:
            break

    whole = [(row["type"], row["id"]) for row in listed().json()["results"]]
    assert seen == whole
    assert len(set(seen)) == 8


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"type": "bonus"}, "type"),
        ({"limit": "0"}, "limit"),
        ({"limit": "501"}, "limit"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "WzFd"}, "cursor"),
        ({"occurred_from": "yesterday"}, "occurred_from"),
        ({"occurred_before": "0001-01-01T00:00:00+19:00"}, "occurred_before"),
        ({"campaign_id": "abc"}, "campaign_id"),
        ({"credit": "luck"}, "credit"),
    ],
)
def test_list_says_which_filter_is_wrong(parameters: dict[str, str], field: str) -> None:
    make_key(make_platform())

    assert error_of(listed(parameters)) == (400, "bad_filter", field)


_PARAMETERS = st.dictionaries(
    st.sampled_from(
        "type status player_id transaction_id campaign_id partner credit is_test occurred_from limit cursor".split()
    ),
    st.one_of(
        st.text(max_size=20),
        st.sampled_from(["deposit", "1", "9" * 30, "-1", "true", "2026-11-20", "\0", "WzEsMiwzXQ=="]),
    ),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parameters=_PARAMETERS)
def test_list_never_breaks(db: None, parameters: dict[str, str]) -> None:
    key = f"key-{ApiKey.objects.count()}"
    make_key(make_platform(), key)

    assert listed(parameters, key=key).status_code in (200, 400)


def test_api_key_is_shown_once_and_kept_as_its_hash() -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    form = {"name": "Program", "platform": make_platform().pk, "may_record": "on", "may_read": "on", "is_active": "on"}

    response = client.post("/admin/conversions/apikey/add/", form)

    key = str(response.context["key"]).partition("<code>")[2].partition("</code>")[0]
    assert ApiKey.objects.get().key_hash == hash_key(key)
    assert listed(key=key).status_code == 200
    with pytest.raises(IntegrityError, match="api_key_is_kept_as_its_hash"):
        ApiKey.objects.update(key_hash=key)


def test_description_of_the_api_is_valid_and_warns_of_nothing() -> None:
    written = StringIO()

    call_command("spectacular", "--validate", "--fail-on-warn", stdout=written)

    paths = ["/conversions/:", "/conversions/track:", "/postback/{name}/{key}:", "/webhooks/{platform}/events:"]
    assert [path for path in paths if path not in written.getvalue()] == []


def test_description_loads_from_this_server_alone(client: Client) -> None:
    page = client.get("/api/docs/")
    script = client.get("/api/docs/", {"script": ""})
    schema = client.get("/api/schema/")

    assert [page.status_code, script.status_code, schema.status_code] == [200, 200, 200]
    assert "//cdn" not in page.content.decode()
    assert "<script>" not in page.content.decode()
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
