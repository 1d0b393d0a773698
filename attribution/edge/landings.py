"""What happens on pages around a click: they report visits, and their links lead on to the offers behind them."""

import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import structlog

from attribution.click_ids import ForgedClickId, MalformedClickId
from attribution.edge.clicks import click_facts, click_line, milliseconds_of, named_platform_click_ids, new_click_key
from attribution.edge.cookies import Binding
from attribution.edge.decision import Decision, address_of
from attribution.edge.edge import Answer, Edge
from attribution.edge.events import (
    APP_INSTALLED,
    CLICK_THROUGH,
    COUNTED_MS,
    MOST_OF_A_KIND,
    REPEAT_SECONDS,
    VIEW,
    RecentEvents,
    event_line,
)
from attribution.edge.lookups import NoAnswer
from attribution.edge.parameters import MOST_PARAMETERS, read_text
from attribution.edge.pre_clicks import Landing, claim_for_landing, landing_line, promote, tell_consent, visit_key
from attribution.edge.reports import MalformedReport, Report, page_host, read_report
from attribution.edge.routes import Campaign, Route, in_campaign
from attribution.edge.rows import LANDING_EVENTS, PRE_CLICKS
from attribution.edge.stored import StoredClick, columns_of, find_click
from attribution.edge.visit import Visit
from attribution.edge.visitor import Headers
from tracker_project.common.privacy import is_allowed

log = structlog.get_logger(__name__)

_NUMBER = re.compile(r"0{0,5}[0-9]{1,5}", re.ASCII)
_LARGEST_NUMBER = 32_767
_ALARM_MS = 60_000
_PROGRAMS = frozenset({"bot", "preview"})


class Reply(NamedTuple):
    """What a page is told, as JSON."""

    status: int
    said: Mapping[str, object]


class Request(NamedTuple):
    """What a request says of its visitor."""

    headers: Headers
    query: bytes
    peer: str
    is_head: bool


class _Id(NamedTuple):
    """A click id that is ours, as text and taken apart."""

    text: str
    uuid: UUID
    link_id: int

    @property
    def milliseconds(self) -> int:
        return milliseconds_of(self.uuid.bytes)


