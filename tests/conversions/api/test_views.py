"""Signed webhooks over HTTP."""

import time

import pytest
from django.test import Client

from conversions.models import Anomaly, Conversion, InboxEvent, Player
from tests.conversions.api.posting import DEPOSIT, REGISTRATION, error_of, post
from tests.world import SECRET, make_platform

pytestmark = pytest.mark.django_db

OTHER_SECRET = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


def test_post_deposit_records_and_answers_201():
    response = post(make_platform(), "deposit", DEPOSIT)

    assert response.status_code == 201
    assert response.json() == {
        "status": "recorded",
        "conversion_id": Conversion.objects.get().pk,
        "first_deposit": True,
        "credited_to": None,
    }


def test_post_deposit_answers_a_repeat_with_200_and_the_first_answer():
    platform = make_platform()
    first = post(platform, "deposit", DEPOSIT)

    again = post(platform, "deposit", DEPOSIT, webhook_id="msg-of-a-retry")

    assert again.status_code == 200
    assert again.json() == first.json()


def test_post_deposit_answers_other_terms_with_409():
    platform = make_platform()
    post(platform, "deposit", DEPOSIT)

    response = post(platform, "deposit", DEPOSIT | {"amount": "100.01"})

    assert error_of(response) == (409, "event_conflict", "amount")


def test_post_without_a_platform_goes_to_the_default_one():
    default = make_platform(is_default=True)
    make_platform()

    response = post("/webhooks/registration", "registration", REGISTRATION)

    assert response.status_code == 201
    assert Player.objects.get().platform == default


def test_post_without_a_default_platform_says_so():
    make_platform()

    assert error_of(post("/webhooks/deposit", "deposit", DEPOSIT)) == (404, "unknown_platform", None)


def test_post_takes_the_previous_secret_during_rotation_and_no_third():
    platform = make_platform(secret=OTHER_SECRET, previous_secret=SECRET)

    current = post(platform, "deposit", DEPOSIT, secret=OTHER_SECRET)
    previous = post(platform, "deposit", DEPOSIT, secret=SECRET)
    third = post(platform, "deposit", DEPOSIT, secret="whsec_" + "B" * 40)

    assert [current.status_code, previous.status_code, third.status_code] == [201, 200, 401]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"secret": OTHER_SECRET}, "bad_signature"),
        ({"timestamp": int(time.time()) - 3600}, "timestamp_outside_tolerance"),
        ({"headers": {"webhook-signature": ""}}, "missing_signature"),
        ({"headers": {"webhook-id": "msg-another"}}, "bad_signature"),
    ],
)
def test_post_refuses_what_the_platform_did_not_sign(change, code):
    response = post(make_platform(), "deposit", DEPOSIT, **change)

    assert error_of(response) == (401, code, None)
    assert InboxEvent.objects.count() == 0


def test_post_takes_listed_addresses_only():
    platform = make_platform(allowed_addresses=["203.0.113.0/24"])

    inside = post(platform, "deposit", DEPOSIT, headers={"X-Forwarded-For": "203.0.113.7"})
    outside = post(platform, "deposit", DEPOSIT, headers={"X-Forwarded-For": "203.0.113.7, 198.51.100.1"})

    assert inside.status_code == 201
    assert error_of(outside) == (403, "address_not_allowed", None)


def test_post_uses_the_platforms_default_status():
    unsaid = {name: value for name, value in DEPOSIT.items() if name != "status"}

    required = post(make_platform(), "deposit", unsaid)
    confirmed = post(make_platform(default_status="confirmed"), "deposit", unsaid)

    assert error_of(required) == (400, "missing", "status")
    assert confirmed.json()["first_deposit"] is True


@pytest.mark.parametrize("slug", ["nobody", "closed"])
def test_post_knows_active_platforms_only(slug):
    make_platform(slug="closed", is_active=False)

    assert error_of(post(f"/webhooks/{slug}/deposit", "deposit", DEPOSIT)) == (404, "unknown_platform", None)


def test_post_answers_unknown_events_and_methods_as_json():
    make_platform(slug="gaming")

    assert error_of(post("/webhooks/gaming/withdrawal", "withdrawal", DEPOSIT)) == (404, "unknown_event", None)
    assert error_of(Client().get("/webhooks/gaming/deposit")) == (405, "method_not_allowed", None)


def test_post_refuses_long_bodies_and_other_media_types():
    platform = make_platform()

    assert error_of(post(platform, "deposit", b" " * 262_145)) == (413, "too_large", None)
    assert error_of(post(platform, "deposit", b" " * 10_000_000)) == (413, "too_large", None)
    assert error_of(post(platform, "deposit", DEPOSIT, content_type="text/plain")) == (
        415,
        "unsupported_media_type",
        None,
    )


def test_post_drops_what_it_does_not_know():
    post(make_platform(), "registration", REGISTRATION | {"email": "canary@example.com", "phone": "+35699999999"})

    event = InboxEvent.objects.get()
    assert "canary" not in str(event.terms) + str(event.answer)
    assert "email" not in event.terms


def test_post_registration_that_now_names_consent_is_a_conflict_and_kept():
    platform = make_platform()
    post(platform, "registration", REGISTRATION)

    response = post(platform, "registration", REGISTRATION | {"consent": {"ad_user_data": True}})

    assert error_of(response) == (409, "event_conflict", "consent_ad_user_data")
    assert (Anomaly.objects.get().held, Anomaly.objects.get().reported) == (None, True)
