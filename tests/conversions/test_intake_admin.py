"""Endpoints and the quarantine in the admin."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from conversions.api.sample import send_sample
from conversions.domain.endpoint_keys import hash_key
from conversions.domain.intake import match_waiting_events
from conversions.models import Conversion, Endpoint, InboxEvent, Milestone
from tests.conversions.api.posting import REGISTRATION, post
from tests.conversions.builders import deposit, make_endpoint, register
from tests.world import make_click, make_link, make_platform

pytestmark = pytest.mark.django_db

KEY = "key-of-the-tests"


@pytest.fixture
def alice() -> Client:
    """Alice is a superuser."""
    return client_of(User.objects.create_superuser("alice"))


@pytest.fixture
def bob() -> Client:
    """Bob is on the staff and may only look."""
    user = User.objects.create_user("bob", is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=["view_endpoint", "view_inboxevent"]))
    return client_of(user)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(response: Any) -> str:
    return str(response.content.decode())


def form(**fields: Any) -> dict[str, Any]:
    if "platform" not in fields:
        fields["platform"] = make_platform().pk
    of = {"name": "Network", "slug": "network", "dialect": "keitaro", "is_active": "on", "amounts": "revenue",
        "default_status": "", "duplicates": "", "amount_unit": "major", "time_zone": "UTC"}  # fmt: skip
    return of | fields


def waiting_deposit() -> tuple[InboxEvent, str]:
    platform, click_id = make_platform(), make_click(make_link()).click_id
    deposit(platform, player_id="", click_id=click_id)
    return InboxEvent.objects.get(), click_id


def test_requests_of_our_own_sample_are_marked(alice: Client) -> None:
    platform = make_platform()
    post(platform, "registration", REGISTRATION)
    send_sample(platform, link=None, at=timezone.now())

    shown = text_of(alice.get("/admin/conversions/intakerequest/"))

    assert shown.count("Our own sample: recorded") == 3
    assert shown.count("Our own sample: No signature fits") == 1


def test_add_endpoint_shows_its_key_once_and_keeps_its_hash(alice: Client) -> None:
    response = alice.post("/admin/conversions/endpoint/add/", form())

    endpoint = Endpoint.objects.get()
    key = str(response.context["key"]).partition("<code>")[2].partition("</code>")[0]
    assert endpoint.key_hash == hash_key(key)
    assert f"/postback/network/{key}" in text_of(response)
    assert "no-store" in response.headers["Cache-Control"]
    assert key not in text_of(alice.get(f"/admin/conversions/endpoint/{endpoint.pk}/change/"))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"event_names": '{"ftd": "jackpot"}'}, "“jackpot” is none."),
        ({"amounts": "deposit"}, "This tracker names no status of a deposit"),
        ({"dialect": "affilka"}, "Affilka signs what it sends: paste its secret."),
        ({"dialect": "mapped"}, "Say at least where the event is named"),
        ({"dialect": "mapped", "field_paths": '{"event": "e", "mail": "x"}'}, "“mail” is none of our fields"),
        ({"time_format": "%Q"}, "No time can be read by"),
    ],
)
def test_add_endpoint_says_what_is_wrong(alice: Client, fields: dict[str, Any], sentence: str) -> None:
    response = alice.post("/admin/conversions/endpoint/add/", form(**fields))

    assert sentence in text_of(response)
    assert not Endpoint.objects.exists()


def test_endpoint_keeps_its_signing_secret_and_never_shows_it(alice: Client) -> None:
    platform = make_platform().pk
    alice.post(
        "/admin/conversions/endpoint/add/", form(platform=platform, dialect="affilka", signing_secret_to_set="s-3cret")
    )
    endpoint = Endpoint.objects.get()

    alice.post(f"/admin/conversions/endpoint/{endpoint.pk}/change/", form(platform=platform, dialect="affilka"))

    endpoint.refresh_from_db()
    assert endpoint.signing_secret == "s-3cret"
    assert "s-3cret" not in text_of(alice.get(f"/admin/conversions/endpoint/{endpoint.pk}/change/"))


def test_new_key_keeps_the_one_before_valid_until_the_changeover_ends(alice: Client) -> None:
    endpoint = make_endpoint("keitaro")

    alice.post(f"/admin/conversions/endpoint/{endpoint.pk}/new-key/")
    endpoint.refresh_from_db()
    during = endpoint.previous_key_hash
    alice.post(f"/admin/conversions/endpoint/{endpoint.pk}/end-changeover/")

    endpoint.refresh_from_db()
    assert during == hash_key(KEY)
    assert (endpoint.previous_key_hash, endpoint.key_hash != hash_key(KEY)) == ("", True)


def test_mapping_a_name_has_the_events_that_had_none_read_again(alice: Client) -> None:
    endpoint = make_endpoint("voluum")
    click_id = make_click(make_link()).click_id
    Client().get(f"/postback/{endpoint.slug}/{KEY}", {"cid": click_id, "et": "VIP"})
    changed = form(
        name=endpoint.name,
        slug=endpoint.slug,
        platform=endpoint.platform_id,
        dialect="voluum",
        event_names='{"VIP": "qualified"}',
    )

    response = alice.post(f"/admin/conversions/endpoint/{endpoint.pk}/change/", changed, follow=True)
    match_waiting_events(at=timezone.now(), limit=10)

    assert "1 quarantined events with unknown names are read again now." in text_of(response)
    assert Milestone.objects.get().kind == "qualified"


def test_inbox_says_in_words_why_an_event_waits(alice: Client) -> None:
    event, _ = waiting_deposit()

    shown = text_of(alice.get(f"/admin/conversions/inboxevent/{event.pk}/change/"))

    assert "nobody has registered by its click yet" in shown
    assert "Look again now" in shown


def test_look_again_records_what_can_be_placed_by_now(alice: Client) -> None:
    event, click_id = waiting_deposit()
    address = f"/admin/conversions/inboxevent/{event.pk}/look-again/"

    early = alice.post(address, follow=True)
    register(event.platform, click_id=click_id)
    late = alice.post(address, follow=True)

    assert "It stays in quarantine: nobody has registered by its click yet." in text_of(early)
    assert "the event is recorded." in text_of(late)
    assert Conversion.objects.filter(kind="deposit").count() == 1


def test_discard_asks_for_a_reason_and_is_for_good(alice: Client) -> None:
    event, _ = waiting_deposit()
    address = f"/admin/conversions/inboxevent/{event.pk}/discard/"

    without = alice.post(address, {"reason": ""})
    alice.post(address, {"reason": "a test of the network"})

    event.refresh_from_db()
    assert without.status_code == 200
    assert (event.state, event.reason) == ("discarded", "a test of the network")
    assert "Look again now" not in text_of(alice.get(f"/admin/conversions/inboxevent/{event.pk}/change/"))


@pytest.mark.parametrize("action", ["look-again", "discard"])
def test_quarantine_is_handled_by_those_who_may(bob: Client, action: str) -> None:
    event, _ = waiting_deposit()

    response = bob.post(f"/admin/conversions/inboxevent/{event.pk}/{action}/", {"reason": "mine"})

    event.refresh_from_db()
    assert (response.status_code, event.state) == (403, "quarantined")


@pytest.mark.parametrize("action", ["new-key", "end-changeover"])
def test_keys_are_made_by_those_who_may(bob: Client, action: str) -> None:
    endpoint = make_endpoint("keitaro", previous_key_hash=hash_key("old"))

    response = bob.post(f"/admin/conversions/endpoint/{endpoint.pk}/{action}/")

    endpoint.refresh_from_db()
    assert response.status_code == 403
    assert (endpoint.key_hash, endpoint.previous_key_hash) == (hash_key(KEY), hash_key("old"))