class Landings:
    """Hears pages and leads their visitors on, with an edge's snapshot, store and look-ups."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._recent = RecentEvents()
        self._refused: Counter[str | None] = Counter()
        self._alarmed_at = 0

    async def hear(self, body: bytes, request: Request) -> Reply:
        """Take what `/t.js` reports from a page, and say which click it belongs to."""
        try:
            report = read_report(body)
        except MalformedReport as error:
            return Reply(400, {"error": str(error)})
        click_id = self._read_id(report.click_id)
        if click_id is None and report.event != "open":
            return Reply(400, {"error": "click_id must be one that was answered here."})
        if report.has_ad_consent is None and report.event == "consent":
            return Reply(400, {"error": "consent must be true or false."})
        snapshot = self._edge.snapshot
        route = snapshot.routes_by_link.get(click_id.link_id) if click_id else snapshot.routes.get(report.link)
        if route is None:
            return Reply(404, {"error": f"No link has the code {report.link!r}: data-link names a tracking link."})
        host = page_host(request.headers.get(b"origin"), request.headers.get(b"referer"))
        if host not in page_hosts(route.campaign):
            return self._refuse(host, route.campaign)
        visit = self._visit_of_page(route, report, request, is_click=click_id is None)
        if click_id is None:
            click_id = await self._land(route, visit, report.page)
        else:
            if report.event != "consent":
                await self._take_event(click_id, VIEW if report.event == "open" else APP_INSTALLED, route, visit)
            if report.has_ad_consent is not None and not await self._tell_consent(click_id, report.has_ad_consent):
                return Reply(503, {"error": "What was said of consent could not be stored: say it again."})
        return Reply(200, {"click_id": click_id.text, "store": is_allowed(visit.consent, visit.place.country)})

    async def follow(self, text: str, number: str, request: Request) -> Answer | None:
        """Say where a link on a page leads: `text` is a click id, `number` the link's, "" for none.

        None for what is no click id of ours. Whatever else is missing, visitors are led to where the click's campaign
        sends them.
        """
        click_id = self._read_id(text)
        route = self._edge.snapshot.routes_by_link.get(click_id.link_id) if click_id else None
        if click_id is None or route is None:
            return None
        visit = self._visit(route, request, is_click=False)
        return await self._lead_on(click_id, route, visit, _number(number), request.headers)

    async def follow_link(self, number: str, request: Request) -> Answer | None:
        """Lead on whoever follows a page's link that has no click id: its query names the page's tracking link.

        It is a landing that reports itself by going on. None where no link has the code.
        """
        route = self._edge.snapshot.routes.get(_parameter(request.query, b"link"))
        if route is None:
            return None
        visit = self._visit(route, request, is_click=True)
        if visit.kind not in _PROGRAMS:
            click_id = await self._land(route, visit, "")
        else:
            click_id = self._issue(new_click_key(visit.milliseconds), route.link_id)
        return await self._lead_on(click_id, route, visit, _number(number), request.headers)

    async def _land(self, route: Route, visit: Visit, page: str) -> _Id:
        """Store a landing, or find the visit that it is part of; return the click id."""
        edge, campaign = self._edge, route.campaign
        edge.recognise(campaign, visit, None)
        click_id = self._issue(new_click_key(visit.milliseconds), route.link_id)
        line = click_line(click_id.text, route, visit, Decision("direct", offer=campaign.offer))
        landing = Landing(
            uuid=click_id.uuid,
            link_id=route.link_id,
            campaign_id=campaign.id,
            # What is no person's visit takes no id from one.
            key=None if visit.kind == "bot" else visit_key(named_platform_click_ids(visit.values), visit.visitor_key),
            page=page,
            facts=columns_of(line),
            has_ad_consent=visit.consent,
        )
        at = datetime.fromtimestamp(visit.milliseconds / 1000, UTC)
        try:
            owner = await claim_for_landing(edge.lookups.fetch, landing, at=at)
        except NoAnswer:
            await edge.store.take(landing_line(landing, at=at), visit.milliseconds, PRE_CLICKS)
            return click_id
        return self._issue(owner.uuid.bytes, owner.link_id)

    async def _lead_on(self, click_id: _Id, route: Route, visit: Visit, number: int | None, headers: Headers) -> Answer:
        """Choose the offer behind a click's page as its flow says, count that the visitor went there, and say where."""
        edge = self._edge
        stored = await self._find(click_id, CLICK_THROUGH, number, visit)
        facts = None
        if stored is not None:
            if stored.campaign_id != route.campaign.id:
                routes = edge.snapshot.routes.values()
                other = next((other for other in routes if other.campaign.id == stored.campaign_id), None)
                if other is None:
                    return Answer(None, "broken")
                route = in_campaign(route, other)
            facts = stored.facts(click_id.text)
            _bring_back(visit, stored)
        campaign = route.campaign
        kept = edge.binding(campaign, headers) if campaign.uses_cookie else None
        binding = kept if visit.consent is not False else None
        decision = self._decide(campaign, stored, visit, number, binding)
        is_new = await self._promote(click_id, stored, decision, visit)
        if self._is_counted(click_id, CLICK_THROUGH, number, stored, visit):
            if edge.snapshot.has_limits:
                self._count(campaign, decision, visit, is_new=is_new)
            await self._store_event(click_id, CLICK_THROUGH, route, stored, visit, decision, number)
        cookie = None
        if campaign.uses_cookie and not _binds(binding, decision):
            cookie = edge.cookie(campaign, decision, visit, kept)
        address = address_of(route, decision)
        if address is None:
            return Answer(None, decision.outcome, cookie)
        return Answer(address.fill(facts or click_facts(click_id.text, visit)), decision.outcome, cookie)

    def _decide(
        self, campaign: Campaign, stored: StoredClick | None, visit: Visit, number: int | None, binding: Binding | None
    ) -> Decision:
        if not campaign.is_active:
            return Decision("paused")
        router = self._edge.router()
        flow_id = stored.number("flow_id") if stored is not None else None
        flow = next((flow for flow in campaign.flows if flow.id == flow_id), None)
        if flow is None or flow.action != "offers":
            decision = router.decide(campaign, visit, binding)
            if decision.outcome not in ("offer", "landing"):
                return decision
            if decision.outcome == "offer" and number is None:
                return decision
            flow = decision.flow
        bound = binding.offer_id if binding is not None and flow is not None and binding.flow_id == flow.id else 0
        return router.choose_offer(campaign, flow, visit, position=number, bound_offer_id=bound)

    async def _take_event(self, click_id: _Id, kind: str, route: Route, visit: Visit) -> None:
        """Store a view of a click's page, or that a web app was installed."""
        stored = await self._find(click_id, kind, None, visit)
        if kind == APP_INSTALLED:
            await self._promote(click_id, stored, None, visit)
        if self._is_counted(click_id, kind, None, stored, visit):
            await self._store_event(click_id, kind, route, stored, visit, None, None)

    async def _find(self, click_id: _Id, kind: str, number: int | None, visit: Visit) -> StoredClick | None:
        """Return what is known of a click; None where nothing is, or nobody answers."""
        try:
            return await find_click(
                self._edge.lookups.fetch,
                click_id.uuid,
                kind=kind,
                cta=number,
                milliseconds=visit.milliseconds,
                repeat_seconds=REPEAT_SECONDS,
            )
        except NoAnswer:
            return None

    async def _tell_consent(self, click_id: _Id, has_ad_consent: bool) -> bool:
        """Say whether a visitor's word could be stored."""
        try:
            await tell_consent(self._edge.lookups.fetch, click_id.uuid, has_ad_consent=has_ad_consent)
        except NoAnswer:
            return False
        return True

    def _is_counted(
        self, click_id: _Id, kind: str, number: int | None, stored: StoredClick | None, visit: Visit
    ) -> bool:
        """Say whether an event counts: a person's, of a person's click of the last day, and no repeat."""
        if visit.kind != "click" or not -COUNTED_MS < visit.milliseconds - click_id.milliseconds < COUNTED_MS:
            return False
        if stored is not None and (stored.kind != "click" or stored.is_repeat or stored.events >= MOST_OF_A_KIND[kind]):
            return False
        return not self._recent.is_repeat((click_id.uuid, kind, number), visit.milliseconds)

    async def _promote(
        self, click_id: _Id, stored: StoredClick | None, decision: Decision | None, visit: Visit
    ) -> bool:
        """Make a landing the click that it is once a person goes on, of whatever kind; say whether it was none yet."""
        if stored is None or stored.is_promoted or visit.kind in _PROGRAMS:
            return False
        routed = {}
        if decision is not None and decision.offer is not None:
            flow_id = decision.flow.id if decision.flow is not None else None
            routed = {"flow_id": flow_id, "offer_id": decision.offer.id, "licence_id": decision.licence_id}
        at = datetime.fromtimestamp(visit.milliseconds / 1000, UTC)
        try:
            return await promote(self._edge.lookups.fetch, click_id.uuid, routed=routed, at=at)
        except NoAnswer:  # its event tells later that it is to be one
            return True

    def _count(self, campaign: Campaign, decision: Decision, visit: Visit, *, is_new: bool) -> None:
        """Count a visitor in the caps of the offer that he goes to, and all that he is as a new click."""
        if is_new:
            self._edge.count(campaign, decision, visit)
        elif decision.offer is not None:
            self._edge.usage.count(decision.offer.caps, visit.milliseconds)

    async def _store_event(
        self,
        click_id: _Id,
        kind: str,
        route: Route,
        stored: StoredClick | None,
        visit: Visit,
        decision: Decision | None,
        number: int | None,
    ) -> None:
        line = event_line(
            visit.milliseconds,
            kind,
            click_id.uuid.hex,
            link_id=click_id.link_id,
            campaign_id=stored.campaign_id if stored is not None else route.campaign.id,
            landing_page_id=stored.number("landing_page_id") if stored is not None else None,
            offer_id=decision.offer.id if decision is not None and decision.offer is not None else None,
            cta=number,
            outcome=decision.outcome if decision is not None else "",
        )
        await self._edge.store.take(line, visit.milliseconds, LANDING_EVENTS)

    def _visit(self, route: Route, request: Request, *, is_click: bool) -> Visit:
        headers, query, peer, is_head = request
        return self._edge.read_visit(route, headers, query=query, peer=peer, is_head=is_head, is_click=is_click)

    def _visit_of_page(self, route: Route, report: Report, request: Request, *, is_click: bool) -> Visit:
        """Read a visit as if the page's own host told of it: what it says stands for the headers that it got."""
        said = {b"referer": f"https://{report.referrer}/".encode() if report.referrer else b"", **report.hints}
        if report.language:
            said[b"accept-language"] = report.language.encode()
        headers = {**request.headers, **said}
        visit = self._edge.read_visit(
            route, headers, query=report.query, peer=request.peer, is_head=False, is_click=is_click
        )
        if report.has_ad_consent is not None:
            visit.consent = report.has_ad_consent
        return visit

    def _refuse(self, host: str | None, campaign: Campaign) -> Reply:
        """Refuse a page that the campaign does not name, and say so in the log at most once a minute."""
        self._refused[host] += 1
        now = self._edge.milliseconds()
        if now - self._alarmed_at >= _ALARM_MS:
            self._alarmed_at = now
            log.warning(
                "pages that no campaign names report visits",
                times=self._refused.total(),
                hosts=list(self._refused)[:10],
            )
            self._refused.clear()
        shown = host or "A page without a host"
        return Reply(403, {"error": f"{shown} is not among the own hosts of the campaign {campaign.name!r}."})

    def _read_id(self, text: str) -> _Id | None:
        try:
            read = self._edge.read_click_id(text)
        except (MalformedClickId, ForgedClickId):
            return None
        return _Id(text.lower(), read.uuid, read.link_id)

    def _issue(self, click_key: bytes, link_id: int) -> _Id:
        return _Id(self._edge.sign(click_key, link_id.to_bytes(4, "big")), UUID(bytes=click_key), link_id)


