"""Every place of a request from which an open redirect was ever forced: the Location is one that the campaign names."""

from attribution.models import Click
from campaigns.models import TrackingDomain
from tests.attribution.edge.raw import RawAnswer, ask_all
from tests.attribution.edge.redirects import HOSTILE
from tests.world import make_campaign, make_link, make_offer, make_source

_AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile/15E148"
# Parameters that some tracker, login page or framework has followed.
_FOLLOWED = (
    "url", "lpurl", "redirect", "redirect_uri", "next", "return", "returnTo", "continue", "dest", "target", "u", "r",
    "to", "goto", "out", "view", "callback", "checkout_url", "ad_url", "landing", "offer", "fallback_url",
)  # fmt: skip
_FILLED = ("sub_id_1", "sub_id_2", "sub_id_3", "sub1", "keyword", "placement", "fbclid", "gclid", "cost")


def escaped(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def as_it_stands(text: str) -> str:
    """Return what of a text may stand in a request line without an escape; the rest escaped."""
    return "".join(letter if "!" <= letter <= "~" and letter not in '#<>\\^`"' else escaped(letter) for letter in text)


def request(target: str, **headers: str) -> bytes:
    named = {"host": "go.example", "user_agent": _AGENT} | headers
    lines = [f"{name.replace('_', '-')}: {as_it_stands(value)}" for name, value in named.items()]
    return "\r\n".join([f"GET {target} HTTP/1.1", *lines, "", ""]).encode("ascii")


def locations(answers: list[RawAnswer], origin: str) -> set[str]:
    """Return the start of each Location, as long as the origin with the slash that ends it."""
    return {answer.location[: len(origin)] for answer in answers}


def test_parameters_that_are_followed_elsewhere_are_not_followed(serve_for_real):
    make_link(code="spring", campaign=make_campaign(offer=make_offer(url="https://casino.example/play")))
    edge = serve_for_real()
    queries = ["&".join(f"{name}={escaped(hostile)}" for name in _FOLLOWED) for hostile in HOSTILE]
    bare = ["&".join(f"{name}={as_it_stands(hostile)}" for name in _FOLLOWED) for hostile in HOSTILE]

    answers = ask_all(edge.port, [request(f"/c/spring?{query}") for query in queries + bare])

    assert len(HOSTILE) >= 300
    assert [answer.location for answer in answers] == ["https://casino.example/play"] * 2 * len(HOSTILE)


def test_parameters_that_fill_macros_change_no_host(serve_for_real):
    offer = make_offer(
        url="https://casino.example/{sub_id_1}/{keyword}?a={sub_id_2}&b={placement}&c={fbclid}#{sub_id_3}"
    )
    make_link(code="spring", campaign=make_campaign(offer=offer))
    edge = serve_for_real()
    queries = ["&".join(f"{name}={escaped(hostile)}" for name in _FILLED) for hostile in HOSTILE]
    bare = ["&".join(f"{name}={as_it_stands(hostile)}" for name in _FILLED) for hostile in HOSTILE]

    answers = ask_all(edge.port, [request(f"/c/spring?{query}") for query in queries + bare])

    assert {answer.status for answer in answers} == {302}
    assert locations(answers, "https://casino.example/") == {"https://casino.example/"}
    assert [answer.location for answer in answers if set(answer.location) & set(' \\\t\r\n<>"@')] == []
    assert Click.objects.count() == 2 * len(HOSTILE)


def test_paths_and_headers_bring_no_address(serve_for_real):
    make_link(code="spring", campaign=make_campaign(offer=make_offer(url="https://casino.example/play")))
    edge = serve_for_real()
    paths = [request(f"{path}{as_it_stands(hostile)}") for hostile in HOSTILE for path in ("/c/spring", "/c/", "/")]
    headers = [
        request("/c/spring", x_forwarded_host=text, x_original_url=text, forwarded=f"host={text}", referer=text)
        for text in HOSTILE
    ]

    answers = ask_all(edge.port, paths + headers)

    assert {answer.status for answer in answers} == {302, 404}
    assert {answer.location for answer in answers if answer.status == 302} == {"https://casino.example/play"}
    assert [answer.status for answer in answers[len(paths) :]] == [302] * len(HOSTILE)


def test_hosts_of_a_request_bring_no_address(serve_for_real):
    link = make_link(code="spring", campaign=make_campaign(offer=make_offer(url="https://casino.example/play")))
    TrackingDomain.objects.create(host="go.example", root_link=link, unknown_path="root")
    TrackingDomain.objects.create(
        host="old.example", root_link=link, unknown_path="redirect", unknown_url="https://casino.example/moved"
    )
    edge = serve_for_real()
    hosts = [request("/c/spring", host=hostile) for hostile in HOSTILE]
    paths = [request(f"/{as_it_stands(hostile)}") for hostile in HOSTILE]
    moved = [request(f"/{as_it_stands(hostile)}", host="old.example") for hostile in HOSTILE]

    answers = ask_all(edge.port, hosts + paths + moved)

    assert {answer.status for answer in answers} <= {302, 400, 404}
    assert {answer.location for answer in answers if answer.status == 302} == {
        "https://casino.example/play",
        "https://casino.example/moved",
    }


def test_a_background_click_names_pages_of_the_campaigns_own_hosts_only(serve_for_real):
    campaign = make_campaign(
        offer=make_offer(url="https://casino.example/play"),
        source=make_source(tracks_in_parallel=True),
        own_hosts=["lp.example"],
    )
    make_link(code="spring", campaign=campaign)
    edge = serve_for_real()
    wrapped = ["{}", "https://lp.example{}", "https://lp.example:443{}", "https://{}@lp.example", "https:/{}lp.example"]
    requests = [
        request(f"/c/spring?url={escaped(wrapping.format(hostile))}") for hostile in HOSTILE for wrapping in wrapped
    ]
    own = request(f"/c/spring?url={escaped('https://lp.example/slots?a=1#top')}")

    answers = ask_all(edge.port, requests)
    [answer] = ask_all(edge.port, [own])

    assert {answer.status for answer in answers} == {302}
    assert {answer.location.partition("example")[0] for answer in answers} == {"https://casino.", "https://lp."}
    assert [answer.location for answer in answers if not is_named(answer.location)] == []
    assert answer.location == "https://lp.example/slots?a=1#top"


def is_named(location: str) -> bool:
    """Say whether a Location leads to the offer or to the campaign's own host, whoever reads it and however."""
    rest = location.removeprefix("https://lp.example")
    return location == "https://casino.example/play" or (
        rest != location and (not rest or rest[0] in "/?#") and not set(rest) & set(" \\\t\r\n")
    )


def test_a_fallback_is_the_campaigns_own(serve_for_real):
    offer = make_offer(url="https://casino.example/play", is_licensed_only=True)
    make_link(code="spring", campaign=make_campaign(offer=offer, fallback_url="https://help.example/{sub_id_1}"))
    edge = serve_for_real()
    queries = ["&".join(f"{name}={escaped(hostile)}" for name in (*_FILLED, *_FOLLOWED)) for hostile in HOSTILE]

    answers = ask_all(edge.port, [request(f"/c/spring?{query}") for query in queries])

    assert {answer.status for answer in answers} == {302}
    assert locations(answers, "https://help.example/") == {"https://help.example/"}
