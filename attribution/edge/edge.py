"""The edge itself: everything that a click needs, opened and closed together."""

import gc
import random
from typing import NamedTuple

import structlog

from attribution.edge.clicks import click_facts, click_line, cost_in_currency, new_click_key, read_cost, signed
from attribution.edge.clock import ClickClock
from attribution.edge.configuration import EdgeConfiguration
from attribution.edge.cookies import Binding, BindingCookies, new_visitor
from attribution.edge.decision import Decision, Router, address_of
from attribution.edge.geography import NOWHERE, UNKNOWN_NETWORK, Geography
from attribution.edge.keys import VisitorKeys, day_of, keyed_hash
from attribution.edge.lookups import Lookups
from attribution.edge.parallel import parallel_location
from attribution.edge.parameters import NAMES, POSITIONS, read_consent, read_parameters
from attribution.edge.routes import NO_ROUTES, Campaign, Route, Snapshot
from attribution.edge.routing import Routing
from attribution.edge.seen import BusyAddresses, SeenVisitors
from attribution.edge.spool import Spool, spool_bytes
from attribution.edge.store import Store
from attribution.edge.usage import Usage
from attribution.edge.user_agents import LONGEST_USER_AGENT, read_user_agent
from attribution.edge.visit import Visit
from attribution.edge.visitor import Address as VisitorAddress
from attribution.edge.visitor import (
    Headers,
    TrustedProxies,
    is_prefetch,
    read_cookie,
    read_hints,
    read_language,
    referrer_host,
)
from tracker_project.common.privacy import is_allowed

log = structlog.get_logger(__name__)

_COST_POSITION = POSITIONS["cost"]
_CONSENT_POSITION = POSITIONS["consent"]
# A visitor's second click of a campaign within so many seconds is never unique; so many clicks in a minute are no
# person's (Adjust calls it hyper engagement); nor are so many from one address in an hour. A mobile network puts
# many people behind one address.
_REPEAT_SECONDS = 10
_MINUTE, _MOST_A_MINUTE = 60, 5
_HOUR_MS, _MOST_AN_HOUR = 3_600_000, 100
_BEHIND_A_CARRIER = 10
_OBJECTS_PER_COLLECTION = 50_000


class Answer(NamedTuple):
    """What a visitor is told: where to go, or else the outcome whose page he reads; and a cookie to keep, if any."""

    location: str | None
    outcome: str
    cookie: bytes | None = None


