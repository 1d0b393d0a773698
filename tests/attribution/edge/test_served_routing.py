"""Routing through served edges: caps that two share, what is stored of each way, and changes that reach them."""

import time
from typing import Any

import pytest

from attribution.models import Click
from campaigns.models import Cap, CapUse, Flow
from tests.attribution.edge.places import write_places
from tests.attribution.edge.serving import IPHONE, within_two_seconds
from tests.campaigns.builders import make_filter, make_flow, make_landing_page, make_licence
from tests.world import make_campaign, make_link, make_offer


@pytest.fixture
def campaign(transactional_db):
    """A campaign with the link `spring`, an own offer and a fallback."""
    campaign = make_campaign(
        offer=make_offer(url="https://casino.example/"), fallback_url="https://fallback.example/?c={click_id}"
    )
    make_link(code="spring", campaign=campaign)
    return campaign


def cap(limit, **columns):
    return Cap.objects.create(**{"event": "click", "period": "total", "limit": limit} | columns)


def went(answer):
    return answer.headers.get("location", "").partition("?")[0]


def clicks(edge, count):
    """Make so many clicks at once, each from an address of its own."""
    headers = [
        [(b"user-agent", IPHONE.encode()), (b"x-forwarded-for", f"198.18.{number // 250}.{number % 250}".encode())]
        for number in range(count)
    ]
    return [went(answer) for answer in edge.request_all([(b"/c/spring", each) for each in headers])]


def uses():
    return sum(CapUse.objects.values_list("uses", flat=True))


def test_cap_holds_exactly_within_one_edge_and_the_rest_go_to_the_fallback(campaign, serve):
    cap(5, campaign=campaign)
    edge = serve()

    places = clicks(edge, 8)

    assert sorted(places) == ["https://casino.example/"] * 5 + ["https://fallback.example/"] * 3
    assert (
        sorted(Click.objects.values_list("outcome", "offer"))
        == [("capped", None)] * 3 + [("offer", campaign.offer_id)] * 5
    )
    assert within_two_seconds(lambda: uses() == 5)


def test_cap_is_shared_by_two_edges_within_two_seconds(campaign, serve):
    cap(5, campaign=campaign)
    one, other = serve(), serve()

    clicks(one, 5)
    assert within_two_seconds(lambda: went(other.get("/c/spring", method="HEAD")) == "https://fallback.example/")

    assert clicks(other, 1) == ["https://fallback.example/"]
    assert within_two_seconds(lambda: uses() == 5)


def test_two_edges_overshoot_by_no_more_than_comes_before_they_tell_each_other(campaign, serve):
    cap(10, campaign=campaign)
    one, other = serve(), serve()

    at_once = clicks(one, 15) + clicks(other, 15)
    assert within_two_seconds(lambda: went(other.get("/c/spring", method="HEAD")) == "https://fallback.example/")
    assert within_two_seconds(lambda: uses() == at_once.count("https://casino.example/"))
    after = clicks(one, 5) + clicks(other, 5)

    assert 10 <= at_once.count("https://casino.example/") <= 20
    assert set(after) == {"https://fallback.example/"}


def test_edge_that_ends_leaves_its_counts_to_the_next(campaign, serve):
    cap(5, campaign=campaign)
    edge = serve()
    clicks(edge, 3)
    edge.stop()

    next_edge = serve()

    assert uses() == 3
    assert clicks(next_edge, 3).count("https://casino.example/") == 2


def test_only_peoples_clicks_that_were_sent_on_are_counted(campaign, serve):
    cap(100, campaign=campaign)
    edge = serve()

    edge.get("/c/spring")
    edge.get("/c/spring", sec_purpose="prefetch")
    edge.get("/c/spring", user_agent="curl/8.5.0")
    edge.get("/c/spring", method="HEAD")

    assert within_two_seconds(lambda: uses() == 1)
    time.sleep(1.2)
    assert uses() == 1


def test_raised_cap_lets_visitors_pass_again_within_two_seconds(campaign, serve):
    row = cap(1, campaign=campaign)
    edge = serve()
    assert clicks(edge, 2).count("https://casino.example/") == 1

    row.limit = 3
    row.save()

    assert within_two_seconds(lambda: went(edge.get("/c/spring", method="HEAD")) == "https://casino.example/")


def test_every_click_is_stored_with_the_way_that_it_took(campaign, serve):
    licensed = make_offer(is_licensed_only=True, url="https://licensed.example/")
    make_licence(licensed, country="MT")
    page = make_landing_page(url="https://lp.example/?c={click_id}")
    with_page = make_flow(campaign, offers=[make_offer()], pages=[page])
    make_filter(with_page, "keyword", ["page"])
    paused = make_flow(campaign, action="paused_page")
    make_filter(paused, "keyword", ["paused"])
    nothing = make_flow(campaign, action="nothing")
    make_filter(nothing, "keyword", ["nothing"])
    closed = make_flow(campaign, offers=[licensed])
    make_filter(closed, "keyword", ["licensed"])
    full = make_offer()
    cap(0, offer=full)
    capped = make_flow(campaign, offers=[full])
    make_filter(capped, "keyword", ["full"])
    edge = serve()

    words = ["page", "paused", "nothing", "licensed", "full", "other"]
    answers = {word: edge.get(f"/c/spring?keyword={word}") for word in words}

    columns = ("keyword", "outcome", "flow", "landing_page", "offer", "licence")
    rows: list[Any] = list(Click.objects.order_by("id").values_list(*columns))
    assert rows == [
        ("page", "landing", with_page.pk, page.pk, None, None),
        ("paused", "paused", paused.pk, None, None, None),
        ("nothing", "stopped", nothing.pk, None, None, None),
        ("licensed", "unknown_place", closed.pk, None, None, None),
        ("full", "capped", capped.pk, None, None, None),
        ("other", "offer", None, None, campaign.offer_id, None),
    ]
    assert {word: went(answer) for word, answer in answers.items()} == {
        "page": "https://lp.example/",
        "paused": "",
        "nothing": "",
        "licensed": "https://fallback.example/",
        "full": "https://fallback.example/",
        "other": "https://casino.example/",
    }


def test_changed_flows_reach_an_edge_within_two_seconds(campaign, serve):
    edge = serve()
    assert clicks(edge, 1) == ["https://casino.example/"]

    flow = make_flow(campaign, offers=[make_offer(url="https://flow.example/")])
    assert within_two_seconds(lambda: clicks(edge, 1) == ["https://flow.example/"])
    make_filter(flow, "country", ["MT"])
    assert within_two_seconds(lambda: clicks(edge, 1) == ["https://casino.example/"])
    flow.filters.all().delete()
    assert within_two_seconds(lambda: clicks(edge, 1) == ["https://flow.example/"])
    Flow.objects.update(is_active=False)
    assert within_two_seconds(lambda: clicks(edge, 1) == ["https://casino.example/"])


def test_changed_licences_reach_an_edge_within_two_seconds(campaign, serve, tmp_path):
    write_places(tmp_path)
    licence = make_licence(campaign.offer, country="DE")
    campaign.offer.is_licensed_only = True
    campaign.offer.save()
    edge = serve()

    def from_malta():
        return went(edge.get("/c/spring", x_forwarded_for="198.51.100.7"))

    assert from_malta() == "https://fallback.example/"
    licence.country = "MT"
    licence.save()
    assert within_two_seconds(lambda: from_malta() == "https://casino.example/")
    number = licence.pk
    licence.delete()
    assert within_two_seconds(lambda: from_malta() == "https://fallback.example/")
    assert dict(Click.objects.values_list("outcome", "licence")) == {"elsewhere": None, "offer": number}
