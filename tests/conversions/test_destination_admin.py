"""Destinations in the admin: what is asked for, tried, looked at, and sent again."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from conversions.domain import jurisdictions
from conversions.domain.destination_limits import limited_to
from conversions.domain.jurisdictions import is_in_prohibited_jurisdiction
from conversions.domain.notices import tell_of_disabling
from conversions.models import Destination, Player, Postback, ProhibitedJurisdiction
from conversions.postbacks import google_tokens
from tests.conversions.postbacks.google_credentials import REFRESH_TOKEN
from tests.conversions.postbacks.rows import (
    make_appsflyer,
    make_first_deposit,
    make_generic,
    make_google,
    make_google_ads,
    make_meta,
)
from tests.outside.receivers import Receiver
from tests.world import NOON, make_campaign, make_partner

pytestmark = pytest.mark.django_db

URL = "https://a.example/?s={status}"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def alice() -> Client:
    """Alice is a superuser."""
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    return client


@pytest.fixture
def bob() -> Client:
    """Bob may look at destinations and postbacks, and change nothing."""
    user = User.objects.create_user("bob", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_destination", "view_postback"]))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def receiver(settings, monkeypatch) -> Iterator[Receiver]:
    monkeypatch.setattr(google_tokens, "_tokens", google_tokens._Tokens())
    with Receiver() as receiver:
        settings.META_BASE_URL = receiver.meta_url
        settings.GOOGLE_BASE_URL = receiver.google_url
        settings.GOOGLE_ADS_BASE_URL = receiver.url + "/google-ads"
        settings.GOOGLE_TOKEN_URL = receiver.google_url + "/token"
        yield receiver


def text_of(response: Any) -> str:
    return str(response.content.decode())


def form(**fields: Any) -> dict[str, Any]:
    usual = {"name": "One", "kind": "generic", "is_active": "on", "on_first_deposit": "on", "url_template": URL}
    return {name: value for name, value in (usual | fields).items() if value is not None}


def add(client: Client, **fields: Any) -> Any:
    return client.post("/admin/conversions/destination/add/", form(**fields))


GOOGLE = {
    "kind": "google",
    "google_account_id": "1234567890",
    "conversion_action_id": "777",
    "google_credentials_to_set": REFRESH_TOKEN,
}
GOOGLE_ADS = GOOGLE | {"kind": "google_ads", "token_to_set": "developer-token-on-the-list"}
TIKTOK = {"kind": "tiktok", "pixel_code": "C4A1", "token_to_set": "t"}
META = {"kind": "meta", "dataset_id": "1", "token_to_set": "t"}
APPSFLYER = {"kind": "appsflyer", "app_id": "com.example.app", "token_to_set": "t"}


@pytest.mark.parametrize("fields", [{}, META, GOOGLE, GOOGLE_ADS, TIKTOK, APPSFLYER])
def test_add_destination_of_each_kind(alice: Client, fields: dict[str, str]) -> None:
    response = add(alice, **fields)

    assert response.status_code == 302
    assert Destination.objects.get().kind == fields.get("kind", "generic")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({**GOOGLE, "google_account_id": "123-456"}, "Digits only."),
        ({**GOOGLE, "google_account_id": ""}, "Google needs the number of the Ads account."),
        ({**GOOGLE, "conversion_action_id": ""}, "Google needs the number of the conversion action."),
        ({**GOOGLE, "google_credentials_to_set": ""}, "Google needs credentials."),
        ({**GOOGLE, "google_credentials_to_set": "{}"}, "must be service_account or authorized_user"),
        ({**GOOGLE, "on_registration": "on"}, "Google counts by conversion action"),
        ({**GOOGLE_ADS, "token_to_set": ""}, "Google Ads needs the developer token"),
        ({**GOOGLE_ADS, "google_credentials_to_set": ""}, "Google needs credentials."),
        ({**GOOGLE_ADS, "on_registration": "on"}, "Google counts by conversion action"),
        ({"value_kind": "predicted", "on_deposit": "on"}, "the sum so far would count again"),
        ({**TIKTOK, "pixel_code": ""}, "TikTok needs the pixel&#x27;s code."),
        ({**TIKTOK, "token_to_set": ""}, "TikTok needs the pixel&#x27;s access token."),
        ({**APPSFLYER, "app_id": ""}, "AppsFlyer needs the app&#x27;s id."),
        ({**APPSFLYER, "app_id": "123456789"}, "Not an app&#x27;s id."),
        ({**APPSFLYER, "app_user_sub_id": "11"}, "Sub ids are numbered 1 to 10."),
        ({"on_valuable_deposit": "on"}, "Tell of valuable deposits by a destination of their own"),
        ({"min_value": "10", "max_value": "10"}, "The band is empty"),
        ({"min_value": "-1"}, "An amount is not negative."),
        ({"value_kind": "fixed"}, "Enter the value, not negative."),
        ({"value_kind": "so_far", "on_deposit": "on"}, "the sum so far would count again"),
        ({"value_kind": "ngr"}, "only Google can be told of it later"),
        ({**GOOGLE, "value_kind": "ngr", "on_deposit": "on"}, "the sum so far would count again"),
        ({"first_deposit_name": "HighRoller"}, "finances, health or gambling"),
        ({"tells_corrections": "on", "url_template": "https://a.example/"}, "Without {status} a correction"),
        ({"method": "get", "body_template": "a=1"}, "A GET has no body"),
        ({"method": "json", "body_template": "a=1"}, "This is no JSON"),
        ({"method": "form", "body_template": "{}"}, "name=value"),
        ({"method": "json", "signing_secret_to_set": "hunter2"}, "This is no Standard Webhooks secret"),
        ({"signing_secret_to_set": SECRET}, "A signature covers a POST"),
        ({"headers_to_set": "Host: a"}, "The tracker writes Host itself."),
        ({"url_template": "https://a.example/?segment=whale"}, "finances, health or gambling"),
    ],
)
def test_add_destination_says_what_is_to_be_mended(alice: Client, fields: dict[str, str], sentence: str) -> None:
    response = add(alice, **fields)

    assert response.status_code == 200
    assert sentence in text_of(response)
    assert "Constraint" not in text_of(response)
    assert not Destination.objects.exists()


def test_add_destination_refuses_a_partner_of_a_platform(alice: Client) -> None:
    shown = text_of(add(alice, **GOOGLE, partner=make_partner().pk))

    assert "A partner is told by a generic destination, never through Google." in shown


def test_destination_is_limited_to_the_campaigns_and_partners_that_are_chosen(alice: Client) -> None:
    first, second, partner = make_campaign(name="Alpha"), make_campaign(name="Beta"), make_partner(name="Lotus")

    add(alice, only_campaigns=[first.pk, second.pk], only_partners=[partner.pk])
    destination = Destination.objects.get()
    address = f"/admin/conversions/destination/{destination.pk}/change/"
    shown = text_of(alice.get(address))
    listed = text_of(alice.get("/admin/conversions/destination/"))
    alice.post(address, form(only_campaigns=[second.pk]))

    assert shown.count("selected>Alpha") == shown.count("selected>Beta") == shown.count("selected>Lotus") == 1
    assert "Alpha, Beta; players of Lotus" in listed
    assert limited_to(destination) == ([second], [])


def test_destination_of_a_partner_is_not_limited_to_others(alice: Client) -> None:
    shown = text_of(add(alice, partner=make_partner().pk, only_partners=[make_partner().pk]))

    assert "With a partner it hears of that partner&#x27;s players alone" in shown
    assert not Destination.objects.exists()


def test_destination_belongs_to_who_added_it_and_shows_the_letters_to_him(alice: Client) -> None:
    add(alice)
    destination = Destination.objects.get()
    tell_of_disabling(destination, "It is gone.", at=NOON)

    shown = text_of(alice.get(f"/admin/conversions/destination/{destination.pk}/change/"))

    assert destination.owner == User.objects.get(username="alice")
    assert "“One was switched off”, to be sent." in shown


def test_destination_page_says_what_a_prediction_needs_and_whether_it_is_there(alice: Client) -> None:
    shown = text_of(alice.get("/admin/conversions/destination/add/"))

    assert "200 players of the brand whose first deposit is 180 days old" in shown
    assert "Values can be predicted for no brand yet." in shown


@pytest.mark.django_db(transaction=True)
def test_send_test_event_to_google_ads_is_let_in_and_counts_nothing(alice: Client, receiver: Receiver) -> None:
    destination = make_google_ads()

    shown = text_of(alice.post(f"/admin/conversions/destination/{destination.pk}/test/"))

    assert "The receiver was reached and let us in" in shown
    assert "developer-token-on-the-list" not in shown
    assert receiver.google_ads.counted() == {}


def test_prohibited_jurisdiction_is_added_at_once_in_whatever_letters(alice: Client, monkeypatch) -> None:
    monkeypatch.setattr(jurisdictions, "_list", jurisdictions._List())
    assert not is_in_prohibited_jurisdiction(Player(country="US", region="WA"))

    alice.post("/admin/conversions/prohibitedjurisdiction/add/", {"country": "us", "region": "wa", "reason": ""})

    assert str(ProhibitedJurisdiction.objects.get()) == "US-WA"
    assert is_in_prohibited_jurisdiction(Player(country="US", region="WA"))
    assert "US-WA" in text_of(alice.get("/admin/conversions/prohibitedjurisdiction/"))


def test_prohibited_jurisdiction_says_how_a_place_is_written(alice: Client) -> None:
    shown = text_of(alice.post("/admin/conversions/prohibitedjurisdiction/add/", {"country": "USA", "region": "w a"}))

    assert "at most 2 characters" in shown
    assert "ISO 3166-2" in shown


def test_change_destination_keeps_secrets_replaces_and_removes_them_and_shows_none(alice: Client) -> None:
    fields = {"method": "json", "headers_to_set": "X-Key: hunter22", "signing_secret_to_set": SECRET}
    add(alice, **fields)
    destination = Destination.objects.get()
    address = f"/admin/conversions/destination/{destination.pk}/change/"

    alice.post(address, form(method="json"))
    kept = Destination.objects.get()
    alice.post(address, form(method="json", headers_to_set="X-Key: other", signing_secret_to_set="-"))
    changed = Destination.objects.get()

    assert (kept.headers, kept.signing_secret) == ("X-Key: hunter22", SECRET)
    assert (changed.headers, changed.signing_secret) == ("X-Key: other", "")
    assert "X-Key" not in text_of(alice.get(address))


@pytest.mark.parametrize(
    ("ends", "is_taken"),
    [(timedelta(days=1), True), (timedelta(days=8), False), (timedelta(days=-1), False), (None, False)],
)
def test_test_mode_ends_within_a_week(alice: Client, ends: timedelta | None, is_taken: bool) -> None:
    fields: dict[str, Any] = {**META, "test_event_code": "TEST1"}
    if ends is not None:
        at = timezone.now() + ends
        fields |= {"test_ends_at_0": f"{at:%Y-%m-%d}", "test_ends_at_1": f"{at:%H:%M:%S}"}

    add(alice, **fields)

    assert Destination.objects.filter(test_event_code="TEST1").exists() is is_taken


def test_a_kind_without_test_codes_keeps_none(alice: Client) -> None:
    add(alice, **GOOGLE, test_event_code="TEST1")

    assert Destination.objects.get().test_event_code == ""


@pytest.mark.parametrize("slug", ["keitaro", "voluum", "json"])
def test_add_form_begins_from_a_ready_template(alice: Client, slug: str) -> None:
    shown = text_of(alice.get(f"/admin/conversions/destination/add/?template={slug}"))

    assert "YOUR-" in shown
    assert "Replace the words in capitals." in shown


def test_add_form_shows_nothing_that_a_new_destination_cannot_have(alice: Client) -> None:
    added = text_of(alice.get("/admin/conversions/destination/add/"))
    stored = text_of(alice.get(f"/admin/conversions/destination/{make_generic(URL).pk}/change/"))

    assert ("Latest letters to its owner" in added, "Latest letters to its owner" in stored) == (False, True)
    assert ("Needs attention" in added, "Needs attention" in stored) == (False, True)


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        ("system_generated", ["meta"]),
        ("50 conversions a week in an ad set", ["meta"]),
        ("50 conversions a week in an ad group", ["tiktok"]),
        ("target ROAS", ["google", "google_ads"]),
        ("Google counts by conversion action", ["google", "google_ads"]),
        ("auth/datamanager", ["google"]),
        ("developer tokens that sent some before June 2026", ["google_ads"]),
        ("only of players who came with its own id", ["appsflyer"]),
        ("{value_currency}.", ["generic"]),
        ("cannot hear that a conversion was taken back", ["meta", "tiktok", "appsflyer"]),
        ("The pixel&#x27;s access token.", ["tiktok"]),
    ],
)
def test_destination_form_advises_on_the_chosen_kind_alone(alice: Client, words: str, kinds: list[str]) -> None:
    shown = text_of(alice.get("/admin/conversions/destination/add/"))

    told = re.findall(r"x-cloak x-show=\"kind == '(\w+)'\">([^<]*)<", shown)
    assert [kind for kind, text in told if words in text] == kinds
    assert shown.count(words) == len(kinds)


def test_destination_form_says_why_adjust_is_missing(alice: Client) -> None:
    assert "Adjust is none of them" in text_of(alice.get("/admin/conversions/destination/add/"))


def test_destination_page_shows_who_only_looks_what_its_kind_has(bob: Client) -> None:
    campaign = make_campaign(name="Malta alone")
    generic, meta = make_generic(URL, campaigns=[campaign]), make_meta()

    shown = text_of(bob.get(f"/admin/conversions/destination/{generic.pk}/change/"))
    other = text_of(bob.get(f"/admin/conversions/destination/{meta.pk}/change/"))

    assert "https://a.example/?s={status}" in shown
    assert "Malta alone" in shown
    assert ("Dataset id" in shown, "Dataset id" in other) == (False, True)
    assert ("Url template" in shown, "Url template" in other) == (True, False)
    assert ("Signing secret" in shown, "Predictions" in shown) == (False, False)
    assert "system_generated" not in other


def test_list_of_destinations_asks_the_database_as_often_for_many_as_for_one(
    alice: Client, django_assert_max_num_queries: Any
) -> None:
    make_generic()
    with django_assert_max_num_queries(12):
        alice.get("/admin/conversions/destination/")
    for _ in range(3):
        make_meta()

    with django_assert_max_num_queries(12):
        alice.get("/admin/conversions/destination/")


# Test events.


@pytest.mark.django_db(transaction=True)
def test_send_test_event_to_google_is_only_checked(alice: Client, receiver: Receiver) -> None:
    address = f"/admin/conversions/destination/{make_google().pk}/test/"
    assert "counts nothing" in text_of(alice.get(address))
    assert receiver.requests() == []

    shown = text_of(alice.post(address))

    assert (len(receiver.google.validated), receiver.google.received) == (1, [])
    assert "It was accepted." in shown
    assert "ya29" not in shown
    assert "refresh-token" not in shown


@pytest.mark.django_db(transaction=True)
def test_send_test_event_to_meta_needs_the_test_mode(alice: Client, receiver: Receiver) -> None:
    address = f"/admin/conversions/destination/{make_meta().pk}/test/"

    assert "switch the test mode on first" in text_of(alice.post(address))
    Destination.objects.update(test_event_code="TEST1", test_ends_at=timezone.now() + timedelta(hours=1))
    assert "It was accepted." in text_of(alice.post(address))

    [event] = receiver.meta.accepted
    assert (event["event_name"], "custom_data" in event) == ("TrackerTest", False)
    assert "test_event_code=TEST1" in receiver.requests("/meta")[0].body


@pytest.mark.django_db(transaction=True)
def test_send_test_event_shows_what_came_back(alice: Client, receiver: Receiver) -> None:
    destination = make_generic(receiver.url + "/s2s?token=hunter22&s={status}&t={transaction_id}")
    receiver.fail_next(status=403, body="token hunter22 is not welcome")

    shown = text_of(alice.post(f"/admin/conversions/destination/{destination.pk}/test/"))

    assert receiver.requests("/s2s")[0].query["s"] == "test"
    assert "does not let us in (403)" in shown
    assert "token *** is not welcome" in shown
    assert "hunter22" not in shown
    assert not Postback.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_send_test_event_to_appsflyer_says_why_there_is_none(alice: Client) -> None:
    shown = text_of(alice.post(f"/admin/conversions/destination/{make_appsflyer().pk}/test/"))

    assert "AppsFlyer has no test events" in shown


def test_send_test_event_is_refused_to_who_may_only_look(bob: Client) -> None:
    assert bob.post(f"/admin/conversions/destination/{make_generic().pk}/test/").status_code == 403


# Previews.


def test_preview_shows_the_request_with_its_secrets_masked(alice: Client) -> None:
    destination, conversion = make_meta(), make_first_deposit(occurred_at=timezone.now(), received_at=timezone.now())
    address = f"/admin/conversions/destination/{destination.pk}/preview/"

    shown = text_of(alice.post(address, {"conversion": conversion.pk}))

    assert "It would be sent." in shown
    assert "access_token=***" in shown
    assert "EAAB" not in shown
    assert not Postback.objects.exists()


def test_preview_takes_the_latest_conversion_when_none_is_named(alice: Client) -> None:
    make_first_deposit()
    latest = make_first_deposit()

    shown = text_of(alice.post(f"/admin/conversions/destination/{make_generic().pk}/preview/", {"conversion": ""}))

    assert f"Preview of conversion {latest.pk}" in shown


def test_preview_says_that_there_is_no_such_conversion(alice: Client) -> None:
    shown = text_of(alice.post(f"/admin/conversions/destination/{make_generic().pk}/preview/", {"conversion": "42"}))

    assert "There is no such conversion." in shown


# The log.


def given_up() -> Postback:
    return Postback.objects.create(
        destination=make_generic(),
        conversion=make_first_deposit(),
        event="first_deposit",
        fact="f",
        dedup_id="d",
        state="dead",
        tries=8,
        finished_at=NOON,
        next_attempt_at=NOON,
        created_at=NOON,
    )


def test_resend_asks_first_and_then_owes_it_again(alice: Client) -> None:
    postback = given_up()
    address = f"/admin/conversions/postback/{postback.pk}/resend/"

    assert "under the same id" in text_of(alice.get(address))
    assert Postback.objects.get().state == "dead"
    alice.post(address)

    assert (Postback.objects.get().state, Postback.objects.get().tries) == ("pending", 0)


def test_resend_says_why_not(alice: Client) -> None:
    postback = given_up()
    Postback.objects.update(state="pending", finished_at=None)

    response = alice.post(f"/admin/conversions/postback/{postback.pk}/resend/", follow=True)

    assert "It is on its way already." in text_of(response)


def test_resend_is_refused_to_who_may_only_look(bob: Client) -> None:
    postback = given_up()

    assert bob.post(f"/admin/conversions/postback/{postback.pk}/resend/").status_code == 403
    assert bob.post("/admin/conversions/postback/resend-period/").status_code == 403
    assert Postback.objects.get().state == "dead"


def period(postback: Postback, **fields: str) -> dict[str, Any]:
    times = {"starts_at_0": "2026-11-22", "starts_at_1": "11:00:00", "ends_at_0": "2026-11-22", "ends_at_1": "13:00:00"}
    return {"destination": postback.destination_id, **times, **fields}


def test_resend_period_counts_first_and_sends_when_it_is_confirmed(alice: Client) -> None:
    postback = given_up()
    address = "/admin/conversions/postback/resend-period/"

    assert "1 postback would be sent again." in text_of(alice.post(address, period(postback)))
    assert Postback.objects.get().state == "dead"
    alice.post(address, period(postback, confirmed="1"))

    assert Postback.objects.get().state == "pending"


def test_resend_period_refuses_one_that_ends_before_it_begins(alice: Client) -> None:
    shown = text_of(
        alice.post("/admin/conversions/postback/resend-period/", period(given_up(), ends_at_0="2026-11-21"))
    )

    assert "must end after it begins" in shown


def test_counts_add_up_by_destination(alice: Client) -> None:
    given_up()
    make_meta(name="Quiet dataset")
    Postback.objects.update(created_at=timezone.now(), next_attempt_at=datetime(2030, 1, 1, tzinfo=UTC))

    response = alice.get("/admin/conversions/postback/counts/?hours=1")

    counts = {destination.name[:5]: row for destination, row in response.context["rows"]}
    assert (counts["Gener"].received, counts["Gener"].dead, counts["Quiet"].received) == (1, 1, 0)
    assert (response.context["sums"].received, response.context["sums"].dead) == (1, 1)
    assert "Quiet dataset" in text_of(response)


@pytest.mark.parametrize(("asked", "hours"), [("0", 1), ("-1", 24), ("x", 24), ("99999", 720), ("168", 168)])
def test_counts_take_a_period_within_bounds(alice: Client, asked: str, hours: int) -> None:
    assert alice.get(f"/admin/conversions/postback/counts/?hours={asked}").context["hours"] == hours


def test_log_shows_what_is_accepted_apart_from_what_is_delivered(alice: Client) -> None:
    postback = given_up()
    Postback.objects.update(state="accepted", finished_at=None, receipt="request-1", accepted_at=NOON)

    assert "Accepted, not confirmed yet" in text_of(alice.get("/admin/conversions/postback/"))
    assert "request-1" in text_of(alice.get(f"/admin/conversions/postback/{postback.pk}/change/"))


def test_credentials_are_encrypted_where_they_lie(alice: Client) -> None:
    add(alice, **GOOGLE)

    assert json.loads(Destination.objects.get().google_credentials)["refresh_token"] == "refresh-token"
    raw = str(Destination.objects.extra(select={"raw": "google_credentials"}).values_list("raw", flat=True)[0])
    assert "refresh-token" not in raw
