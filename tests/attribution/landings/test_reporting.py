"""What pages report to /t, and what they are told."""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from attribution.click_ids import new_uuid7, read_click_id, sign_click_id
from attribution.edge.drain import drain_spool
from attribution.models import Click, LandingEvent, PreClick
from tests.attribution.edge.conftest import Serve
from tests.attribution.edge.redirects import HOSTILE
from tests.attribution.edge.serving import NOWHERE
from tests.attribution.landings.pages import (
    answered,
    land,
    make_direct_link,
    make_paged_link,
    open_page,
    report,
)
from tests.world import make_click


def write_places(path: Any) -> None:
    writer = MMDBWriter(ip_version=4, database_type="GeoIP2-City")
    writer.insert_network(IPSet(["198.51.100.0/24"]), {"country": {"iso_code": "MT"}})
    writer.insert_network(IPSet(["203.0.113.0/24"]), {"country": {"iso_code": "BR"}})
    writer.to_db_file(str(path))


def test_open_stores_the_landing_with_all_that_its_click_will_have(serve: Serve, tmp_path: Any):
    write_places(tmp_path / "geo.mmdb")
    link = make_direct_link()
    edge = serve()

    answer = report(
        edge,
        link="spring",
        page="casino.example/slots",
        query="gclid=Cj0&sub_id_1=a%20b&cost=0.25&utm_source=google",
        referrer="www.google.com",
        language="de-AT",
        consent=True,
        hints={"effectiveType": "4g", "rtt": 50, "downlink": 1.55, "model": "Pixel 8", "platformVersion": "15.0.0"},
        headers={"x_forwarded_for": "198.51.100.7"},
    )

    said = answered(answer)
    click_id = read_click_id(said["click_id"], settings.CLICK_ID_KEYS)
    landing = PreClick.objects.get()
    assert said == {"click_id": said["click_id"], "store": True}
    assert (landing.id, landing.link_id, landing.campaign_id) == (click_id.uuid, link.id, link.campaign_id)
    assert (landing.kind, landing.platform_click_id, landing.page) == ("landing", "gclid:Cj0", "casino.example/slots")
    assert (landing.has_ad_consent, landing.promoted_at) == (True, None)
    facts = landing.facts
    assert facts.pop("visitor_key").lstrip("-").isdigit()
    assert facts == {
        "link_id": str(link.id),
        "campaign_id": str(link.campaign_id),
        "source_id": str(link.campaign.source_id),
        "offer_id": str(link.campaign.offer_id),
        "currency": "EUR",
        "routing_version": str(edge.application.edge.snapshot.version),
        "outcome": "direct",
        "kind": "click",
        "is_unique": True,
        "country": "MT",
        "device": "phone",
        "os": "iOS",
        "os_version": "17.5",
        "browser": "Mobile Safari",
        "language": "de",
        "network": "198.51.100.0",
        "referrer_host": "www.google.com",
        "hints": {"model": "Pixel 8", "platform_version": "15.0.0", "ect": "4g", "rtt": 50.0, "downlink": 1.55},
        "platform_click_ids": {"gclid": "Cj0"},
        "cost": "0.25",
        "sub_id_1": "a b",
    }


def test_answer_can_be_read_by_the_page_and_is_kept_by_nobody(serve: Serve):
    make_direct_link()
    edge = serve()

    answer = report(edge, link="spring")

    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("consent", "address", "may_store"),
    [
        (True, "198.51.100.7", True),
        (False, "198.51.100.7", False),
        (None, "198.51.100.7", False),  # Malta: silence is refusal
        (None, "203.0.113.7", True),  # Brazil does not want to be asked
        (False, "203.0.113.7", False),
        (None, "192.0.2.7", False),  # nowhere
    ],
)
def test_open_says_whether_the_page_may_store(serve: Serve, tmp_path: Any, consent: Any, address: str, may_store: bool):
    write_places(tmp_path / "geo.mmdb")
    make_direct_link()
    edge = serve()

    answer = report(edge, link="spring", consent=consent, headers={"x_forwarded_for": address})

    assert answered(answer)["store"] is may_store


def test_open_takes_the_consent_of_the_pages_address_where_the_page_says_nothing(serve: Serve):
    make_direct_link()
    edge = serve()

    land(edge, query="consent=granted")
    land(edge, query="consent=granted", consent=False)

    assert list(PreClick.objects.order_by("id").values_list("has_ad_consent", flat=True)) == [True, False]


def test_a_page_that_is_loaded_anew_is_the_same_visit(serve: Serve):
    make_direct_link()
    edge = serve()

    first, again = land(edge, query="gclid=Cj0"), land(edge, query="gclid=Cj0")

    assert first == again
    assert PreClick.objects.count() == 1


def test_pages_of_two_campaigns_never_share_an_id(serve: Serve):
    make_direct_link("spring")
    make_direct_link("autumn")
    edge = serve()

    first, second = land(edge, query="gclid=Cj0"), land(edge, link="autumn", query="gclid=Cj0")

    assert first != second
    assert PreClick.objects.count() == 2


