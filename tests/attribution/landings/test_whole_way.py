"""From a page in a real browser through a real edge to the offer: what is stored is what happened."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet
from playwright.sync_api import BrowserContext, Page, expect

from attribution.models import Click, LandingEvent, PreClick
from tests.attribution.edge.conftest import Serve
from tests.attribution.edge.serving import ServedEdge, ask
from tests.attribution.landings.pages import click_id_in, make_direct_link, make_paged_link, wait_for_rows
from tests.attribution.landings.test_parallel import make_parallel_link
from tests.attribution.landings.web import CLICK_HOST, Asked, Given, Web, wait_for_id
from tests.world import make_offer

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36"
)
BRAZIL, MALTA = "203.0.113.7", "198.51.100.7"

Open = Callable[[], ServedEdge]


@pytest.fixture
def context(browser: Any) -> Any:
    """A person's browser: headless Chromium calls itself one, and the edge would take it for a bot."""
    context = browser.new_context(user_agent=CHROME)
    context.set_default_timeout(5_000)
    yield context
    context.close()


@pytest.fixture
def open_edge(serve: Serve, web: Web, tmp_path: Path) -> Callable[..., ServedEdge]:
    """Put an edge behind the click host, and visitors where the test wants them."""
    writer = MMDBWriter(ip_version=4, database_type="GeoIP2-City")
    writer.insert_network(IPSet([f"{MALTA}/32"]), {"country": {"iso_code": "MT"}})
    writer.insert_network(IPSet([f"{BRAZIL}/32"]), {"country": {"iso_code": "BR"}})
    writer.to_db_file(str(tmp_path / "geo.mmdb"))
    for host in ("lp.localhost", "casino.localhost"):
        web.put(f"{host}/favicon.ico", "", content_type="image/x-icon")
    web.put("casino.localhost/play", "<title>Casino</title>")

    def start(*, place: str = BRAZIL) -> ServedEdge:
        edge = serve()

        def answer(asked: Asked) -> Given:
            headers = [(name.encode(), value.encode("latin-1")) for name, value in asked.headers.items()]
            headers.append((b"x-forwarded-for", place.encode()))
            request = ask(edge.application, asked.target.encode(), headers, method=asked.method, body=asked.body)
            answered = edge.run(request)
            return Given(answered.status, answered.headers, answered.body)

        web.click_host = answer
        return edge

    return start


def page_at(web: Web, path: str, *, script: str = 'data-link="spring"', **headers: str) -> str:
    go = web.address(CLICK_HOST)
    return web.put(
        path,
        f'<!doctype html><title>Slots</title><script src="{go}t.js" {script} async></script>'
        f"<a id=one href='{go}go/1'>One</a> <a id=two href='{go}go/2'>Two</a>",
        **headers,
    )


def offer_at(web: Web) -> Any:
    return make_offer(url=web.address("casino.localhost/play") + "?cid={click_id}&s={sub_id_1}")


def test_a_landing_goes_on_to_the_offer_as_a_click(open_edge: Any, web: Web, page: Page):
    make_direct_link(own_hosts=["lp.localhost"], offer=offer_at(web))
    open_edge()

    page.goto(page_at(web, "lp.localhost/slots") + "?gclid=Cj0&sub_id_1=a", referer="https://www.google.com/")
    click_id = wait_for_id(page)
    waiting = PreClick.objects.get()
    page.click("#two")
    page.wait_for_url("**/play?**")

    assert page.url == f"{web.address('casino.localhost/play')}?cid={click_id}&s=a"
    click, event = Click.objects.get(), LandingEvent.objects.get()
    assert (waiting.promoted_at, waiting.page) == (None, f"lp.localhost:{web.port}/slots")
    assert (click.click_id, click.kind, click.country, click.referrer_host) == (
        click_id,
        "click",
        "BR",
        "www.google.com",
    )
    assert click.platform_click_ids == {"gclid": "Cj0"}
    assert click.hints is not None
    assert {"ect", "rtt", "downlink"} <= set(click.hints)
    assert (event.kind, event.click, event.cta) == ("click_through", click.id, 2)


