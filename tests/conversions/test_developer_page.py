"""What a casino's developer sees by his link, and what nobody sees."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import conversions
from conversions.api.sample import send_sample
from conversions.domain.advice import advice_on, has_advice
from conversions.domain.developer_links import give_link, revoke_link, token_of
from conversions.domain.sandbox import open_sandbox
from conversions.models import DeveloperLink, IntakeRequest, Platform
from tests.conversions.api.posting import DEPOSIT, REGISTRATION, post
from tests.conversions.builders import make_endpoint
from tests.world import NOON, make_platform

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return User.objects.create_superuser("alice")


def link_to(platform: Platform, alice: User, *, days: int = 7) -> DeveloperLink:
    return give_link(platform, given_to="integrators", days=days, by=alice, at=timezone.now())


def page(link: DeveloperLink, **parameters: str) -> Any:
    return Client().get(f"/intake/{token_of(link)}/", parameters)


def statuses(response: Any) -> list[int]:
    return [row["request"].status for row in response.context["rows"]]


def test_page_shows_requests_with_answers_newest_first(alice):
    platform = make_platform()
    post(platform, "registration", REGISTRATION)
    post(platform, "deposit", DEPOSIT | {"amount": "12,50"})

    response = page(link_to(platform, alice))

    assert statuses(response) == [400, 201]
    text = response.content.decode()
    assert "Write amounts as plain digits" in text
    assert "reg-1 · p-1" in text
    assert "amount: write an amount as digits with an optional point, such as 120.00." in text


def test_page_leaves_out_what_our_own_sample_sent(alice):
    platform = make_platform()
    post(platform, "registration", REGISTRATION)
    send_sample(platform, link=None, at=timezone.now())

    response = page(link_to(platform, alice))

    assert statuses(response) == [201]
    assert set(IntakeRequest.objects.values_list("status", "is_sample")) == {
        (201, False), (201, True), (200, True), (401, True),
    }  # fmt: skip


def test_page_shows_a_request_that_calls_itself_a_sample(alice):
    platform = make_platform()
    post(platform, "registration", REGISTRATION, headers={"tracker.sample": "1", "tracker-sample": "1"})

    assert statuses(page(link_to(platform, alice))) == [201]


def test_page_opens_what_is_to_be_changed_in_an_array_too(alice):
    platform = make_platform()
    post(platform, "registration", REGISTRATION)
    post(platform, "events", json.dumps([DEPOSIT | {"type": "deposit"}, {"type": "deposti"}]).encode())

    text = page(link_to(platform, alice)).content.decode()

    assert text.count("<details open>") == 1


def test_page_shows_one_platform_and_its_sandbox_alone(alice):
    mine, other = make_platform(), make_platform()
    sandbox = open_sandbox(mine)
    post(mine, "registration", REGISTRATION)
    post(mine, "registration", REGISTRATION | {"player_id": "p-sandbox"}, secret=sandbox.secret)
    post(other, "registration", REGISTRATION | {"player_id": "p-other"})

    text = page(link_to(mine, alice)).content.decode()

    assert ("p-sandbox" in text, "Sandbox" in text, "p-other" in text) == (True, True, False)
    assert "p-1" in text


def test_page_of_a_sandbox_s_link_shows_nothing_real(alice):
    platform = make_platform()
    sandbox = open_sandbox(platform)
    post(platform, "registration", REGISTRATION)

    assert statuses(page(link_to(sandbox, alice))) == []


def test_page_shows_who_did_not_prove_himself_without_a_word_of_what_he_sent(alice):
    platform = make_platform()
    post(platform, "registration", REGISTRATION, secret="whsec_b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXI=")

    text = page(link_to(platform, alice)).content.decode()

    assert "the key is what base64 after whsec_ decodes to" in text
    assert "p-1" not in text


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"timestamp": 1}, "timestamp_outside_tolerance"),
        ({"headers": {"webhook-signature": ""}}, "missing_signature"),
        ({"content_type": "text/plain"}, "unsupported_media_type"),
        ({"webhook_id": "m" * 201}, "bad_webhook_id"),
    ],
)
def test_refused_at_the_door_is_kept_by_its_code(changes, code):
    platform = make_platform()

    post(platform, "registration", REGISTRATION, **changes)

    kept = IntakeRequest.objects.get()
    assert (kept.content, kept.answer["error"]["code"]) == ([], code)


def test_refused_at_an_endpoint_is_kept_by_its_code():
    endpoint = make_endpoint("keitaro")

    Client().get(f"/postback/{endpoint.slug}/not-its-key", {"subid": "ann@mail.example"})

    kept = IntakeRequest.objects.get()
    assert (kept.endpoint, kept.content, kept.status, kept.answer["error"]["code"]) == (endpoint, [], 401, "bad_key")


def test_refused_at_the_door_is_kept_twenty_times_a_minute_at_most():
    platform = make_platform()
    other = "whsec_b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXI="

    for _ in range(25):
        post(platform, "registration", REGISTRATION, secret=other)

    assert IntakeRequest.objects.count() == 20


def test_page_shows_no_personal_data(alice):
    platform = make_platform()
    personal = {"email": "ann@mail.example", "first_name": "Ann", "promo_code": "ann@mail.example"}
    post(platform, "registration", REGISTRATION | personal)

    text = page(link_to(platform, alice)).content.decode()

    assert "ann@mail" not in text
    assert "Ann" not in text
    assert "email (a token of kind email), first_name" in text


@pytest.mark.parametrize(
    ("show", "expected"),
    [("all", [207, 202, 409, 201]), ("recorded", [207, 201]), ("waits", [202]), ("refused", [207, 409])],
)
def test_page_filters_by_answer(alice, show, expected):
    platform = make_platform()
    post(platform, "registration", REGISTRATION)
    post(platform, "registration", REGISTRATION | {"player_id": "p-2"}, webhook_id="msg-2")
    post(
        platform, "events", {"type": "lead", "event_id": "e-1", "occurred_at": "2026-11-20T10:00:00Z", "click_id": "x"}
    )
    array = (
        b'[{"type":"nothing"},'
        + b'{"type":"registration","event_id":"e-9","occurred_at":"2026-11-20T10:00:00Z","player_id":"p-9"}]'
    )
    post(platform, "events", array)

    assert statuses(page(link_to(platform, alice), show=show)) == expected


def test_page_goes_on_where_the_last_one_ended(alice):
    platform = make_platform()
    for number in range(60):
        IntakeRequest.objects.create(
            platform=platform, address="/", received_at=NOON, content=[], status=200 + number % 2, answer={}
        )
    link = link_to(platform, alice)

    seen: list[list[int]] = []
    before: dict[str, str] = {}
    for _ in range(4):
        response = page(link, **before)
        seen.append([row["request"].pk for row in response.context["rows"]])
        before = {"before": response.context["next"]}

    assert [len(each) for each in seen] == [25, 25, 10, 25]
    assert seen[0] + seen[1] + seen[2] == sorted(seen[0] + seen[1] + seen[2], reverse=True)


@pytest.mark.parametrize("before", ["", "x", "1-x", "-", "9" * 30 + "-1", "1764000000000000-" + "9" * 30, "²-1"])
def test_page_takes_any_place_for_the_beginning(alice, before):
    assert page(link_to(make_platform(), alice), before=before, show="nothing").status_code == 200


def test_page_is_seen_by_its_link_alone(alice):
    link = link_to(make_platform(), alice)
    token = token_of(link)
    forged = token[:-1] + ("A" if token[-1] != "A" else "B")

    assert Client().get(f"/intake/{token}/").status_code == 200
    assert [Client().get(f"/intake/{each}/").status_code for each in (forged, link.key.hex, str(link.pk), "x:y")] == [
        404
    ] * 4


def test_page_ends_with_its_link(alice):
    link = link_to(make_platform(), alice, days=7)

    with time_machine.travel(link.expires_at - timedelta(seconds=1), tick=False):
        assert page(link).status_code == 200
    with time_machine.travel(link.expires_at, tick=False):
        assert page(link).status_code == 404


def test_page_ends_when_the_link_is_revoked(alice):
    kept, revoked = link_to(make_platform(), alice), link_to(make_platform(), alice)

    revoke_link(revoked, at=NOON)
    revoke_link(revoked, at=NOON + timedelta(days=1))

    revoked.refresh_from_db()
    assert (page(kept).status_code, page(revoked).status_code, revoked.revoked_at) == (200, 404, NOON)


def test_page_ends_when_the_platform_is_switched_off(alice):
    platform = make_platform()
    link = link_to(platform, alice)
    Platform.objects.update(is_active=False)

    assert page(link).status_code == 404


def test_page_notes_when_it_was_opened(alice):
    link = link_to(make_platform(), alice)

    page(link)

    link.refresh_from_db()
    assert link.last_opened_at is not None


def test_page_is_neither_cached_nor_indexed_and_tells_nobody_its_address(alice):
    headers = page(link_to(make_platform(), alice)).headers

    assert "no-store" in headers["Cache-Control"]
    assert (headers["Referrer-Policy"], headers["X-Robots-Tag"]) == ("no-referrer", "noindex, nofollow")
    assert "unsafe" not in headers["Content-Security-Policy"]


@pytest.mark.parametrize("days", [0, 91])
def test_give_link_refuses_one_that_lasts_too_long_or_not_at_all(alice, days):
    with pytest.raises(ValueError, match="1 to 90 days"):
        link_to(make_platform(), alice, days=days)


def test_page_asks_as_often_for_three_requests_as_for_one(alice):
    platform = make_platform()
    link = link_to(platform, alice)
    post(platform, "registration", REGISTRATION)
    page(link)
    with CaptureQueriesContext(connection) as for_one:
        page(link)
    post(platform, "registration", REGISTRATION)
    post(platform, "deposit", DEPOSIT)

    with CaptureQueriesContext(connection) as for_three:
        response = page(link)

    assert statuses(response) == [201, 200, 201]
    assert len(for_three) == len(for_one)


def test_advice_on_an_array_says_each_thing_once():
    def refused(code):
        return {"status": 400, "answer": {"error": {"code": code}}}

    advice = advice_on(
        207, [refused("missing"), refused("missing"), {"status": 201, "answer": {}}, refused("bad_time")]
    )

    assert [sentence[:9] for sentence in advice] == ["Add the f", "Write tim"]


# What is raised in conversions under these names is never the answer to a proven or named sender.
OF_OTHERS = {"bad_filter", "nothing_to_read", "too_many_cells", "unknown_endpoint", "unknown_platform"}
RAISED = re.compile(
    r"(?:MalformedEvent|NotAuthentic|BadSignature|WebhookError|Unplaced|ConversionConflict|refuse_other_terms)"
    r'\(\s*(?:[0-9]+,\s*)?(?:code=)?"([a-z_]+)"'
)


def test_advice_is_there_for_whatever_a_sender_may_be_answered():
    source = "".join(path.read_text() for path in Path(conversions.__path__[0]).rglob("*.py"))
    codes = set(RAISED.findall(source))

    assert len(codes) > 40
    assert {code for code in codes - OF_OTHERS if not has_advice(code)} == set()


def test_advice_on_what_was_recorded_is_none():
    assert advice_on(201, {"status": "recorded"}) == []


def test_advice_on_what_is_new_to_us_sends_to_the_operator():
    assert advice_on(400, {"error": {"code": "never_heard_of"}}) == [
        "Read the answer, and ask the operator if it does not say enough."
    ]
