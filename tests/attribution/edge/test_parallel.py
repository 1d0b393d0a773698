"""Clicks that browsers call in the background: where they may lead, and that they are people's."""

from typing import Any

import pytest

from attribution.edge.building import build_snapshot
from attribution.edge.parallel import own_page
from attribution.models import Click
from campaigns.models import Campaign
from tests.attribution.edge.tables import campaign_row, make_tables
from tests.world import make_campaign, make_link, make_offer, make_source

CAMPAIGN = (
    build_snapshot(make_tables(campaign_row(own_hosts=["casino.example", "LP.example"]))).routes["spring"].campaign
)


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("https://casino.example/play?a=1&b=2#top", "https://casino.example/play?a=1&b=2#top"),
        ("https://lp.example", "https://lp.example"),
        ("HTTPS://Casino.Example/A", "https://casino.example/A"),
        ("https://casino.example/spiel?name=Jürgen Ö", "https://casino.example/spiel?name=J%C3%BCrgen%20%C3%96"),
        ("https://casino.example/a%2Fb?c=%20", "https://casino.example/a%2Fb?c=%20"),
        ("https://casino.example/?next=https://evil.example", "https://casino.example/?next=https://evil.example"),
    ],
)
def test_own_page_is_where_the_visitor_is_already(url, page):
    assert own_page(url, CAMPAIGN) == page


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "/play",
        "//casino.example/",
        "http://casino.example/",
        "javascript://casino.example/%0aalert(1)",
        "ftp://casino.example/",
        "https://casino.example:8443/",
        "https://casino.example:/",
        "https://user@casino.example/",
        "https://user:word@casino.example/",
        "https://casino.example@evil.example/",
        "https://evil.example/casino.example",
        "https://casino.example.evil.example/",
        "https://www.casino.example/",
        "https://casino.example./",
        "https://evil.example\\@casino.example/",
        "https://casino.example\\.evil.example/",
        "https://[::1]/",
        "https://[casino.example/",
        "https://casino.example/\r\nset-cookie: a=b",
        "https://casino.example/\u2028",
        "https://",
        "{lpurl}",
    ],
)
def test_own_page_is_nowhere_else(url):
    assert own_page(url, CAMPAIGN) is None


@pytest.fixture
def edge(serve):
    campaign = make_campaign(
        source=make_source(tracks_in_parallel=True, click_id_parameter="gclid"),
        own_hosts=["casino.example"],
        offer=make_offer(url="https://own.example/?cid={click_id}"),
        fallback_url="https://fallback.example/",
    )
    make_link(code="spring", campaign=campaign)
    make_link(
        code="plain",
        campaign=make_campaign(
            source=make_source(tracks_in_parallel=True),
            offer=make_offer(url="http://plain.example/"),
            fallback_url="https://fallback.example/",
        ),
    )
    make_link(
        code="nowhere",
        campaign=make_campaign(
            source=make_source(tracks_in_parallel=True), offer=make_offer(url="http://plain.example/")
        ),
    )
    return serve()


def test_click_in_parallel_is_a_persons_click_and_leads_to_the_page_that_it_names(edge):
    answer = edge.get(
        "/c/spring?gclid=Cj0&url=https%3A%2F%2Fcasino.example%2Fplay%3Fa%3D1", sec_purpose="prefetch;prerender"
    )

    assert (answer.status, answer.location) == (302, "https://casino.example/play?a=1")
    assert "set-cookie" not in answer.headers
    click: Any = Click.objects.values_list("kind", "outcome", "external_id", "offer", "flow", "is_unique").get()
    own_offer = Campaign.objects.get(links__code="spring").offer_id
    assert click == ("click", "direct", "Cj0", own_offer, None, True)


def test_click_in_parallel_is_unique_once_and_links_that_are_looked_at_are_previews(edge):
    edge.get("/c/spring?url=https://casino.example/", sec_purpose="prefetch")
    edge.get("/c/spring?url=https://casino.example/")
    edge.get("/c/spring?url=https://casino.example/", method="HEAD")
    edge.get("/c/spring?url=https://casino.example/", user_agent="curl/8.5.0")

    assert list(Click.objects.order_by("id").values_list("kind", "is_unique")) == [
        ("click", True),
        ("click", False),
        ("preview", None),
        ("bot", None),
    ]


def test_click_in_parallel_leads_nowhere_else(edge):
    targets = ["https://evil.example/", "http://casino.example/", "https://casino.example:8443/", ""]

    answers = [edge.get(f"/c/spring?url={target}") for target in targets]

    assert {answer.location.partition("?")[0] for answer in answers} == {"https://own.example/"}


def test_click_in_parallel_is_redirected_by_https_only(edge):
    assert edge.get("/c/plain").location == "https://fallback.example/"
    answer = edge.get("/c/nowhere")
    assert (answer.status, "location" in answer.headers) == (200, False)
    assert list(Click.objects.values_list("outcome", flat=True)) == ["direct", "direct"]
