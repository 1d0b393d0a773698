"""Links on pages: /go/<click id>/<number> leads to an offer of the click's flow, whatever else happens."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from attribution.click_ids import new_uuid7, read_click_id, sign_click_id
from attribution.domain.pre_clicks import settle_pre_clicks
from attribution.edge.drain import drain_spool
from attribution.models import Click, LandingEvent, PreClick
from campaigns.models import Cap, CapUse, Flow, FlowFilter, FlowOffer, Licence
from tests.attribution.edge.conftest import Serve
from tests.attribution.edge.redirects import HOSTILE
from tests.attribution.edge.serving import NOWHERE
from tests.attribution.landings.pages import (
    click_id_in,
    land,
    make_direct_link,
    make_flow,
    make_paged_link,
    open_page,
    wait_for_rows,
)
from tests.world import make_click, make_link, make_offer


def host_of(location: str) -> str | None:
    return urlsplit(location).hostname


def through(kind: str = "click_through") -> int:
    return LandingEvent.objects.filter(kind=kind).count()


def test_a_numbered_link_leads_to_the_offer_of_that_number(serve: Serve):
    link = make_paged_link()
    edge = serve()
    click_id = open_page(edge, query="?sub_id_1=a%20b")

    answer = edge.get(f"/go/{click_id}/2")

    assert answer.status == 302
    assert answer.location == f"https://two.example/?cid={click_id}&s=a%20b"
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
    click, event = Click.objects.get(), LandingEvent.objects.get()
    two = FlowOffer.objects.get(position=2).offer
    assert (event.kind, event.click, event.cta, event.offer_id, event.outcome) == (
        "click_through",
        click.id,
        2,
        two.id,
        "offer",
    )
    assert (event.link_id, event.campaign_id) == (link.id, link.campaign_id)
    assert event.landing_page_id == click.landing_page_id
    assert (click.outcome, click.offer_id) == ("landing", None)


def test_a_link_without_number_draws_by_weight(serve: Serve):
    make_paged_link()
    FlowOffer.objects.filter(position=1).update(weight=0)
    edge = serve()
    click_id = open_page(edge)

    locations = [edge.get(f"/go/{click_id}{end}").location for end in ("", "/", "/9", "/x", "/99999", "/1/more")]

    assert [host_of(location) for location in locations] == [*["two.example"] * 5, "one.example"]


def test_a_visitor_keeps_the_offer_that_he_drew(serve: Serve, tmp_path: Any):
    writer = MMDBWriter(ip_version=4, database_type="GeoIP2-City")
    writer.insert_network(IPSet(["203.0.113.0/24"]), {"country": {"iso_code": "BR"}})
    writer.to_db_file(str(tmp_path / "geo.mmdb"))
    make_paged_link()
    edge = serve()
    click = edge.get("/c/paged", x_forwarded_for="203.0.113.7")
    click_id = click_id_in(click.location)
    page = click.headers["set-cookie"].partition(";")[0]

    first = edge.get(f"/go/{click_id}", x_forwarded_for="203.0.113.7", cookie=page)
    cookie = first.headers["set-cookie"].partition(";")[0]
    others = [edge.get(f"/go/{click_id}", x_forwarded_for="203.0.113.7", cookie=cookie) for _ in range(10)]

    assert {answer.location for answer in others} == {first.location}
    assert [answer.headers.get("set-cookie") for answer in others] == [None] * 10
    assert cookie.split(".")[1] == page.split(".")[1] != "0"  # the landing page that he drew stays


def test_a_landing_becomes_a_click_when_its_visitor_goes_on(serve: Serve):
    link = make_direct_link()
    edge = serve()
    click_id = land(edge, query="gclid=Cj0&sub_id_1=a%20b", consent=True, referrer="www.google.com")

    answer = edge.get(f"/go/{click_id}")

    assert answer.location == f"https://casino.example/play?cid={click_id}&s=a%20b"
    click = Click.objects.get()
    assert (click.click_id, click.outcome, click.offer_id) == (click_id, "direct", link.campaign.offer_id)
    assert (click.platform_click_ids, click.has_ad_consent, click.is_unique) == ({"gclid": "Cj0"}, True, True)
    assert click.referrer_host == "www.google.com"
    assert PreClick.objects.get().promoted_at is not None
    assert through() == 1


def test_a_landing_is_routed_by_its_own_parameters_past_landing_pages(serve: Serve):
    link = make_direct_link()
    flow = make_flow(link.campaign, make_offer(url="https://vip.example/"), page="https://lp.example/", kind="forced")
    FlowFilter.objects.create(flow=flow, field="sub_id_1", values=["vip"])
    edge = serve()

    vip = edge.get(f"/go/{land(edge, query='sub_id_1=vip')}")
    other = edge.get(f"/go/{land(edge, query='sub_id_1=x')}/1")

    assert [host_of(answer.location) for answer in (vip, other)] == ["vip.example", "casino.example"]
    assert Click.objects.filter(flow=flow, offer=flow.flow_offers.get().offer, outcome="direct").count() == 1


def test_a_landing_that_is_followed_by_many_at_once_is_one_click(serve: Serve):
    make_direct_link()
    edge = serve()
    click_id = land(edge)

    answers = edge.request_all([(f"/go/{click_id}/{number}".encode(), AGENT) for number in range(12)])

    assert {answer.status for answer in answers} == {302}
    assert (Click.objects.count(), through()) == (1, 12)


AGENT = [(b"user-agent", b"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:126.0) Gecko/20100101 Firefox/126.0")]


def test_a_double_click_is_one_click_through(serve: Serve):
    make_paged_link()
    edge = serve()
    click_id = open_page(edge)

    edge.request_all([(f"/go/{click_id}/1".encode(), AGENT)] * 6)
    edge.get(f"/go/{click_id}/2")
    edge.get(f"/go/{click_id}/2")

    assert list(LandingEvent.objects.order_by("id").values_list("cta", flat=True)) == [1, 2]


def test_a_double_click_on_two_edges_is_one_click_through(serve: Serve):
    make_paged_link()
    edge, other = serve(), serve()
    click_id = open_page(edge)

    edge.get(f"/go/{click_id}/1")
    other.get(f"/go/{click_id}/1")

    assert through() == 1


def test_a_click_is_followed_twenty_times_at_most_and_still_led_on(serve: Serve):
    make_paged_link()
    edge = serve()
    click_id = open_page(edge)

    answers = [edge.get(f"/go/{click_id}/{number}") for number in range(25)]

    assert {answer.status for answer in answers} == {302}
    assert through() == 20


def test_a_click_counts_for_a_day_and_is_still_led_on(serve: Serve):
    link = make_paged_link()
    flow = Flow.objects.get()
    young = make_click(link, at=datetime.now(UTC) - timedelta(hours=23, minutes=59), flow=flow, outcome="landing")
    old = make_click(link, at=datetime.now(UTC) - timedelta(hours=24, seconds=1), flow=flow, outcome="landing")
    edge = serve()

    answers = [edge.get(f"/go/{click.click_id}/2") for click in (young, old)]

    assert [host_of(answer.location) for answer in answers] == ["two.example"] * 2
    assert LandingEvent.objects.get().click == young.id


@pytest.mark.parametrize(
    "how",
    [
        {"method": "HEAD"},
        {"sec_purpose": "prefetch"},
        {"user_agent": "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"},
        {"user_agent": "curl/8.0"},
        {"user_agent": ""},
    ],
)
def test_programs_are_led_on_but_make_no_click_and_count_nowhere(serve: Serve, how: dict[str, Any]):
    make_direct_link()
    edge = serve()
    click_id = land(edge)

    answers = [edge.get(path, **how) for path in (f"/go/{click_id}", "/go/1?link=spring")]

    assert [host_of(answer.location) for answer in answers] == ["casino.example"] * 2
    assert (Click.objects.count(), through(), PreClick.objects.count()) == (0, 0, 1)


@pytest.mark.parametrize("kind", ["bot", "staff", "excess", "preview"])
def test_click_throughs_of_what_is_no_persons_click_are_not_counted(serve: Serve, kind: str):
    link = make_paged_link()
    click = make_click(link, at=datetime.now(UTC), kind=kind, flow=Flow.objects.get())
    edge = serve()

    answer = edge.get(f"/go/{click.click_id}/1")

    assert host_of(answer.location) == "one.example"
    assert through() == 0


def test_a_landing_that_is_excess_becomes_a_click_of_that_kind_and_counts_nowhere(serve: Serve):
    make_direct_link()
    edge = serve()
    click_id = [land(edge) for _ in range(6)][-1]

    answer = edge.get(f"/go/{click_id}")

    assert answer.location.startswith(f"https://casino.example/play?cid={click_id}")
    assert Click.objects.get().kind == "excess"
    assert through() == 0


def test_a_paused_campaign_shows_its_page(serve: Serve):
    link = make_paged_link()
    edge = serve()
    click_id = open_page(edge)
    link.campaign.status = "paused"
    link.campaign.save()
    edge.stop()

    answer = serve().get(f"/go/{click_id}/1")

    assert (answer.status, "location" in answer.headers) == (200, False)
    assert b"not available at present" in answer.body
    assert LandingEvent.objects.get().outcome == "paused"


def test_a_capped_offer_is_passed_over_and_its_cap_counts_click_throughs(serve: Serve):
    link = make_paged_link()
    one = FlowOffer.objects.get(position=1).offer
    cap = Cap.objects.create(offer=one, event="click", period="total", limit=1)
    edge = serve()

    hosts = [host_of(edge.get(f"/go/{open_page(edge)}/1").location) for _ in range(3)]

    assert hosts == ["one.example", "two.example", "two.example"]
    wait_for_rows(CapUse, 1)
    assert CapUse.objects.get().cap == cap
    assert link.campaign_id


def test_a_landing_counts_in_the_caps_of_its_campaign_once(serve: Serve):
    link = make_direct_link()
    Cap.objects.create(campaign=link.campaign, event="click", period="total", limit=100)
    edge = serve()
    click_id = land(edge)

    edge.get(f"/go/{click_id}/1")
    edge.get(f"/go/{click_id}/2")
    wait_for_rows(CapUse, 1)

    assert CapUse.objects.get().uses == 1


def test_a_licence_holds_for_where_the_visitor_is_now(serve: Serve, tmp_path: Any):
    writer = MMDBWriter(ip_version=4, database_type="GeoIP2-City")
    writer.insert_network(IPSet(["198.51.100.0/24"]), {"country": {"iso_code": "MT"}})
    writer.insert_network(IPSet(["203.0.113.0/24"]), {"country": {"iso_code": "BR"}})
    writer.to_db_file(str(tmp_path / "geo.mmdb"))
    make_paged_link(offers=1, fallback_url="https://fallback.example/")
    offer = FlowOffer.objects.get().offer
    offer.is_licensed_only = True
    offer.save()
    licence = {"jurisdiction": "MGA", "number": "1", "country": "MT", "valid_from": date(2020, 1, 1)}
    Licence.objects.create(offer=offer, **licence)
    edge = serve()
    click_id = open_page(edge, x_forwarded_for="198.51.100.7")

    elsewhere = edge.get(f"/go/{click_id}/1", x_forwarded_for="203.0.113.7")
    there = edge.get(f"/go/{click_id}", x_forwarded_for="198.51.100.7")

    assert [host_of(answer.location) for answer in (elsewhere, there)] == ["fallback.example", "one.example"]
    assert list(LandingEvent.objects.order_by("id").values_list("outcome", flat=True)) == ["elsewhere", "offer"]


def test_a_click_never_reaches_the_offers_of_another_campaign(serve: Serve):
    link = make_paged_link()
    other = make_direct_link(offer=make_offer(url="https://other.example/"))
    make_link(code="stays", campaign=link.campaign)
    edge = serve()
    click_id = open_page(edge)
    link.campaign = other.campaign
    link.save()
    edge.stop()
    edge = serve()

    moved = edge.get(f"/go/{click_id}/2?link=spring&url=https://evil.example")
    new = edge.get(f"/go/{land(edge)}/2?link=paged")

    assert [host_of(answer.location) for answer in (moved, new)] == ["two.example", "other.example"]
    campaigns = list(LandingEvent.objects.order_by("id").values_list("campaign_id", flat=True))
    assert (campaigns[0] != other.campaign_id, campaigns[1]) == (True, other.campaign_id)


def test_a_click_whose_campaign_has_no_link_any_more_shows_a_page(serve: Serve):
    link = make_paged_link()
    other = make_direct_link()
    edge = serve()
    click_id = open_page(edge)
    link.campaign = other.campaign
    link.save()
    edge.stop()

    answer = serve().get(f"/go/{click_id}/2")

    assert (answer.status, "location" in answer.headers) == (200, False)
    assert answer.body


def test_a_click_whose_flow_is_gone_is_routed_anew(serve: Serve):
    link = make_paged_link()
    edge = serve()
    click_id = open_page(edge)
    edge.stop()
    make_flow(link.campaign, make_offer(url="https://new.example/?cid={click_id}"), kind="regular")
    Flow.objects.filter(kind="default").update(is_active=False)

    answer = serve().get(f"/go/{click_id}/1")

    assert answer.location == f"https://new.example/?cid={click_id}"


@pytest.mark.parametrize(
    "path",
    [
        "/go/0193602f1c007a2b8c3d4e5f60718293000000070badcafe",
        "/go/0193602f1c007a2b8c3d4e5f60718293000000070badcafe/1?link=spring",
        "/go/abc",
        "/go/123456",
        "/go/-1",
        "/go/..",
        "/go//1",
        "/go/" + "f" * 47,
        "/go/" + "f" * 49,
        "/go",
        "/go/",
        "/go/1",
        "/go/1?link=sprong",
        "/go/1?link=",
    ],
)
def test_what_names_no_click_and_no_link_is_not_there(serve: Serve, path: str):
    make_direct_link()
    edge = serve()

    answer = edge.get(path)

    assert answer.status == 404
    assert b"There is no such link" in answer.body


def test_ids_of_an_older_key_lead_on(serve: Serve):
    link = make_paged_link()
    old_key = bytes(32)
    click_id = sign_click_id(new_uuid7(int(datetime.now(UTC).timestamp() * 1000)).bytes, link.id, old_key)
    edge = serve(older_click_id_keys=[old_key])

    answer = edge.get(f"/go/{click_id.upper()}/2")

    assert answer.location == f"https://two.example/?cid={click_id}&s="


def test_a_link_without_a_click_id_is_a_landing_that_goes_on(serve: Serve):
    link = make_direct_link()
    edge = serve()

    answer = edge.get("/go/1?link=spring&gclid=Cj0&sub_id_1=a", referer="https://casino.example/slots")

    click = Click.objects.get()
    assert answer.location == f"https://casino.example/play?cid={click.click_id}&s=a"
    assert (click.link_id, click.outcome, click.platform_click_ids) == (link.id, "direct", {"gclid": "Cj0"})
    assert through() == 1


def test_a_link_without_a_click_id_joins_the_landing_that_was_reported(serve: Serve):
    make_direct_link()
    edge = serve()
    click_id = land(edge, query="gclid=Cj0&sub_id_1=a")

    answer = edge.get("/go/?link=spring&gclid=Cj0")

    assert answer.location == f"https://casino.example/play?cid={click_id}&s=a"
    assert Click.objects.count() == 1


def test_without_postgres_visitors_are_led_on_and_counted_later(serve: Serve):
    make_paged_link()
    edge = serve()
    click_id = open_page(edge)
    edge.stop()
    away = serve(conninfo=NOWHERE)

    answers = [away.get(f"/go/{click_id}/2") for _ in range(2)]
    away.stop()
    drained = drain_spool(away.configuration.spool_folder, conninfo=edge.configuration.conninfo)

    assert {answer.location for answer in answers} == {f"https://two.example/?cid={click_id}&s="}
    assert (drained.lines, drained.set_aside, through()) == (1, 0, 1)


def test_a_landing_that_is_followed_while_postgres_is_away_becomes_a_click_later(serve: Serve):
    make_direct_link()
    edge = serve()
    click_id = land(edge, query="sub_id_1=a")
    edge.stop()
    away = serve(conninfo=NOWHERE)

    answer = away.get(f"/go/{click_id}?link=spring&sub_id_1=a")
    new = away.get("/go/1?link=spring&sub_id_1=b")
    away.stop()
    drain_spool(away.configuration.spool_folder, conninfo=edge.configuration.conninfo)
    settle_pre_clicks(at=datetime.now(UTC))

    assert answer.location == f"https://casino.example/play?cid={click_id}&s=a"
    assert set(Click.objects.values_list("sub_id_1", flat=True)) == {"a", "b"}
    assert click_id_in(new.location) in {click.click_id for click in Click.objects.all()}
    assert through() == 2


ALLOWED = {"one.example", "two.example", "casino.example"}


def test_hostile_paths_and_queries_lead_nowhere_else(serve: Serve):
    make_paged_link()
    make_direct_link()
    edge = serve()
    click_id = open_page(edge)
    chance = random.Random(5)
    shapes = [
        "/go/{}",
        f"/go/{click_id}/{{}}",
        f"/go/{click_id}?url={{}}",
        f"/go/{click_id}{{}}",
        "/go/1?link=spring&{}",
    ]
    targets = [
        chance.choice(shapes).replace("{}", text).encode("utf-8", "surrogatepass").replace(b"\n", b"%0a")
        for text in HOSTILE
    ]

    answers = [edge.request(target, AGENT) for target in targets]

    assert {answer.status for answer in answers} <= {302, 404}
    assert {host_of(answer.location) for answer in answers if answer.status == 302} <= ALLOWED
    assert all(answer.body for answer in answers if answer.status == 404)


def test_any_path_is_answered(serve: Serve):
    make_paged_link()
    edge = serve()
    click_id = open_page(edge)

    @limits(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(["", click_id, click_id[:47]]), st.text(max_size=30), st.binary(max_size=40))
    def check(start: str, path: str, query: bytes) -> None:
        answer = edge.request(f"/go/{start}{path}".encode("utf-8", "replace").replace(b"?", b"") + b"?" + query, AGENT)
        assert answer.status in (302, 404)
        assert answer.status == 404 or host_of(answer.location) in ALLOWED

    check()


def test_links_are_opened_not_posted(serve: Serve):
    make_paged_link()
    edge = serve()

    answer = edge.post(f"/go/{open_page(edge)}/1", b"")

    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


def test_click_ids_in_locations_are_proven(serve: Serve):
    make_direct_link()
    edge = serve()

    location = edge.get("/go/?link=spring").location

    assert read_click_id(click_id_in(location), settings.CLICK_ID_KEYS).uuid == Click.objects.get().id
