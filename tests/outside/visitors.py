"""Visitors: who clicks which link from where, and the click id that the tracker sends on to the casino."""

import ipaddress
import random
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

import requests

from tests.outside.setup import Demo, Link, TrackerUnreachable

ANSWER_SECONDS = 15
CONNECTIONS = 4
CLICK_ID = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{48}(?![0-9a-fA-F])")
# Where visitors come from, in the demo's networks; US players are outside the offers' countries.
COUNTRIES = {"MT": 40, "FI": 25, "DE": 20, "BR": 15}
BOT_SHARE = 0.08
PREFETCH_SHARE = 0.03

USER_AGENTS = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/138.0.7204.63 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 14; SM-S918B Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Version/4.0 Chrome/137.0.7151.115 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/516.0.0.46.107;]",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Mobile/21G93 Instagram 384.0.0.34.83 (iPhone14,5; iOS 17_6_1; en_GB; en; scale=3.00; 1170x2532; 750142375)",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.4 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
]
BOT_USER_AGENTS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "curl/8.5.0",
]
# The letters of real platform click ids; what is case-sensitive there must come back byte for byte.
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class NoClickId(Exception):
    """The tracker answered a click with something else than a redirect that carries a click id."""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One visitor who follows one link. `cost` is what the source says that the click cost.

    `kind` is click for a person, bot for a program that says so, preview for a browser that fetches ahead.
    """

    link: Link
    country: str
    address: str
    user_agent: str
    kind: str
    external_id: str
    sub_ids: dict[str, str]
    cost: Decimal | None

    @property
    def is_bot(self) -> bool:
        return self.kind == "bot"

    @property
    def headers(self) -> dict[str, str]:
        """What the browser says, and the proxy before the tracker: who it asks for."""
        asked = {"x-forwarded-for": self.address, "user-agent": self.user_agent, "accept": "text/html"}
        return asked | {"sec-purpose": "prefetch"} if self.kind == "preview" else asked

    def url(self, click_url: str) -> str:
        query = dict(self.sub_ids)
        if self.link.click_id_parameter:
            query[self.link.click_id_parameter] = self.external_id
        if self.link.cost_parameter and self.cost is not None:
            query[self.link.cost_parameter] = f"{self.cost:f}"
        return f"{click_url}/c/{self.link.code}?{urlencode(query, quote_via=quote)}"


@dataclass(frozen=True, kw_only=True)
class Click:
    """A visit that was sent on, and the click id that the casino got with it."""

    visit: Visit
    click_id: str
    location: str

    @property
    def lost_in_location(self) -> dict[str, str]:
        """Return what the offer's address should have carried of this visit and does not, by parameter.

        Looks at the parameters that stand for one macro whose value is known here.
        """
        known = {"{click_id}": self.click_id, "{country}": self.visit.country, "{source}": self.visit.link.source}
        known |= {f"{{{name}}}": sub_id for name, sub_id in self.visit.sub_ids.items()}
        template = dict(parse_qsl(urlsplit(self.visit.link.offer_url).query))
        wanted = {name: known[macro] for name, macro in template.items() if macro in known}
        got = parse_qs(urlsplit(self.location).query, keep_blank_values=True)
        return {name: value for name, value in wanted.items() if got.get(name) != [value]}


def invent_visit(
    chance: random.Random, demo: Demo, *, run: str, link: Link | None = None, country: str | None = None
) -> Visit:
    """Return a person who follows a link; link and country by chance unless given. `run` makes his click ids new."""
    country = country or chance.choices(list(COUNTRIES), weights=list(COUNTRIES.values()))[0]
    link = link or chance.choice(demo.links)
    return Visit(
        link=link,
        country=country,
        address=_address_in(demo.visitor_networks[country], chance),
        user_agent=chance.choice(USER_AGENTS),
        kind="click",
        external_id=f"IwAR{run}-" + "".join(chance.choices(_LETTERS, k=48)),
        sub_ids={"sub_id_1": f"ad {chance.randrange(5)} Süße & Co/100%", "sub_id_2": "", "sub_id_7": "a+b c"},
        cost=_cost_of(link, chance),
    )


def invent_bot(chance: random.Random, demo: Demo, *, run: str, link: Link | None = None) -> Visit:
    """Return a declared bot; nobody charges for it."""
    person = invent_visit(chance, demo, run=run, link=link)
    return replace(person, kind="bot", user_agent=chance.choice(BOT_USER_AGENTS), cost=None)


def invent_crowd(chance: random.Random, demo: Demo, *, run: str, size: int) -> list[Visit]:
    """Return visitors of all links, some of them bots, and some browsers that only fetch ahead."""
    return [_invent_stranger(chance, demo, run) for _ in range(size)]


def play_visits(visits: Sequence[Visit], *, click_url: str) -> list[Click | NoClickId]:
    """Let all visitors click, over a few keep-alive connections; answers stand in the order of the visits.

    Raises TrackerUnreachable when the edge does not answer.
    """
    shares = [visits[start::CONNECTIONS] for start in range(CONNECTIONS)]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        played = list(pool.map(lambda share: _play_share(share, click_url), shares))
    return [played[position % CONNECTIONS][position // CONNECTIONS] for position in range(len(visits))]


def status_of_unknown_link(click_url: str) -> int:
    """Return the status with which the edge answers a code that no link has."""
    try:
        return requests.get(f"{click_url}/c/no-such-link", timeout=ANSWER_SECONDS, allow_redirects=False).status_code
    except requests.RequestException as error:
        raise _unreachable(click_url, error) from error


def _invent_stranger(chance: random.Random, demo: Demo, run: str) -> Visit:
    turn = chance.random()
    if turn < BOT_SHARE:
        return invent_bot(chance, demo, run=run)
    visit = invent_visit(chance, demo, run=run)
    return replace(visit, kind="preview", cost=None) if turn < BOT_SHARE + PREFETCH_SHARE else visit


def _play_share(visits: Sequence[Visit], click_url: str) -> list[Click | NoClickId]:
    with requests.Session() as session:
        return [_play_visit(visit, click_url, session) for visit in visits]


def _play_visit(visit: Visit, click_url: str, session: requests.Session) -> Click | NoClickId:
    try:
        answer = session.get(visit.url(click_url), headers=visit.headers, timeout=ANSWER_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        raise _unreachable(click_url, error) from error
    location = answer.headers.get("location", "")
    found = CLICK_ID.findall(location)
    if answer.status_code != 302 or len(found) != 1:
        return NoClickId(f"/c/{visit.link.code} was answered {answer.status_code} with Location {location!r}")
    if urlsplit(location).netloc != urlsplit(visit.link.offer_url).netloc:
        return NoClickId(f"/c/{visit.link.code} was sent to {location!r}, which is not the offer's host")
    return Click(visit=visit, click_id=found[0].lower(), location=location)


def _address_in(network: ipaddress.IPv4Network, chance: random.Random) -> str:
    return str(network[chance.randrange(1, network.num_addresses - 1)])


def _cost_of(link: Link, chance: random.Random) -> Decimal | None:
    return Decimal(chance.randrange(10, 90)).scaleb(-2) if link.cost_parameter else None


def _unreachable(click_url: str, error: requests.RequestException) -> TrackerUnreachable:
    return TrackerUnreachable(
        f"The click edge does not answer at {click_url} ({type(error).__name__}): "
        "run ./restarter.sh, then ./restarter.sh status."
    )