def test_ids_that_a_crowd_shares_join_one_visitors_pages_only(serve: Serve):
    make_direct_link()
    edge = serve()

    first = land(edge, query="wbraid=Cl8", headers={"x_forwarded_for": "198.51.100.7"})
    again = land(edge, query="wbraid=Cl8", headers={"x_forwarded_for": "198.51.100.7"})
    other = land(edge, query="wbraid=Cl8", headers={"x_forwarded_for": "198.51.100.8"})

    assert first == again
    assert first != other


def test_bots_never_take_an_id_from_a_person(serve: Serve):
    make_direct_link()
    edge = serve()

    bot = land(edge, query="gclid=Cj0", headers={"user_agent": "Googlebot/2.1"})
    person = land(edge, query="gclid=Cj0")

    assert bot != person
    assert list(PreClick.objects.order_by("id").values_list("facts__kind", flat=True)) == ["bot", "click"]


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "https://casino.example.evil.example", "https://casino.example@evil.example", "null", ""],
)
def test_pages_of_strangers_are_refused(serve: Serve, origin: str):
    make_direct_link()
    edge = serve()

    answer = report(edge, origin=origin, link="spring")

    assert answer.status == 403
    assert "is not among the own hosts of the campaign" in json.loads(answer.body)["error"]
    assert answer.headers["access-control-allow-origin"] == "*"
    assert PreClick.objects.count() == 0


def test_the_referrer_speaks_for_a_page_without_origin(serve: Serve):
    make_direct_link()
    edge = serve()

    answer = report(edge, origin="", link="spring", headers={"referer": "https://casino.example:8443/slots"})

    assert answer.status == 200


def test_hosts_of_the_campaigns_landing_pages_may_report(serve: Serve):
    make_paged_link()
    edge = serve()
    click_id = open_page(edge)

    answer = report(edge, origin="https://lp.example", click_id=click_id)

    assert answered(answer)["click_id"] == click_id


def test_a_link_that_is_not_there_is_said(serve: Serve):
    edge = serve()

    answer = report(edge, link="sprong")

    assert answer.status == 404
    assert json.loads(answer.body) == {"error": "No link has the code 'sprong': data-link names a tracking link."}


def test_open_with_a_click_of_ours_is_a_view_of_it_and_no_landing(serve: Serve):
    link = make_paged_link()
    edge = serve()
    click_id = open_page(edge)

    said = answered(report(edge, origin="https://lp.example", click_id=click_id.upper(), consent=True))

    assert said == {"click_id": click_id, "store": True}
    click = Click.objects.get()
    event = LandingEvent.objects.get()
    assert (event.kind, event.click, event.link_id, event.campaign_id) == ("view", click.id, link.id, link.campaign_id)
    assert (event.landing_page_id, event.offer_id, event.cta) == (click.landing_page_id, None, None)
    assert click.landing_page_id is not None
    assert click.has_ad_consent is True
    assert PreClick.objects.count() == 0


def test_a_foreign_click_id_is_a_landing(serve: Serve):
    make_direct_link()
    edge = serve()

    click_id = land(edge, click_id="0193602f1c007a2b8c3d4e5f60718293000000070badcafe")

    assert PreClick.objects.get().id == read_click_id(click_id, settings.CLICK_ID_KEYS).uuid


@pytest.mark.parametrize(
    ("columns", "agent"),
    [({"kind": "bot"}, None), ({"kind": "staff"}, None), ({"kind": "excess"}, None), ({}, "Googlebot/2.1")],
)
def test_views_of_what_is_no_persons_click_are_not_counted(serve: Serve, columns: Any, agent: str | None):
    link = make_paged_link()
    click = make_click(link, at=datetime.now(UTC), **columns)
    edge = serve()

    report(edge, origin="https://lp.example", click_id=click.click_id, headers={"user_agent": agent} if agent else {})

    assert LandingEvent.objects.count() == 0


def test_views_count_for_a_day(serve: Serve):
    link = make_paged_link()
    old = make_click(link, at=datetime.now(UTC) - timedelta(hours=24, seconds=1))
    edge = serve()

    said = answered(report(edge, origin="https://lp.example", click_id=old.click_id))

    assert said["click_id"] == old.click_id
    assert LandingEvent.objects.count() == 0


def test_an_installed_app_is_counted_once_and_makes_its_landing_a_click(serve: Serve):
    link = make_direct_link()
    edge = serve()
    click_id = land(edge)

    report(edge, event="app_installed", click_id=click_id)
    report(edge, event="app_installed", click_id=click_id)

    event, click = LandingEvent.objects.get(), Click.objects.get()
    assert (event.kind, event.click, click.click_id) == ("app_installed", click.id, click_id)
    assert (click.outcome, click.offer_id) == ("direct", link.campaign.offer_id)


