"""A browser that calls a link in the background while its visitor opens the page: one visit, one click."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings

from attribution.click_ids import read_click_id
from attribution.models import Click, PreClick
from campaigns.models import TrackingLink
from tests.attribution.edge.conftest import Serve
from tests.attribution.edge.serving import NOWHERE, ServedEdge
from tests.attribution.landings.pages import answered, click_id_in, land, make_direct_link, report
from tests.world import make_campaign, make_creative, make_link, make_offer, make_source


def make_parallel_link(code: str = "spring", **columns: Any) -> TrackingLink:
    source = make_source(click_id_parameter="gclid", cost_currency="", tracks_in_parallel=True)
    defaults = {"source": source, "own_hosts": ["casino.example"], "offer": make_offer()}
    return make_link(code=code, campaign=make_campaign(**defaults | columns))


def is_spooled(edge: ServedEdge) -> bool:
    """Say whether a row waits in the spool, as one does that Postgres has already."""
    return any(edge.configuration.spool_folder.glob("*"))


def test_the_landing_first(serve: Serve):
    make_parallel_link()
    edge = serve()

    click_id = land(edge, query="gclid=Cj0", consent=True)
    called = edge.get("/c/spring?gclid=Cj0&cost=0.5&keyword=spins")

    click = Click.objects.get()
    assert (called.status, click_id_in(called.location)) == (302, click_id)
    assert (click.click_id, click.outcome, click.kind) == (click_id, "direct", "click")
    assert (str(click.cost), click.keyword) == ("0.50000000", "spins")  # of the background call, which knows more
    assert (click.has_ad_consent, click.is_unique) == (True, True)


def test_the_background_call_first(serve: Serve):
    make_parallel_link()
    edge = serve()

    called = edge.get("/c/spring?gclid=Cj0&cost=0.5")
    click_id = land(edge, query="gclid=Cj0", consent=True)

    click = Click.objects.get()
    assert click_id_in(called.location) == click_id == click.click_id
    assert (click.has_ad_consent, click.is_unique) == (True, True)


def test_both_at_the_same_instant_on_two_edges(serve: Serve):
    make_parallel_link()
    edges = serve(), serve()
    body = json.dumps({"event": "open", "link": "spring"}).encode()
    numbers = range(40)

    def visit(number: int) -> tuple[str, str]:
        one, other = edges if number % 2 else edges[::-1]
        said = body[:-1] + f', "query": "gclid=g{number}"}}'.encode()
        agent = f"Mozilla/5.0 (X11; Linux x86_64; rv:126.{number}) Gecko/20100101 Firefox/126.0"
        with ThreadPoolExecutor(2) as both:
            landed = both.submit(one.post, "/t", said, origin="https://casino.example", user_agent=agent)
            called = both.submit(other.get, f"/c/spring?gclid=g{number}", user_agent=agent)
            return str(answered(landed.result())["click_id"]), click_id_in(called.result().location)

    pairs = [visit(number) for number in numbers]

    assert [landed for landed, _ in pairs] == [called for _, called in pairs]
    assert Click.objects.count() == PreClick.objects.count() == len(numbers)
    assert {click.click_id for click in Click.objects.all()} == {landed for landed, _ in pairs}


def test_the_visitor_goes_on_before_the_background_call_arrives(serve: Serve):
    make_parallel_link()
    edge = serve()
    click_id = land(edge, query="gclid=Cj0")

    edge.get(f"/go/{click_id}")
    called = edge.get("/c/spring?gclid=Cj0")

    assert click_id_in(called.location) == click_id
    assert Click.objects.count() == 1
    assert not is_spooled(edge)


def test_a_repeated_background_call_and_a_reload_are_the_same_visit(serve: Serve):
    make_parallel_link()
    edge = serve()

    calls = [click_id_in(edge.get("/c/spring?gclid=Cj0").location) for _ in range(3)]
    landings = [land(edge, query="gclid=Cj0") for _ in range(3)]

    assert len({*calls, *landings}) == 1
    assert Click.objects.count() == 1
    assert not is_spooled(edge)


def test_another_link_of_the_campaign_keeps_its_creative_under_the_pages_id(serve: Serve):
    link = make_parallel_link()
    creative = make_creative(link.campaign)
    make_link(code="advert", campaign=link.campaign, creative=creative)
    edge = serve()
    click_id = land(edge, query="gclid=Cj0")

    edge.get("/c/advert?gclid=Cj0")

    click = Click.objects.get()
    assert (click.click_id, click.link_id, click.creative_id) == (click_id, link.id, creative.id)


def test_a_bots_background_call_takes_no_visitors_id(serve: Serve):
    make_parallel_link()
    edge = serve()

    bot = edge.get("/c/spring?gclid=Cj0", user_agent="AdsBot-Google (+http://www.google.com/adsbot.html)")
    click_id = land(edge, query="gclid=Cj0")
    called = edge.get("/c/spring?gclid=Cj0")

    assert click_id_in(bot.location) != click_id == click_id_in(called.location)
    assert sorted(Click.objects.values_list("kind", flat=True)) == ["bot", "click"]


def test_a_background_call_without_a_platforms_id_is_a_click_of_its_own(serve: Serve):
    make_parallel_link()
    edge = serve()

    for _ in range(2):
        edge.get("/c/spring")

    assert (Click.objects.count(), PreClick.objects.count()) == (2, 0)


def test_a_beacon_is_posted(serve: Serve):
    make_parallel_link()
    make_direct_link("usual")
    edge = serve()

    beacon, other = edge.post("/c/spring?gclid=Cj0", b""), edge.post("/c/usual?gclid=Cj0", b"")

    assert (beacon.status, other.status) == (302, 405)
    assert Click.objects.count() == 1


def test_without_postgres_the_call_is_a_click_of_its_own_and_not_lost(serve: Serve):
    make_parallel_link()
    serve().stop()
    edge = serve(conninfo=NOWHERE)

    called = edge.get("/c/spring?gclid=Cj0")
    edge.stop()

    assert called.status == 302
    assert read_click_id(click_id_in(called.location), settings.CLICK_ID_KEYS)
    assert is_spooled(edge)


def test_a_landing_of_a_usual_source_joins_its_redirect_never(serve: Serve):
    """Where a redirect came first, its page is told the click id and reports a view of it."""
    make_direct_link()
    edge = serve()
    click_id = click_id_in(edge.get("/c/spring?gclid=Cj0").location)

    said = answered(report(edge, link="spring", click_id=click_id, query=f"gclid=Cj0&cid={click_id}"))

    assert said["click_id"] == click_id
    assert (Click.objects.count(), PreClick.objects.count()) == (1, 0)