class Edge:
    """Routes visits by the snapshot in memory and has their clicks stored."""

    def __init__(self, configuration: EdgeConfiguration, *, clock: ClickClock | None = None) -> None:
        self._key = configuration.click_id_key
        self._clock = clock or ClickClock()
        self._proxies = TrustedProxies(configuration.trusted_proxies)
        self._geography = Geography(
            configuration.geoip_path,
            networks=configuration.geoip_asn_path,
            connections=configuration.geoip_connection_path,
            copies=configuration.folder,
        )
        self._spool_folder = configuration.spool_folder
        self._visitor_keys = VisitorKeys()
        self._seen = SeenVisitors(configuration.folder / "seen")
        self._busy = BusyAddresses()
        self._usage = Usage()
        self._cookies = BindingCookies(self._key, is_secure=configuration.is_https)
        self._routing = Routing(
            conninfo=configuration.conninfo,
            saved=configuration.snapshot_path,
            clock=self._clock,
            geography=self._geography,
            usage=self._usage,
            visitor_keys=self._visitor_keys,
        )
        self._store = Store(
            conninfo=configuration.conninfo,
            spool=Spool(configuration.spool_folder),
            has_day=self._clock.has_day,
        )
        self._lookups = Lookups(configuration.conninfo)
        self._router = Router({}, self._usage, random.random)
        self._routed_by = NO_ROUTES

    @property
    def snapshot(self) -> Snapshot:
        return self._routing.snapshot

    async def open(self) -> None:
        """Load the routes and open the store. Raises `NoSnapshot`."""
        await self._routing.start()
        await self._store.open()
        # What is there by now stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_OBJECTS_PER_COLLECTION)

    async def close(self) -> None:
        """Store what was taken and let go of everything."""
        await self._store.close()
        await self._routing.stop()
        await self._lookups.close()

    async def click(self, route: Route, headers: Headers, *, query: bytes, peer: str, is_head: bool) -> Answer:
        """Say where a visitor goes once the click is durable."""
        visit = self.read_visit(route, headers, query=query, peer=peer, is_head=is_head)
        campaign = route.campaign
        if campaign.tracks_in_parallel:
            return await self._click_in_parallel(route, visit)
        click_id = signed(new_click_key(visit.milliseconds), route.link_bytes, self._key)
        kept = self._binding(campaign, headers) if campaign.uses_cookie else None
        binding = kept if visit.consent is not False else None
        try:
            self._recognise(campaign, visit, binding)
            decision = self.router().decide(campaign, visit, binding)
            line = click_line(click_id, route, visit, decision)
            location = self.location(route, decision, click_id, visit)
        except Exception:  # whatever a visitor may send, the click is stored and sent on
            log.exception("a click could not be decided", link_id=route.link_id)
            decision = Decision("broken")
            line = click_line(click_id, route, self._unread_visit(visit.milliseconds), decision)
            location = None
        if self.snapshot.has_limits and visit.kind == "click":
            self._count(campaign, decision, visit)
        await self._store.take(line, visit.milliseconds)
        cookie = self._cookie(campaign, decision, visit, kept) if campaign.uses_cookie else None
        return Answer(location, decision.outcome, cookie)

    def health(self) -> dict[str, object]:
        return {
            "status": "ok" if self._store.is_connected and not self._store.lost else "degraded",
            "snapshot_version": self.snapshot.version,
            "snapshot_age_seconds": round(self._routing.age_seconds, 1),
            "links": len(self.snapshot.routes),
            "database_connected": self._store.is_connected,
            "spool_bytes": spool_bytes(self._spool_folder),
            "lost_clicks": self._store.lost,
            "geography_present": self._geography.is_present,
        }

    def router(self) -> Router:
        """Return what decides by the tables as they stand now."""
        snapshot = self._routing.snapshot
        if snapshot is not self._routed_by:
            self._router, self._routed_by = Router(snapshot.offers, self._usage, random.random), snapshot
        return self._router

    def read_visit(self, route: Route, headers: Headers, *, query: bytes, peer: str, is_head: bool) -> Visit:
        """Return what a request says of its visitor; one that cannot be read is a visit of nobody known."""
        milliseconds = self._clock.milliseconds()
        try:
            return self._read_visit(route, headers, query, peer, is_head, milliseconds)
        except Exception:
            log.exception("a visit could not be read", link_id=route.link_id)
            return self._unread_visit(milliseconds)

    def location(self, route: Route, decision: Decision, click_id: str, visit: Visit) -> str | None:
        """Return the address that a decision leads to, filled in; None where a page is shown."""
        address = address_of(route, decision)
        return address.fill(click_facts(click_id, visit)) if address is not None else None

    async def _click_in_parallel(self, route: Route, visit: Visit) -> Answer:
        """Take a click that a browser calls in the background while its visitor is on the page already."""
        if visit.kind == "preview":
            visit.kind = "click"
        click_id = signed(new_click_key(visit.milliseconds), route.link_bytes, self._key)
        self._recognise(route.campaign, visit, None)
        decision = Decision("direct")
        location = parallel_location(route, visit, click_facts(click_id, visit))
        if self.snapshot.has_limits and visit.kind == "click":
            self._count(route.campaign, decision, visit)
        await self._store.take(click_line(click_id, route, visit, decision), visit.milliseconds)
        return Answer(location, "direct")

    def _read_visit(
        self, route: Route, headers: Headers, query: bytes, peer: str, is_head: bool, milliseconds: int
    ) -> Visit:
        get = headers.get
        agent = (get(b"user-agent") or b"")[:LONGEST_USER_AGENT]
        address = self._proxies.visitor_address(peer, get(b"x-forwarded-for"))
        visit = Visit()
        visit.milliseconds = milliseconds
        visit.user_agent = user_agent = read_user_agent(agent)
        if address is None:
            visit.place, visit.network_of, visit.network = NOWHERE, UNKNOWN_NETWORK, None
        else:
            visit.place, visit.network_of = self._geography.find(address.text)
            visit.network = address.network
        referrer, language = get(b"referer"), get(b"accept-language")
        visit.referrer = referrer_host(referrer) if referrer else None
        visit.language = read_language(language) if language else None
        visit.hints = read_hints(headers)
        visit.values = values = read_parameters(query, route.slots)
        if values[_COST_POSITION] is not None:
            values[_COST_POSITION] = read_cost(values[_COST_POSITION])
        visit.consent = read_consent(values[_CONSENT_POSITION])
        visit.visitor_key = visit.is_unique = None
        judge = self._routing.snapshot.judge
        packed = address.packed if address is not None else None
        if is_head or is_prefetch(headers):
            visit.kind = "preview"
        elif judge.is_bot(agent, user_agent, packed=packed, asn=visit.network_of.asn, referrer=visit.referrer):
            visit.kind = "bot"
        elif judge.is_staff(packed) and not route.campaign.counts_staff:
            visit.kind = "staff"
        else:
            visit.kind = "click"
            if address is not None:
                self._count_address(visit, address, agent)
        return visit

    def _count_address(self, visit: Visit, address: VisitorAddress, agent: bytes) -> None:
        """Give the visit its visitor's key of the day, and take it for excess where its address sends too many."""
        key = self._visitor_keys.key(day_of(visit.milliseconds))
        visit.identity = identity = address.counted + agent
        visit.visitor_key = keyed_hash(key, identity)
        visits = self._busy.count(address.counted, visit.milliseconds // _HOUR_MS)
        if visits > _MOST_AN_HOUR and visits > _MOST_AN_HOUR * _people_behind(visit):
            visit.kind = "excess"

    def _recognise(self, campaign: Campaign, visit: Visit, binding: Binding | None) -> None:
        """Say whether a click is its visitor's first in the campaign's window, and whether he clicks like a person."""
        if visit.visitor_key is None:
            return
        now = visit.milliseconds // 1000
        window = max(campaign.uniqueness_seconds, _REPEAT_SECONDS)
        last, visits = self._seen.touch(hash((visit.visitor_key, campaign.id)), now, period=_MINUTE)
        if visits >= _MOST_A_MINUTE and visits >= _MOST_A_MINUTE * _people_behind(visit):
            visit.kind = "excess"
        yesterday = day_of(visit.milliseconds) - 1
        if not last and day_of((now - window) * 1000) <= yesterday:
            old_key = keyed_hash(self._visitor_keys.key(yesterday), visit.identity)
            last = self._seen.last_visit(hash((old_key, campaign.id)))
        if campaign.knows_by_cookie and binding is not None:
            last = max(last, binding.seen_at)
        visit.is_unique = not last or now - last >= window

    def _binding(self, campaign: Campaign, headers: Headers) -> Binding | None:
        return self._cookies.read(campaign.id, read_cookie(headers, BindingCookies.name(campaign.id)))

    def _cookie(self, campaign: Campaign, decision: Decision, visit: Visit, old: Binding | None) -> bytes | None:
        """Return the cookie that binds a visitor to what he drew, where his consent or his country allows one.

        Who draws nothing keeps what he drew before, and who refuses loses his cookie. What only looks ahead gets
        none: the click that follows would be a repeat.
        """
        if visit.kind in ("preview", "bot") or (decision.flow is None and not campaign.knows_by_cookie):
            return None
        if visit.consent is False:
            return self._cookies.forget(campaign.id) if old is not None else None
        if not is_allowed(visit.consent, visit.place.country):
            return None
        binding = old if old is not None else Binding(new_visitor(), 0, 0, 0, 0)
        if decision.flow is not None and decision.outcome in ("offer", "landing"):
            binding = binding._replace(
                flow_id=decision.flow.id,
                landing_page_id=decision.landing_page.id if decision.landing_page is not None else 0,
                offer_id=_bound_offer(decision, old),
            )
        return self._cookies.write(campaign.id, binding._replace(seen_at=visit.milliseconds // 1000))

    def _count(self, campaign: Campaign, decision: Decision, visit: Visit) -> None:
        """Count a click that was sent on in the caps of where it went, and what it cost in the budget."""
        milliseconds = visit.milliseconds
        if decision.outcome in ("offer", "landing"):
            self._usage.count(campaign.caps, milliseconds)
            if decision.flow is not None:
                self._usage.count(decision.flow.caps, milliseconds)
            if decision.offer is not None:
                self._usage.count(decision.offer.caps, milliseconds)
        if campaign.has_daily_budget:
            cost = cost_in_currency(visit.values, campaign)
            if cost is not None:
                self._usage.spend(campaign.id, campaign.zone, cost, milliseconds)

    def _unread_visit(self, milliseconds: int) -> Visit:
        visit = Visit()
        visit.milliseconds = milliseconds
        visit.kind = "click"
        visit.place, visit.network_of, visit.network = NOWHERE, UNKNOWN_NETWORK, None
        visit.user_agent = read_user_agent(b"")
        visit.referrer = visit.language = visit.hints = None
        visit.consent = visit.visitor_key = visit.is_unique = None
        visit.values = [None] * len(NAMES)
        return visit


def _people_behind(visit: Visit) -> int:
    return _BEHIND_A_CARRIER if visit.network_of.connection == "Cellular" else 1


def _bound_offer(decision: Decision, old: Binding | None) -> int:
    """Return the offer to keep a visitor on: the one he is sent to, or before a landing page the one he had."""
    if decision.offer is not None:
        return decision.offer.id
    if old is not None and decision.flow is not None and old.flow_id == decision.flow.id:
        return old.offer_id
    return 0
