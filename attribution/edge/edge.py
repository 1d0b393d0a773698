"""The edge itself: everything that a click needs, opened and closed together."""

import gc
import random
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import structlog

from attribution.click_ids import ClickId, read_click_id
from attribution.edge.clicks import (
    click_facts,
    click_line,
    cost_in_currency,
    milliseconds_of,
    named_platform_click_ids,
    new_click_key,
    read_cost,
    signed,
)
from attribution.edge.clock import ClickClock
from attribution.edge.configuration import EdgeConfiguration
from attribution.edge.cookies import Binding, BindingCookies
from attribution.edge.decision import Decision, Router, address_of
from attribution.edge.geography import NOWHERE, UNKNOWN_NETWORK, Geography
from attribution.edge.keys import VisitorKeys, day_of, keyed_hash
from attribution.edge.lookups import Lookups, NoAnswer
from attribution.edge.parallel import parallel_location
from attribution.edge.parameters import NAMES, POSITIONS, read_consent, read_parameters
from attribution.edge.pre_clicks import Owner, claim_for_background, visit_key
from attribution.edge.routes import NO_ROUTES, Campaign, Route, Snapshot, with_link
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


class DecidedClick(NamedTuple):
    """A click's row with the Unix time that stamps it, and the answer that waits until it is durable."""

    line: str
    milliseconds: int
    answer: Answer


