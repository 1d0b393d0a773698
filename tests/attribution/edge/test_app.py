"""Requests and answers: every one is stored as what it was, and none ends in an error."""

import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from attribution.click_ids import read_click_id
from attribution.models import Click
from tests.attribution.edge.redirects import HOSTILE
from tests.attribution.edge.serving import IPHONE
from tests.world import make_campaign, make_creative, make_link, make_offer, make_partner

OFFER_URL = "https://casino.example/play?cid={click_id}&s={sub_id_1}&c={country}&p={partner_tag}"


def make_route(code="spring", **columns):
    campaign = columns.pop("campaign", None) or make_campaign(offer=make_offer(url=OFFER_URL))
    return make_link(code=code, campaign=campaign, **columns)


def test_click_redirects_to_the_offer_and_stores_all_that_is_known(serve, tmp_path):
    writer = MMDBWriter(ip_version=4, database_type="GeoIP2-City")
    place = {"country": {"iso_code": "MT"}, "subdivisions": [{"iso_code": "60"}], "city": {"names": {"en": "Valletta"}}}
    writer.insert_network(IPSet(["198.51.100.0/24"]), place)
    writer.to_db_file(str(tmp_path / "geo.mmdb"))
    campaign = make_campaign(offer=make_offer(url=OFFER_URL))
    link = make_route(campaign=campaign, creative=make_creative(campaign), partner=make_partner(tag="lotus"))
    edge = serve()

    answer = edge.get(
        "/c/spring?sub_id_1=a%20b&sub10=j&fbclid=IwAR%5C1&gclid=g&cost=0.25&keyword=spins&placement=feed&consent=1",
        x_forwarded_for="198.51.100.7",
        accept_language="en-GB,en;q=0.9",
        ect="4g",
        rtt="100",
        referer="https://l.facebook.com/l.php?u=secret",
    )

    assert answer.status == 302
    assert answer.headers["cache-control"] == "no-store"
    click = Click.objects.get()
    assert answer.location == f"https://casino.example/play?cid={click.click_id}&s=a%20b&c=MT&p=lotus"
    assert datetime.now(UTC) - click.clicked_at < timedelta(seconds=20)
    assert Click.objects.values().get() == {
        "id": click.id,
        "link_id": link.id,
        "campaign_id": campaign.id,
        "creative_id": link.creative_id,
        "partner_id": link.partner_id,
        "source_id": campaign.source_id,
        "offer_id": campaign.offer_id,
        "routing_version": edge.application.edge.health()["snapshot_version"],
        "kind": "click",
        "outcome": "offer",
        "flow_id": None,
        "landing_page_id": None,
        "licence_id": None,
        "visitor_key": click.visitor_key,
        "is_unique": True,
        "os_version": "17.5",
        "language": "en",
        "connection_type": None,
        "isp": None,
        "asn": None,
        "hints": {"ect": "4g", "rtt": 100},
        "has_ad_consent": True,
        "original_cost": None,
        "original_currency": None,
        "exchange_rate": None,
        "exchange_rate_on": None,
        "exchange_rate_source": None,
        "country": "MT",
        "region": "60",
        "city": "Valletta",
        "device": "phone",
        "os": "iOS",
        "browser": "Mobile Safari",
        "network": "198.51.100.0",
        "referrer_host": "l.facebook.com",
        "external_id": "IwAR\\1",
        "keyword": "spins",
        "placement": "feed",
        "cost": Decimal("0.25"),
        "currency": "EUR",
        "platform_click_ids": {"fbclid": "IwAR\\1", "gclid": "g"},
        "sub_id_1": "a b",
        **{f"sub_id_{number}": None for number in range(2, 10)},
        "sub_id_10": "j",
    }


def test_click_id_names_the_link_and_proves_itself(serve):
    link = make_route()
    edge = serve()

    answer = edge.get("/c/spring")

    [text] = parse_qs(urlsplit(answer.location).query)["cid"]
    click_id = read_click_id(text, settings.CLICK_ID_KEYS)
    assert (click_id.link_id, click_id.uuid) == (link.id, Click.objects.get().id)


def test_click_is_stored_as_what_it_was_and_always_redirected(serve):
    make_route()
    edge = serve()

    answers = [
        edge.get("/c/spring?sub1=person"),
        edge.get("/c/spring?sub1=head", method="HEAD"),
        edge.get("/c/spring?sub1=prefetch", sec_purpose="prefetch;prerender"),
        edge.get("/c/spring?sub1=bot", user_agent="curl/8.5.0"),
        edge.get("/c/spring?sub1=head-bot", method="HEAD", user_agent="curl/8.5.0"),
    ]

    assert [(answer.status, answer.body) for answer in answers] == [(302, b"")] * 5
    assert dict(Click.objects.values_list("sub_id_1", "kind")) == {
        "person": "click",
        "head": "preview",
        "prefetch": "preview",
        "bot": "bot",
        "head-bot": "preview",
    }


