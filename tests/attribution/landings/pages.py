"""Campaigns with pages, and what pages and their visitors ask of an edge."""

import json
import time
from typing import Any

from campaigns.models import Campaign, Flow, FlowLandingPage, FlowOffer, LandingPage, Offer, TrackingLink
from tests.attribution.edge.serving import Answer, ServedEdge
from tests.world import make_campaign, make_link, make_offer, make_source

ORIGIN = "https://casino.example"


def make_direct_link(code: str = "spring", **columns: Any) -> TrackingLink:
    """Return a link whose campaign has its page at casino.example and an offer of its own."""
    offer = columns.pop("offer", None) or make_offer(url="https://casino.example/play?cid={click_id}&s={sub_id_1}")
    defaults = {"offer": offer, "own_hosts": ["casino.example"], "source": make_source(cost_currency="")}
    return make_link(code=code, campaign=make_campaign(**defaults | columns))


def make_flow(campaign: Campaign, *offers: Offer, page: str = "", **columns: Any) -> Flow:
    """Return a flow over offers, numbered from 1, behind a landing page if one is named by its address."""
    flow = Flow.objects.create(
        **{"campaign": campaign, "name": f"Flow {campaign.flows.count()}", "kind": "default"} | columns
    )
    for position, offer in enumerate(offers, 1):
        FlowOffer.objects.create(flow=flow, offer=offer, position=position)
    if page:
        landing_page = LandingPage.objects.create(name=f"Page of {flow.id}", url=page)
        FlowLandingPage.objects.create(flow=flow, landing_page=landing_page)
    return flow


def make_paged_link(code: str = "paged", *, offers: int = 2, **columns: Any) -> TrackingLink:
    """Return a link that leads to lp.example, with offers `https://one.example` and so on behind it."""
    names = ("one", "two", "three")[:offers]
    campaign = make_campaign(**{"source": make_source(cost_currency="")} | columns)
    made = [make_offer(url=f"https://{name}.example/?cid={{click_id}}&s={{sub_id_1}}") for name in names]
    make_flow(campaign, *made, page="https://lp.example/slots?cid={click_id}")
    return make_link(code=code, campaign=campaign)


def report(edge: ServedEdge, *, origin: str = ORIGIN, headers: dict[str, str] | None = None, **said: Any) -> Answer:
    """Post what `/t.js` would say."""
    return edge.post("/t", json.dumps({"event": "open"} | said).encode(), origin=origin, **headers or {})


def answered(answer: Answer) -> dict[str, Any]:
    said = json.loads(answer.body)
    assert answer.status == 200, said
    assert isinstance(said, dict)
    return said


def land(edge: ServedEdge, *, link: str = "spring", **said: Any) -> str:
    """Return the click id of a landing."""
    return str(answered(report(edge, link=link, page="casino.example/", **said))["click_id"])


def click_id_in(location: str) -> str:
    return location.partition("cid=")[2][:48]


def open_page(edge: ServedEdge, *, code: str = "paged", query: str = "", **headers: str) -> str:
    """Click a link that leads to a page; return the click id that the page is given."""
    location = edge.get(f"/c/{code}{query}", **headers).location
    assert location.startswith("https://lp.example/slots?cid=")
    return click_id_in(location)


def wait_for_rows(model: Any, count: int) -> None:
    """Wait until as many rows are there, for what nobody waits for."""
    deadline = time.monotonic() + 5
    while model.objects.count() < count and time.monotonic() < deadline:
        time.sleep(0.01)