class Edge:
    """Routes visits by the snapshot in memory and has their clicks stored."""

    def __init__(self, configuration: EdgeConfiguration, *, clock: ClickClock | None = None) -> None:
        self._key = configuration.click_id_key
        self._keys = (configuration.click_id_key, *configuration.older_click_id_keys)
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
        self.usage = Usage()
        self._cookies = BindingCookies(self._key, is_secure=configuration.is_https)
        self._routing = Routing(
            conninfo=configuration.conninfo,
            saved=configuration.snapshot_path,
            clock=self._clock,
            geography=self._geography,
            usage=self.usage,
            visitor_keys=self._visitor_keys,
        )
        self.store = Store(
            conninfo=configuration.conninfo,
            spool=Spool(configuration.spool_folder),
            has_day=self._clock.has_day,
        )
        self.lookups = Lookups(configuration.conninfo)
        self._router = Router({}, self.usage, random.random)
        self._routed_by = NO_ROUTES

    @property
    def snapshot(self) -> Snapshot:
        return self._routing.snapshot

    async def open(self) -> None:
        """Load the routes and open the store. Raises `NoSnapshot`."""
        await self._routing.start()
        await self.store.open()
        await self.lookups.open()
        # What is there by now stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_OBJECTS_PER_COLLECTION)

    async def close(self) -> None:
        """Store what was taken and let go of everything."""
        await self.store.close()
        await self._routing.stop()
        await self.lookups.close()

    async def click(self, route: Route, headers: Headers, *, query: bytes, peer: str, is_head: bool) -> Answer:
        """Say where a visitor goes once the click is durable."""
        if route.campaign.tracks_in_parallel:
            visit = self.read_visit(route, headers, query=query, peer=peer, is_head=is_head)
            return await self._click_in_parallel(route, visit)
        click = self.decide_click(route, headers, query=query, peer=peer, is_head=is_head)
        await self.store.take(click.line, click.milliseconds)
        return click.answer

    def decide_click(self, route: Route, headers: Headers, *, query: bytes, peer: str, is_head: bool) -> DecidedClick:
        """Say where a visitor goes, and what to store before he is told; not for links called in the background."""
        visit = self.read_visit(route, headers, query=query, peer=peer, is_head=is_head)
        campaign = route.campaign
        click_id = signed(new_click_key(visit.milliseconds), route.link_bytes, self._key)
        kept = self.binding(campaign, headers) if campaign.uses_cookie else None
        binding = kept if visit.consent is not False else None
        try:
            self.recognise(campaign, visit, binding)
            decision = self.router().decide(campaign, visit, binding)
            line = click_line(click_id, route, visit, decision)
            location = self.location(route, decision, click_id, visit)
        except Exception:  # whatever a visitor may send, the click is stored and sent on
            log.exception("a click could not be decided", link_id=route.link_id)
            decision = Decision("broken")
            line = click_line(click_id, route, self._unread_visit(visit.milliseconds), decision)
            location = None
        if self.snapshot.has_limits and visit.kind == "click":
            self.count(campaign, decision, visit)
        cookie = self.cookie(campaign, decision, visit, kept) if campaign.uses_cookie else None
        return DecidedClick(line, visit.milliseconds, Answer(location, decision.outcome, cookie))

    def health(self) -> dict[str, object]:
        return {
            "status": "ok" if self.store.is_connected and not self.store.lost else "degraded",
            "snapshot_version": self.snapshot.version,
            "snapshot_age_seconds": round(self._routing.age_seconds, 1),
            "links": len(self.snapshot.routes),
            "database_connected": self.store.is_connected,
            "spool_bytes": spool_bytes(self._spool_folder),
            "lost_clicks": self.store.lost,
            "geography_present": self._geography.is_present,
        }

    def milliseconds(self) -> int:
        """Return the Unix time that clicks are stamped with."""
        return self._clock.milliseconds()

    def sign(self, click_key: bytes, link_bytes: bytes) -> str:
        return signed(click_key, link_bytes, self._key)

    def read_click_id(self, text: str) -> ClickId:
        """Return what a click id says that any of our keys proves. Raises as `click_ids.read_click_id` does."""
        return read_click_id(text, self._keys)

    def router(self) -> Router:
        """Return what decides by the tables as they stand now."""
        snapshot = self._routing.snapshot
        if snapshot is not self._routed_by:
            self._router, self._routed_by = Router(snapshot.offers, self.usage, random.random), snapshot
        return self._router

    def read_visit(
        self, route: Route, headers: Headers, *, query: bytes, peer: str, is_head: bool, is_click: bool = True
    ) -> Visit:
        """Return what a request says of its visitor; one that cannot be read is a visit of nobody known.

        What is no click of its own does not count among those that an address may send.
        """
        milliseconds = self._clock.milliseconds()
        try:
            return self._read_visit(route, headers, query, peer, is_head, milliseconds, is_click)
        except Exception:
            log.exception("a visit could not be read", link_id=route.link_id)
            return self._unread_visit(milliseconds)

    def location(self, route: Route, decision: Decision, click_id: str, visit: Visit) -> str | None:
        """Return the address that a decision leads to, filled in; None where a page is shown."""
        address = address_of(route, decision)
        return address.fill(click_facts(click_id, visit)) if address is not None else None

    async def _click_in_parallel(self, route: Route, visit: Visit) -> Answer:
        """Take a click that a browser calls in the background while its visitor is on the page already."""
        click_key = new_click_key(visit.milliseconds)
        owner = await self._owner(route, visit, click_key)
        if owner is None or owner.uuid.bytes == click_key:
            self.recognise(route.campaign, visit, None)
        else:
            # The visitor's page was here before: the click takes over its id, and what it knew.
            click_key, route = owner.uuid.bytes, with_link(route, owner.link_id)
            visit.is_unique = owner.is_unique
            visit.consent = owner.has_ad_consent if visit.consent is None else visit.consent
        click_id = signed(click_key, route.link_bytes, self._key)
        location = parallel_location(route, visit, click_facts(click_id, visit))
        if owner is None or not owner.is_click:
            decision = Decision("direct", offer=route.campaign.offer)
            if self.snapshot.has_limits and visit.kind == "click":
                self.count(route.campaign, decision, visit)
            await self.store.take(click_line(click_id, route, visit, decision), milliseconds_of(click_key))
        return Answer(location, "direct")

    async def _owner(self, route: Route, visit: Visit, click_key: bytes) -> Owner | None:
        """Return the visit that a click in the background is part of; None where nothing tells, or nobody answers.

        What is no person's click takes no id from one.
        """
        key = visit_key(named_platform_click_ids(visit.values), visit.visitor_key)
        if key is None or visit.kind in ("bot", "preview"):
            return None
        try:
            return await claim_for_background(
                self.lookups.fetch,
                UUID(bytes=click_key),
                link_id=route.link_id,
                campaign_id=route.campaign.id,
                key=key,
                at=datetime.fromtimestamp(visit.milliseconds / 1000, UTC),
            )
        except NoAnswer:
            return None

    def _read_visit(
        self,
        route: Route,
        headers: Headers,
        query: bytes,
        peer: str,
        is_head: bool,
        milliseconds: int,
        is_click: bool,
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
            visit.place, visit.network_of = self._geography.find(address.packed)
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
        # A call in the background may call itself a prefetch, and is a click all the same.
        if is_head or (is_prefetch(headers) and not route.campaign.tracks_in_parallel):
            visit.kind = "preview"
        elif judge.is_bot(agent, user_agent, packed=packed, asn=visit.network_of.asn, referrer=visit.referrer):
            visit.kind = "bot"
        elif judge.is_staff(packed) and not route.campaign.counts_staff:
            visit.kind = "staff"
        else:
            visit.kind = "click"
            if address is not None:
                visit.identity = identity = address.counted + agent
                visit.visitor_key = keyed_hash(self._visitor_keys.key(day_of(milliseconds)), identity)
                if is_click:
                    self._count_address(visit, address)
        return visit

    def _count_address(self, visit: Visit, address: VisitorAddress) -> None:
        """Take a visit for excess where its address sends too many."""
        visits = self._busy.count(address.counted, visit.milliseconds // _HOUR_MS)
        if visits > _MOST_AN_HOUR and visits > _MOST_AN_HOUR * _people_behind(visit):
            visit.kind = "excess"

    def recognise(self, campaign: Campaign, visit: Visit, binding: Binding | None) -> None:
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

    def binding(self, campaign: Campaign, headers: Headers) -> Binding | None:
        return self._cookies.read(campaign.id, read_cookie(headers, BindingCookies.name(campaign.id)))

    def cookie(self, campaign: Campaign, decision: Decision, visit: Visit, old: Binding | None) -> bytes | None:
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
        binding = old if old is not None else Binding(0, 0, 0, 0)
        if decision.flow is not None and decision.outcome in ("offer", "landing"):
            binding = binding._replace(
                flow_id=decision.flow.id,
                landing_page_id=_bound_landing_page(decision, old),
                offer_id=_bound_offer(decision, old),
            )
        return self._cookies.write(campaign.id, binding._replace(seen_at=visit.milliseconds // 1000))

    def count(self, campaign: Campaign, decision: Decision, visit: Visit) -> None:
        """Count a click that was sent on in the caps of where it went, and what it cost in the budget."""
        milliseconds = visit.milliseconds
        if decision.outcome in ("offer", "landing"):
            self.usage.count(campaign.caps, milliseconds)
            if decision.flow is not None:
                self.usage.count(decision.flow.caps, milliseconds)
            if decision.offer is not None:
                self.usage.count(decision.offer.caps, milliseconds)
        if campaign.has_daily_budget:
            cost = cost_in_currency(visit.values, campaign)
            if cost is not None:
                self.usage.spend(campaign.id, campaign.zone, cost, milliseconds)

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


def _bound_landing_page(decision: Decision, old: Binding | None) -> int:
    """Return the landing page to keep a visitor on: the one he is sent to, or behind it the one he had."""
    if decision.landing_page is not None:
        return decision.landing_page.id
    if old is not None and decision.flow is not None and old.flow_id == decision.flow.id:
        return old.landing_page_id
    return 0


def _bound_offer(decision: Decision, old: Binding | None) -> int:
    """Return the offer to keep a visitor on: the one he is sent to, or before a landing page the one he had."""
    if decision.offer is not None:
        return decision.offer.id
    if old is not None and decision.flow is not None and old.flow_id == decision.flow.id:
        return old.offer_id
    return 0