def test_click_of_a_paused_campaign_reads_a_page_and_is_stored_as_paused(serve):
    make_route(campaign=make_campaign(status="paused"))
    edge = serve()

    answer = edge.get("/c/spring")

    assert answer.status == 200
    assert b"not available at present" in answer.body
    assert answer.headers["cache-control"] == "no-store"
    assert Click.objects.values_list("kind", "outcome").get() == ("click", "paused")


def test_click_on_an_unknown_code_reads_a_page(serve):
    edge = serve()

    answer = edge.get("/c/nothing")

    assert answer.status == 404
    assert b"There is no such link" in answer.body
    assert not Click.objects.exists()


def test_other_paths_are_not_found(serve):
    make_route()
    edge = serve()
    targets = [b"/", b"/c", b"/c/spring/", b"/c/spring/..", b"/admin/", b"//evil.example/c/spring"]

    answers = edge.request_all([(target, []) for target in targets])

    assert [answer.status for answer in answers] == [404] * 6
    assert all(answer.body for answer in answers)


def test_other_methods_are_not_allowed(serve):
    make_route()
    edge = serve()

    answers = [edge.get("/c/spring", method=method) for method in ("POST", "PUT", "DELETE", "OPTIONS", "BREW")]

    assert [(answer.status, answer.headers["allow"]) for answer in answers] == [(405, "GET, HEAD")] * 5
    assert not Click.objects.exists()


def test_click_keeps_the_offers_host_whatever_parameters_say(serve):
    campaign = make_campaign(offer=make_offer(url="https://casino.example/{sub_id_1}?s={sub_id_2}"))
    make_route(campaign=campaign)
    edge = serve()
    encoded = ["".join(f"%{byte:02X}" for byte in hostile.encode()) for hostile in HOSTILE]
    query = "/c/spring?sub_id_1={0}&sub_id_2={0}&url={0}&redirect={0}&next={0}"

    answers = edge.request_all([(query.format(value).encode(), []) for value in encoded])

    assert {answer.status for answer in answers} == {302}
    assert {urlsplit(answer.location)[:2] for answer in answers} == {("https", "casino.example")}
    assert Click.objects.count() == len(HOSTILE) >= 300


def test_no_request_however_malformed_ends_in_an_error_or_a_blank_page(serve):
    make_route()
    edge = serve()
    chance = random.Random(20261122)

    answers = edge.request_all([malformed(chance) for _ in range(2_000)])

    assert {answer.status for answer in answers} <= {200, 302, 404}
    assert all(answer.body or answer.status == 302 for answer in answers)
    assert {urlsplit(answer.location).netloc for answer in answers if answer.status == 302} == {"casino.example"}
    assert Click.objects.count() == sum(answer.status == 302 for answer in answers) > 1_000
    assert edge.application.edge.health()["lost_clicks"] == 0


_PIECES = (
    b"%FF%FE", b"\xff\xfe", b"%00", b"\x00", b"%0D%0A", b"\r\n", b"%", b"%%", b"%7B%7Bad.id%7D%7D", b"{click_id}",
    b"\\N", b"\\.", b"\\", b"\t", b"&", b"=", b"+", b"%ED%A0%80", b"%F4%90%80%80", b"%E2%80%A8", b"'", b'"',
    b"a" * 20_000,
)  # fmt: skip
_NAMES = (b"sub_id_1", b"sub2", b"fbclid", b"gclid", b"cost", b"keyword", b"placement", b"%73ub3", b"", b"x")


def malformed(chance):
    values = [b"".join(chance.choices(_PIECES, k=chance.randint(0, 4))) for _ in range(chance.randint(0, 6))]
    query = b"&".join(chance.choice(_NAMES) + b"=" + value for value in values)
    path = chance.choice([b"/c/spring", b"/c/spring", b"/c/spring", b"/c/" + chance.choice(_PIECES)])
    names = (b"user-agent", b"x-forwarded-for", b"referer", b"sec-purpose", b"x-forwarded-for")
    headers = [(name, chance.choice([*_PIECES, IPHONE.encode()])) for name in chance.sample(names, 3)]
    return path + b"?" + query, headers


def test_health_tells_what_an_operator_must_know(serve):
    make_route()
    edge = serve()

    health = json.loads(edge.get("/healthz").body)

    assert health.pop("snapshot_age_seconds") < 5
    assert health == {
        "status": "ok",
        "snapshot_version": edge.application.edge.health()["snapshot_version"],
        "links": 1,
        "database_connected": True,
        "spool_bytes": 0,
        "lost_clicks": 0,
        "geography_present": False,
    }
