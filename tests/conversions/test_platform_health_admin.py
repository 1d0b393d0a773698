"""A platform's page: when it was heard, a sample, the sandbox, a link for the developer."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from conversions.domain.developer_links import give_link
from conversions.domain.sandbox import open_sandbox
from conversions.domain.source_health import watch_sources
from conversions.models import (
    Conversion,
    CustomerLtv,
    Destination,
    DeveloperLink,
    InboxEvent,
    IntakeRequest,
    Platform,
    Player,
    SourceWatch,
)
from fraud.domain.reviewing import review_pending_conversions
from tests.conversions.api.posting import REGISTRATION, post
from tests.conversions.builders import make_endpoint
from tests.world import make_campaign, make_link, make_offer, make_platform

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> Client:
    """Alice is a superuser."""
    return client_of(User.objects.create_superuser("alice"))


@pytest.fixture
def bob() -> Client:
    """Bob is on the staff and may only look at platforms."""
    user = User.objects.create_user("bob", is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=["view_platform", "view_developerlink"]))
    return client_of(user)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page_of(row: Any, client: Client, button: str = "change") -> str:
    name = type(row)._meta.model_name
    return str(client.get(f"/admin/conversions/{name}/{row.pk}/{button}/").content.decode())


def send_sample(platform: Platform, client: Client, link: str = "") -> Any:
    return client.post(f"/admin/conversions/platform/{platform.pk}/sample/", {"link": link}, follow=True)


def steps_of(response: Any) -> dict[str, tuple[bool | None, str]]:
    return {step.name: (step.is_right, step.result) for step in response.context["steps"]}


def test_sample_shows_each_step_of_the_whole_way(alice):
    link = make_link(campaign=make_campaign(name="Malta", offer=make_offer(countries=["MT"])))

    steps = steps_of(send_sample(make_platform(), alice, link.code))

    assert steps == {
        "Registration": (True, "Answered 201, as it should be: recorded"),
        "Deposit": (True, "Answered 201, as it should be: recorded"),
        "Repeat": (True, "Answered 200, as it should be: recorded"),
        "Forgery": (
            True,
            "Answered 401, as it should be: No signature fits: check the secret, and sign the body's exact bytes.",
        ),
        "Inbox": (True, "2 of 2 events are recorded"),
        "Credit": (True, "Credited to the click: Malta"),
        "Review of the registration": (None, "Waiting for review"),
        "Review of the deposit": (None, "Waiting for review"),
        "Totals": (True, "It counts nowhere: no total, no value, no commission"),
    }


def test_sample_follows_review_and_postbacks_as_they_come(alice):
    link, platform = make_link(), make_platform()
    in_test_mode = Destination.objects.create(
        name="Meta in test mode",
        kind="meta",
        on_registration=True,
        dataset_id="1",
        access_token="t",
        test_event_code="TEST1",
        test_ends_at=timezone.now() + timedelta(hours=1),
    )
    Destination.objects.create(name="Live", kind="generic", url_template="https://partner.example/?t={transaction_id}")
    response = send_sample(platform, alice, link.code)
    review_pending_conversions(at=timezone.now(), limit=10)

    steps = steps_of(alice.get(response.request["PATH_INFO"], {"player": response.context["player_id"]}))

    assert steps["Review of the deposit"] == (True, "Approved")
    assert steps["Live"] == (None, "It is not in test mode: a test is never sent there")
    assert steps["Meta in test mode"] == (None, "To be sent")
    assert sorted(in_test_mode.postbacks.values_list("event", flat=True)) == ["first_deposit", "registration"]


def test_sample_is_a_test_and_leaves_no_other_trace(alice):
    platform = make_platform()

    player_id = send_sample(platform, alice).context["player_id"]

    assert list(Player.objects.values_list("player_id", "is_test")) == [(player_id, True)]
    assert list(Conversion.objects.values_list("is_test", "is_first_deposit")) == [(True, False), (True, False)]
    assert list(CustomerLtv.objects.values_list("deposits", "deposits_amount")) == [(0, Decimal(0))]
    assert sorted(IntakeRequest.objects.values_list("status", flat=True)) == [200, 201, 201, 401]


def test_sample_without_a_link_is_credited_to_nobody(alice):
    steps = steps_of(send_sample(make_platform(), alice))

    assert steps["Credit"] == (True, "The registration named no click, code or partner")


def test_sample_comes_from_an_address_that_may_post(alice):
    steps = steps_of(send_sample(make_platform(allowed_addresses=["203.0.113.0/24"]), alice))

    assert steps["Registration"] == (True, "Answered 201, as it should be: recorded")


def test_sample_says_where_the_way_is_blocked(alice):
    steps = steps_of(send_sample(make_platform(default_status="", is_active=False), alice))

    assert steps["Registration"][0] is False
    assert steps["Registration"][1].startswith("Answered 404 where 201 was due")


def test_sample_refuses_a_link_that_is_not_there(alice):
    response = send_sample(make_platform(), alice, "nothing")

    assert "No tracking link has the code “nothing”" in response.content.decode()
    assert InboxEvent.objects.count() == 0


def test_sample_page_shows_no_player_that_is_none_of_a_sample(alice):
    platform = make_platform()
    post(platform, "registration", REGISTRATION)

    assert alice.get(f"/admin/conversions/platform/{platform.pk}/sample/", {"player": "p-1"}).status_code == 404


def test_sandbox_key_is_shown_once_and_marks_all_that_it_signs(alice):
    platform = make_platform()
    address = f"/admin/conversions/platform/{platform.pk}/sandbox/"

    shown = alice.post(address).content.decode()
    sandbox = Platform.objects.get(sandbox_of=platform)
    response = post(platform, "registration", REGISTRATION, secret=sandbox.secret)

    assert sandbox.secret in shown
    assert sandbox.secret not in page_of(sandbox, alice)
    assert response.status_code == 201
    assert list(Player.objects.values_list("platform", "is_test")) == [(sandbox.pk, True)]
    assert alice.post(address).url == f"/admin/conversions/platform/{sandbox.pk}/change/"
    assert Platform.objects.count() == 2


def test_sandbox_has_no_button_for_a_sandbox_of_its_own(alice):
    platform = make_platform()

    assert "Sandbox key…" in page_of(platform, alice)
    assert "Sandbox key…" not in page_of(open_sandbox(platform), alice)


def test_sandbox_cannot_be_made_the_default_platform(alice):
    sandbox = open_sandbox(make_platform())
    fields = {"name": "S", "slug": "s", "brand": sandbox.brand_id, "is_active": "on", "time_zone": "UTC"}

    response = alice.post(
        f"/admin/conversions/platform/{sandbox.pk}/change/", fields | {"default_status": "", "is_default": "on"}
    )

    assert "A sandbox takes tests alone" in response.content.decode()


def test_link_for_the_developer_is_made_shown_and_taken_back(alice):
    platform = make_platform()
    answered = alice.post(
        f"/admin/conversions/platform/{platform.pk}/developer-link/", {"given_to": "integrators", "days": "14"}
    )
    link = DeveloperLink.objects.get()
    shown = page_of(link, alice)
    address = f"/intake/{shown.partition('/intake/')[2].partition('/')[0]}/"

    assert answered.url == f"/admin/conversions/developerlink/{link.pk}/change/"
    assert link.expires_at - link.created_at == timedelta(days=14)
    assert Client().get(address).status_code == 200

    alice.post(f"/admin/conversions/developerlink/{link.pk}/revoke/")

    assert Client().get(address).status_code == 404
    assert "Taken back" in page_of(link, alice)
    assert "/intake/" not in page_of(link, alice)


@pytest.mark.parametrize("days", ["0", "91", "x", ""])
def test_link_for_the_developer_lasts_90_days_at_most(alice, days):
    platform = make_platform()

    alice.post(f"/admin/conversions/platform/{platform.pk}/developer-link/", {"given_to": "them", "days": days})

    assert DeveloperLink.objects.count() == 0


@pytest.mark.parametrize("button", ["sample", "sandbox", "developer-link"])
def test_buttons_are_not_for_who_may_only_look(bob, button):
    platform = make_platform()

    assert bob.post(f"/admin/conversions/platform/{platform.pk}/{button}/").status_code == 403
    assert (InboxEvent.objects.count(), Platform.objects.count(), DeveloperLink.objects.count()) == (0, 1, 0)


def test_link_is_not_taken_back_by_who_may_only_look(bob):
    user = User.objects.create_superuser("alice")
    link = give_link(make_platform(), given_to="them", days=1, by=user, at=timezone.now())

    assert bob.post(f"/admin/conversions/developerlink/{link.pk}/revoke/").status_code == 403


def test_pages_of_sources_say_when_they_were_heard(alice):
    platform = make_platform()
    endpoint = make_endpoint("keitaro", platform=platform)
    post(platform, "registration", REGISTRATION)
    watch_sources(at=timezone.now())

    assert "Last on" in page_of(platform, alice)
    assert "Nothing has come yet" in page_of(endpoint, alice)


def test_silent_sources_stand_on_the_first_page_and_in_their_list(alice):
    platform = make_platform(name="Silent Casino")
    at = timezone.now()
    SourceWatch.objects.create(
        platform=platform,
        first_heard_at=at,
        last_heard_at=at,
        counted_until=at,
        silent_since=at,
        alarm="Nothing has come for 9 hours; about 18 messages are usual in such a time.",
    )

    first_page = alice.get("/admin/").content.decode()
    silent = alice.get("/admin/conversions/sourcewatch/?silent=yes").content.decode()

    assert "Sources that have fallen silent" in first_page
    assert "Nothing has come for 9 hours" in silent
    assert "Nothing has come for 9 hours" in page_of(platform, alice)
