"""The edge itself: everything that a click needs, opened and closed together."""

import structlog

from attribution.edge.clicks import Click, Visit, make_click
from attribution.edge.clock import ClickClock
from attribution.edge.configuration import EdgeConfiguration
from attribution.edge.geography import NOWHERE, Geography
from attribution.edge.parameters import NAMES, read_parameters
from attribution.edge.routing import Routing
from attribution.edge.snapshot import Route
from attribution.edge.spool import Spool, spool_bytes
from attribution.edge.store import ClickStore
from attribution.edge.user_agents import LONGEST_USER_AGENT, read_user_agent
from attribution.edge.visitor import Headers, TrustedProxies, referrer_host

log = structlog.get_logger(__name__)


class Edge:
    """Routes visits by the snapshot in memory and has their clicks stored."""

    def __init__(self, configuration: EdgeConfiguration, *, clock: ClickClock | None = None) -> None:
        self._key = configuration.click_id_key
        self._clock = clock or ClickClock()
        self._proxies = TrustedProxies(configuration.trusted_proxies)
        self._geography = Geography(configuration.geoip_path, copies=configuration.folder)
        self._spool_folder = configuration.spool_folder
        self._routing = Routing(
            conninfo=configuration.conninfo,
            saved=configuration.snapshot_path,
            clock=self._clock,
            geography=self._geography,
        )
        self._store = ClickStore(
            conninfo=configuration.conninfo,
            spool=Spool(configuration.spool_folder),
            has_day=self._clock.has_day,
        )

    async def open(self) -> None:
        """Load the routes and open the store. Raises `NoSnapshot`."""
        await self._routing.start()
        await self._store.open()

    async def close(self) -> None:
        """Store what was taken and let go of everything."""
        await self._store.close()
        await self._routing.stop()

    def find_route(self, code: str) -> Route | None:
        return self._routing.snapshot.routes.get(code)

    async def click(self, route: Route, *, headers: Headers, query: bytes, peer: str, is_head: bool) -> str | None:
        """Return the address to send the visitor to once the click is durable; None when the link leads nowhere."""
        milliseconds = self._clock.milliseconds()
        try:
            visit = self._visit(route, headers, query, peer, is_head)
        except Exception:  # whatever a visitor may send, the click is stored and sent on
            log.exception("a click could not be read", link_id=route.link_id)
            visit = Visit("click", NOWHERE, read_user_agent(b""), None, None, [None] * len(NAMES))
        click: Click = make_click(route, visit, milliseconds=milliseconds, key=self._key)
        await self._store.take(click.line, milliseconds)
        return click.location

    def health(self) -> dict[str, object]:
        return {
            "status": "ok" if self._store.is_connected and not self._store.lost else "degraded",
            "snapshot_version": self._routing.snapshot.version,
            "snapshot_age_seconds": round(self._routing.age_seconds, 1),
            "links": len(self._routing.snapshot.routes),
            "database_connected": self._store.is_connected,
            "spool_bytes": spool_bytes(self._spool_folder),
            "lost_clicks": self._store.lost,
            "geography_present": self._geography.is_present,
        }

    def _visit(self, route: Route, headers: Headers, query: bytes, peer: str, is_head: bool) -> Visit:
        user_agent = read_user_agent(headers.user_agent[:LONGEST_USER_AGENT])
        if route.offer is None:
            kind = "paused"
        elif is_head or headers.is_prefetch:
            kind = "preview"
        else:
            kind = "bot" if user_agent.is_bot else "click"
        address = self._proxies.visitor_address(peer, headers.forwarded)
        return Visit(
            kind,
            self._geography.find(address.text) if address else NOWHERE,
            user_agent,
            address,
            referrer_host(headers.referrer) if headers.referrer else None,
            read_parameters(query, route.slots),
        )