def test_consent_that_is_told_later_is_kept(serve: Serve):
    make_direct_link()
    edge = serve()
    click_id = land(edge)

    granted = answered(report(edge, event="consent", click_id=click_id, consent=True))
    edge.get(f"/go/{click_id}")
    withdrawn = answered(report(edge, event="consent", click_id=click_id, consent=False))

    assert (granted["store"], withdrawn["store"]) == (True, False)
    assert Click.objects.get().has_ad_consent is False


@pytest.mark.parametrize(
    "said",
    [
        {"event": "consent", "consent": True},
        {"event": "consent", "click_id": "x" * 48, "consent": True},
        {"event": "app_installed", "click_id": "0193602f1c007a2b8c3d4e5f60718293000000070badcafe"},
        {"event": "open", "link": ["spring"]},
        {"event": "open", "hints": []},
        {},
    ],
)
def test_what_is_no_report_is_told_why(serve: Serve, said: dict[str, Any]):
    make_direct_link()
    edge = serve()

    answer = edge.post("/t", json.dumps(said).encode(), origin="https://casino.example")

    assert answer.status == 400
    assert json.loads(answer.body)["error"].endswith(".")


def test_consent_needs_a_word(serve: Serve):
    make_direct_link()
    edge = serve()

    answer = report(edge, event="consent", click_id=land(edge))

    assert (answer.status, json.loads(answer.body)) == (400, {"error": "consent must be true or false."})


def test_large_bodies_are_refused(serve: Serve):
    edge = serve()

    answer = edge.post("/t", b" " * 8_193)

    assert (answer.status, json.loads(answer.body)) == (413, {"error": "A report has at most 8192 bytes."})


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
def test_reports_are_posted(serve: Serve, method: str):
    edge = serve()

    answer = edge.get("/t", method=method)

    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_bodies_of_strangers_never_break_the_edge(serve: Serve):
    make_direct_link()
    edge = serve()
    chance = random.Random(3)
    odd: list[Any] = [
        None,
        True,
        -1,
        1.5,
        10**40,
        "",
        "\0",
        "\ud800",
        "x" * 5_000,
        [],
        {},
        [[]],
        "ünï",
        "\\N\t\n",
        "a=1&&=&%",
    ]
    names = ["event", "link", "click_id", "page", "query", "referrer", "language", "consent", "hints"]
    whole = {"event": "open", "link": "spring", "hints": {"rtt": 5}}
    bodies = [json.dumps(whole | {chance.choice(names): chance.choice([*odd, *HOSTILE])}).encode() for _ in range(500)]
    queries = [{"query": f"sub_id_1={quote(text)}&gclid={text}&{text}"[:3_000]} for text in HOSTILE]
    bodies += [json.dumps(whole | query).encode() for query in queries]

    answers = [edge.post("/t", body, origin="https://casino.example") for body in bodies]

    assert {answer.status for answer in answers} <= {200, 400, 404}
    assert all(json.loads(answer.body) for answer in answers)


def test_without_postgres_a_landing_is_spooled_and_is_there_later(serve: Serve):
    make_direct_link()
    before = serve()
    before.stop()
    edge = serve(conninfo=NOWHERE)

    click_id = land(edge, query="gclid=Cj0&sub_id_1=a%5Cb%09", consent=True)
    edge.stop()
    drained = drain_spool(edge.configuration.spool_folder, conninfo=before.configuration.conninfo)

    landing = PreClick.objects.get()
    assert (drained.lines, drained.set_aside) == (1, 0)
    assert landing.id == read_click_id(click_id, settings.CLICK_ID_KEYS).uuid
    assert (landing.platform_click_id, landing.has_ad_consent) == ("gclid:Cj0", True)
    assert landing.facts["platform_click_ids"] == {"gclid": "Cj0"}


def test_a_spooled_landing_whose_visit_is_known_already_is_left_out(serve: Serve):
    make_direct_link()
    before = serve()
    first = land(before, query="gclid=Cj0")
    before.stop()
    edge = serve(conninfo=NOWHERE)

    land(edge, query="gclid=Cj0")
    land(edge, query="gclid=Cj1")
    edge.stop()
    drained = drain_spool(edge.configuration.spool_folder, conninfo=before.configuration.conninfo)

    assert (drained.lines, drained.set_aside) == (2, 0)
    assert PreClick.objects.get(platform_click_id="gclid:Cj0").id == read_click_id(first, settings.CLICK_ID_KEYS).uuid
    assert PreClick.objects.count() == 2


def test_without_postgres_consent_is_asked_for_again(serve: Serve):
    link = make_direct_link()
    serve().stop()
    edge = serve(conninfo=NOWHERE)
    click_id = sign_click_id(new_uuid7(1).bytes, link.id, settings.CLICK_ID_KEYS[0])

    answer = report(edge, event="consent", click_id=click_id, consent=True)

    assert answer.status == 503
