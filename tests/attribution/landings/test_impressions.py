"""/i/<code>.gif: a picture at once, and a row soon."""

import struct
from typing import Any

import pytest

from attribution.edge.drain import drain_spool
from attribution.models import Impression
from campaigns.models import TrackingLink
from tests.attribution.edge.conftest import Serve
from tests.attribution.edge.serving import NOWHERE
from tests.attribution.landings.pages import make_direct_link, wait_for_rows
from tests.world import make_campaign, make_creative, make_link, make_partner


def make_whole_link() -> TrackingLink:
    campaign = make_campaign()
    return make_link(
        code="spring", campaign=campaign, creative=make_creative(campaign), partner=make_partner(tag="lotus")
    )


def test_an_impression_is_a_picture_and_a_row(serve: Serve):
    link = make_whole_link()
    edge = serve()

    answer = edge.get("/i/spring.gif?fbclid=IwAR%5C1&x=y")

    assert (answer.status, answer.headers["content-type"], answer.headers["cache-control"]) == (
        200,
        "image/gif",
        "no-store",
    )
    assert len(answer.body) == 43
    assert struct.unpack("<6sHH", answer.body[:10]) == (b"GIF89a", 1, 1)
    wait_for_rows(Impression, 1)
    stored: dict[str, Any] = dict(Impression.objects.values().get())
    assert isinstance(stored.pop("visitor_key"), int)
    stored.pop("id")
    assert stored == {
        "link_id": link.id,
        "campaign_id": link.campaign_id,
        "creative_id": link.creative_id,
        "partner_id": link.partner_id,
        "source_id": link.campaign.source_id,
        "kind": "click",
        "country": None,
        "device": "phone",
        "external_id": "IwAR\\1",
    }


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ({"user_agent": "Googlebot/2.1"}, "bot"),
        ({"sec_purpose": "prefetch"}, "preview"),
        ({"method": "HEAD"}, "preview"),
    ],
)
def test_an_impression_says_who_saw_it(serve: Serve, how: dict[str, Any], kind: str):
    make_direct_link()
    edge = serve()

    edge.get("/i/spring.gif", **how)

    wait_for_rows(Impression, 1)
    assert Impression.objects.get().kind == kind


@pytest.mark.parametrize("path", ["/i/sprong.gif", "/i/.gif", "/i/..%2f.gif", "/i/spring/.gif"])
def test_an_unknown_code_is_a_picture_too(serve: Serve, path: str):
    make_direct_link()
    edge = serve()

    answer = edge.get(path)

    assert (answer.status, len(answer.body)) == (404, 43)


def test_impressions_do_not_make_a_visitors_clicks_excess(serve: Serve):
    make_direct_link()
    edge = serve()

    for _ in range(120):
        edge.get("/i/spring.gif")
    location = edge.get("/c/spring").location

    assert location
    wait_for_rows(Impression, 120)
    assert set(Impression.objects.values_list("kind", flat=True)) == {"click"}


def test_impressions_wait_in_the_spool_for_postgres(serve: Serve):
    make_direct_link()
    before = serve()
    before.stop()
    edge = serve(conninfo=NOWHERE)

    answer = edge.get("/i/spring.gif")
    edge.stop()
    drain_spool(edge.configuration.spool_folder, conninfo=before.configuration.conninfo)

    assert answer.status == 200
    assert Impression.objects.count() == 1