def test_a_click_sees_its_landing_page_and_goes_on(open_edge: Any, web: Web, page: Page):
    link = make_paged_link()
    landing_page = link.campaign.flows.get().flow_landing_pages.get().landing_page
    landing_page.url = web.address("lp.localhost/slots") + "?cid={click_id}"
    landing_page.save()
    offer = link.campaign.flows.get().flow_offers.get(position=2).offer
    offer.url = web.address("casino.localhost/play") + "?cid={click_id}"
    offer.save()
    page_at(web, "lp.localhost/slots", script="")
    open_edge()

    page.goto(web.address(f"{CLICK_HOST}/c/paged"))
    wait_for_rows(LandingEvent, 1)
    page.click("#two")
    page.wait_for_url("**/play?**")

    click = Click.objects.get()
    assert page.url == f"{web.address('casino.localhost/play')}?cid={click.click_id}"
    events = LandingEvent.objects.order_by("id").values_list("kind", "click", "landing_page_id", "offer_id")
    assert list(events) == [
        ("view", click.id, landing_page.id, None),
        ("click_through", click.id, landing_page.id, offer.id),
    ]
    assert PreClick.objects.count() == 0


def test_a_beacon_and_a_page_of_one_advertisement_are_one_click(open_edge: Any, web: Web, page: Page):
    make_parallel_link(own_hosts=["lp.localhost"], offer=offer_at(web))
    advertisement = web.put(
        "casino.localhost/search",
        f"<!doctype html><title>Search</title><a href='{page_at(web, 'lp.localhost/slots')}?gclid=Cj0' "
        f"onclick=\"navigator.sendBeacon('{web.address(CLICK_HOST)}c/spring?gclid=Cj0&cost=0.5')\">Ad</a>",
    )
    open_edge()

    page.goto(advertisement)
    page.click("a")
    page.wait_for_url("**/slots?**")
    click_id = wait_for_id(page)
    wait_for_rows(Click, 1)

    click = Click.objects.get()
    assert (click.click_id, click.outcome, str(click.cost)) == (click_id, "direct", "0.50000000")
    assert PreClick.objects.count() == 1


@pytest.mark.parametrize(
    ("place", "script", "is_stored"),
    [
        (BRAZIL, 'data-link="spring"', True),
        (BRAZIL, 'data-link="spring" data-consent="denied"', False),
        (MALTA, 'data-link="spring"', False),
        (MALTA, 'data-link="spring" data-consent="granted"', True),
    ],
)
def test_the_browser_keeps_something_only_where_consent_or_the_law_allows(
    open_edge: Any, web: Web, page: Page, context: BrowserContext, place: str, script: str, is_stored: bool
):
    make_direct_link(own_hosts=["lp.localhost"])
    open_edge(place=place)

    page.goto(page_at(web, "lp.localhost/slots", script=script))
    wait_for_id(page)

    assert page.evaluate("'trackerVisit' in localStorage") is is_stored
    assert context.cookies() == []


def test_a_page_of_a_stranger_is_refused_and_works_on(open_edge: Any, web: Web, page: Page):
    make_direct_link(own_hosts=["casino.example"])
    open_edge()

    page.goto(page_at(web, "lp.localhost/slots"))
    with page.expect_response("**/t") as refused:
        page.reload()

    assert refused.value.status == 403
    assert page.eval_on_selector("#two", "a => a.pathname") == "/go/2"
    assert PreClick.objects.count() == 0


def test_a_strict_policy_is_enough_for_the_whole_way(open_edge: Any, web: Web, page: Page):
    make_direct_link(own_hosts=["lp.localhost"], offer=offer_at(web))
    open_edge()
    go = web.address(CLICK_HOST).rstrip("/")
    policy = f"default-src 'none'; script-src {go}; connect-src {go}"

    page.goto(page_at(web, "lp.localhost/slots", content_security_policy=policy))
    expect(page.locator("#one")).to_have_attribute("href", re.compile(r"/go/[0-9a-f]{48}"))
    page.click("#one")
    page.wait_for_url("**/play?**")

    assert Click.objects.get().click_id == click_id_in(page.url)


def test_an_installed_web_app_is_its_clicks(open_edge: Any, web: Web, page: Page):
    make_direct_link(own_hosts=["lp.localhost"])
    open_edge()

    page.goto(page_at(web, "lp.localhost/slots"))
    click_id = wait_for_id(page)
    page.evaluate("window.dispatchEvent(new Event('appinstalled'))")
    wait_for_rows(LandingEvent, 1)

    assert LandingEvent.objects.get().kind == "app_installed"
    assert Click.objects.get().click_id == click_id
