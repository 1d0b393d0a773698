"""Platforms, players, conversions, destinations and postbacks in the admin."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from attribution.domain.credit import Claim
from conversions.domain.intake import record_event
from conversions.domain.outbox import write_postbacks
from conversions.domain.reported import ReportedInstall
from conversions.models import Conversion, Destination, Install, Platform, Player, Postback
from tests.affiliates.builders import make_deposit
from tests.conversions.builders import deposit, register
from tests.conversions.postbacks.rows import make_first_deposit, make_generic
from tests.world import NOON, SECRET, click_id_of, make_brand, make_campaign, make_link, make_platform

pytestmark = pytest.mark.django_db

OTHER_SECRET = "whsec_b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXI="


@pytest.fixture
def alice() -> Client:
    """Alice is a superuser."""
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    return client


def text_of(response: Any) -> str:
    return str(response.content.decode())


def platform_form(**fields: Any) -> dict[str, Any]:
    if "brand" not in fields:
        fields["brand"] = make_brand().pk
    return {"name": "Casino", "slug": "casino", "is_active": "on", "default_status": ""} | fields


def test_add_platform_makes_a_secret_and_shows_it_once(alice: Client) -> None:
    response = alice.post("/admin/conversions/platform/add/", platform_form())

    platform = Platform.objects.get()
    assert platform.secret.startswith("whsec_")
    assert platform.secret in text_of(response).replace("&#x2B;", "+")
    assert "no-store" in response.headers["Cache-Control"]
    assert platform.secret not in text_of(alice.get(f"/admin/conversions/platform/{platform.pk}/change/"))


def test_add_platform_keeps_a_secret_that_the_platform_made(alice: Client) -> None:
    response = alice.post("/admin/conversions/platform/add/", platform_form(secret_to_set=SECRET))

    assert response.status_code == 302
    assert Platform.objects.get().secret == SECRET


def test_add_platform_refuses_what_is_no_secret(alice: Client) -> None:
    response = alice.post("/admin/conversions/platform/add/", platform_form(secret_to_set="hunter2"))

    assert "This is no Standard Webhooks secret" in text_of(response)


def test_add_platform_refuses_a_second_default(alice: Client) -> None:
    make_platform(name="First", is_default=True)

    response = alice.post("/admin/conversions/platform/add/", platform_form(is_default="on"))

    assert "First is the default platform: untick it there first." in text_of(response)


def test_platform_page_shows_where_to_post_and_never_the_secret(alice: Client) -> None:
    platform = make_platform(slug="gaming", previous_secret=OTHER_SECRET)

    shown = text_of(alice.get(f"/admin/conversions/platform/{platform.pk}/change/"))

    assert 'data-copy="http://127.0.0.1:8000/webhooks/gaming/deposit"' in shown
    assert SECRET not in shown
    assert OTHER_SECRET not in shown


def test_new_secret_asks_first(alice: Client) -> None:
    platform = make_platform()

    response = alice.get(f"/admin/conversions/platform/{platform.pk}/new-secret/")

    platform.refresh_from_db()
    assert "The current one stays valid beside it" in text_of(response)
    assert platform.secret == SECRET


def test_new_secret_keeps_the_one_before_valid(alice: Client) -> None:
    platform = make_platform()

    response = alice.post(f"/admin/conversions/platform/{platform.pk}/new-secret/")

    platform.refresh_from_db()
    assert platform.previous_secret == SECRET
    assert platform.secret != SECRET
    assert platform.secret in text_of(response).replace("&#x2B;", "+")


def test_end_changeover_drops_the_previous_secret(alice: Client) -> None:
    platform = make_platform(previous_secret=OTHER_SECRET)

    alice.post(f"/admin/conversions/platform/{platform.pk}/end-changeover/")

    platform.refresh_from_db()
    assert (platform.secret, platform.previous_secret) == (SECRET, "")


def test_new_secret_is_refused_to_staff_who_may_only_look() -> None:
    platform = make_platform()
    bob = User.objects.create_user("bob", is_staff=True)
    bob.user_permissions.add(Permission.objects.get(codename="view_platform"))
    client = Client()
    client.force_login(bob)

    response = client.post(f"/admin/conversions/platform/{platform.pk}/new-secret/")

    platform.refresh_from_db()
    assert response.status_code == 403
    assert platform.secret == SECRET


def test_player_page_says_in_words_who_is_credited(alice: Client) -> None:
    platform = make_platform()
    link = make_link(campaign=make_campaign(name="Reels Malta"))
    register(platform, claim=Claim(click_id=click_id_of(link, at=NOON)))

    shown = text_of(alice.get(f"/admin/conversions/player/{Player.objects.get().pk}/change/"))

    assert "Credited to the click, clicked 22 Nov 2026, 12:00:00 UTC: campaign Reels Malta." in shown


def test_conversion_search_finds_by_transaction_and_by_player(alice: Client) -> None:
    platform = make_platform()
    register(platform)
    deposit(platform)
    make_deposit()

    by_transaction = alice.get("/admin/conversions/conversion/", {"q": "t-1"})
    by_player = alice.get("/admin/conversions/conversion/", {"q": "p-1"})

    found = list(Conversion.objects.filter(player__player_id="p-1").order_by("-occurred_at"))
    assert list(by_transaction.context["cl"].result_list) == [found[0]]
    assert list(by_player.context["cl"].result_list) == found


def test_conversion_that_nobody_is_told_of_says_why_in_place_of_an_empty_table(alice: Client) -> None:
    deposit = make_first_deposit()
    destination = make_generic(name="Only registrations", on_first_deposit=False, on_registration=True)
    address = f"/admin/conversions/conversion/{deposit.pk}/change/"

    untold = text_of(alice.get(address))
    Destination.objects.update(on_first_deposit=True)
    write_postbacks(deposit, at=NOON)
    told = text_of(alice.get(address))

    assert "Nobody, because" in untold
    assert "The destination is not told of events of this kind." in untold
    assert f'href="/admin/conversions/destination/{destination.pk}/change/"' in untold
    assert "postbacks-0-told" not in untold
    assert "Nobody, because" not in told
    assert "field-told" in told


def test_conversion_page_asks_for_a_destination_where_there_is_none(alice: Client) -> None:
    shown = text_of(alice.get(f"/admin/conversions/conversion/{make_first_deposit().pk}/change/"))

    assert "There is no destination yet that could be told" in shown
    assert 'href="/admin/conversions/destination/add/"' in shown


def test_conversion_is_known_by_the_number_that_its_list_shows(alice: Client) -> None:
    register(make_platform())
    registration = Conversion.objects.get(kind="registration")

    listed = text_of(alice.get("/admin/conversions/conversion/"))
    shown = text_of(alice.get(f"/admin/conversions/conversion/{registration.pk}/change/"))

    assert re.search(rf'<td class="field-number [^>]*>\s*{registration.pk}\s*</td>', listed)
    assert f"Registration {registration.pk}" in shown


def test_player_page_counts_a_single_deposit_as_one(alice: Client) -> None:
    platform = make_platform()
    register(platform)
    deposit(platform)

    shown = text_of(alice.get(f"/admin/conversions/player/{Player.objects.get().pk}/change/"))

    assert "in 1 deposit<" in shown


def test_install_page_says_that_a_refused_install_credits_nobody(alice: Client) -> None:
    refused = ReportedInstall(
        event_id="i-1",
        occurred_at=NOON,
        install_id="k" * 64,
        activity="rejected_install",
        rejection_reason="click_flooding",
    )
    record_event(refused, platform=make_platform(), webhook_id="msg-1", at=NOON)
    install = Install.objects.get()

    shown = text_of(alice.get(f"/admin/conversions/install/{install.pk}/change/"))

    assert "Nobody: a refused install credits nobody." in shown


def destination_form(**fields: Any) -> dict[str, Any]:
    return {"name": "Meta", "kind": "meta", "is_active": "on", "on_first_deposit": "on"} | fields


def test_add_destination_stores_the_token_and_never_shows_it(alice: Client) -> None:
    form = destination_form(dataset_id="123", token_to_set="EAAB-token")

    alice.post("/admin/conversions/destination/add/", form)

    destination = Destination.objects.get()
    assert destination.access_token == "EAAB-token"
    assert "EAAB-token" not in text_of(alice.get(f"/admin/conversions/destination/{destination.pk}/change/"))


def test_change_destination_keeps_a_token_that_is_not_given(alice: Client) -> None:
    destination = Destination.objects.create(name="Meta", kind="meta", dataset_id="123", access_token="EAAB-token")

    alice.post(f"/admin/conversions/destination/{destination.pk}/change/", destination_form(dataset_id="456"))

    destination.refresh_from_db()
    assert (destination.dataset_id, destination.access_token) == ("456", "EAAB-token")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"kind": "generic"}, "A generic destination needs the address to call."),
        ({"dataset_id": "1"}, "Meta needs the dataset&#x27;s access token."),
        ({"token_to_set": "t"}, "Meta needs the dataset&#x27;s number."),
        ({"on_first_deposit": ""}, "Choose at least one event to tell of."),
        ({"kind": "generic", "url_template": "https://{click_id}.example/"}, "macros may stand after the host only"),
    ],
)
def test_add_destination_says_what_is_missing(alice: Client, fields: dict[str, str], sentence: str) -> None:
    response = alice.post("/admin/conversions/destination/add/", destination_form(**fields))

    assert sentence in text_of(response)
    assert not Destination.objects.exists()


def test_switching_a_destination_on_again_clears_the_reason(alice: Client) -> None:
    destination = Destination.objects.create(
        name="Meta", kind="meta", dataset_id="1", access_token="t", is_active=False, disabled_reason="Refused"
    )

    alice.post(f"/admin/conversions/destination/{destination.pk}/change/", destination_form(dataset_id="1"))

    destination.refresh_from_db()
    assert (destination.is_active, destination.disabled_reason) == (True, "")


def test_postback_log_shows_the_last_answer(alice: Client) -> None:
    postback = Postback.objects.create(
        destination=Destination.objects.create(name="S2S", kind="generic", url_template="https://a.example/"),
        conversion=make_deposit(),
        event="first_deposit",
        fact="f",
        dedup_id="d",
        next_attempt_at=NOON,
        created_at=NOON,
    )
    columns: dict[str, Any] = {"started_at": NOON, "latency_ms": 12, "request": "GET", "answer": "busy"}
    postback.attempts.create(http_status=503, outcome="retry", **columns)
    postback.attempts.create(http_status=200, outcome="ok", **columns)

    shown = text_of(alice.get("/admin/conversions/postback/"))

    assert "Accepted (200)" in shown
    assert "(503)" not in shown


def test_postback_page_names_the_conversion_and_says_that_no_answer_came(alice: Client) -> None:
    conversion = make_deposit()
    postback = Postback.objects.create(
        destination=Destination.objects.create(name="S2S", kind="generic", url_template="https://a.example/"),
        conversion=conversion,
        event="first_deposit",
        fact="f",
        dedup_id="d",
        next_attempt_at=NOON,
        created_at=NOON,
    )
    postback.attempts.create(
        http_status=None, outcome="retry", started_at=NOON, latency_ms=1234, request="GET", answer="refused"
    )

    shown = text_of(alice.get(f"/admin/conversions/postback/{postback.pk}/change/"))

    assert f"{conversion}</a>" in shown
    assert ("no answer" in shown, "1,234 ms" in shown) == (True, True)