def page_hosts(campaign: Campaign) -> frozenset[str]:
    """Return the hosts whose pages may speak for a campaign: its own ones, and those of its landing pages."""
    pages = (share.target.url for flow in campaign.flows for share in flow.landing_pages)
    return campaign.own_hosts.union(filter(None, (urlsplit(url).hostname for url in pages)))


def _bring_back(visit: Visit, stored: StoredClick) -> None:
    """Give a visit what its click came with; where the visitor is and what he uses is as it is now."""
    visit.values = stored.values()
    visit.referrer = stored.columns.get("referrer_host")
    visit.consent = stored.columns.get("has_ad_consent")
    visit.is_unique = stored.columns.get("is_unique")


def _binds(binding: Binding | None, decision: Decision) -> bool:
    """Say whether a visitor's cookie already keeps him on what was decided, or nothing was that it could keep."""
    if binding is None or decision.offer is None:
        return binding is not None
    flow_id = decision.flow.id if decision.flow is not None else 0
    return (binding.flow_id, binding.offer_id) == (flow_id, decision.offer.id)


def _number(text: str) -> int | None:
    """Return a link's number; what is none leads where a link without one does."""
    number = int(text) if _NUMBER.fullmatch(text) else None
    return number if number is not None and number <= _LARGEST_NUMBER else None


def _parameter(query: bytes, name: bytes) -> str:
    pairs = (pair.partition(b"=") for pair in query.split(b"&", MOST_PARAMETERS))
    return next((read_text(value) for key, _, value in pairs if key == name), "")
