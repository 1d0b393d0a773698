"""Where a visitor's address is and who runs it, by local mmdb files that are read anew when they change."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple, TypeVar

import maxminddb
import structlog

from attribution.edge.rows import NULL, column
from attribution.geography import NO_NETWORK, Network, Place, read_network, read_place

log = structlog.get_logger(__name__)

_MOST_KEPT = 100_000

K = TypeVar("K")
V = TypeVar("V")


class PlaceOf(NamedTuple):
    """A place, and its columns as they stand in a row; `full_region` has its country before it, as in US-NJ."""

    country: str | None
    region: str | None
    city: str | None
    full_region: str | None
    columns: str


class NetworkOf(NamedTuple):
    """Who runs an address, and its columns as they stand in a row."""

    isp: str | None
    asn: int | None
    connection: str | None
    columns: str


def place_of(country: str | None, region: str | None, city: str | None) -> PlaceOf:
    full_region = f"{country}-{region}" if country and region else None
    return PlaceOf(country, region, city, full_region, f"{column(country)}\t{column(region)}\t{column(city)}")


def network_of(network: Network) -> NetworkOf:
    asn = NULL if network.asn is None else str(network.asn)
    return NetworkOf(*network, f"{column(network.isp)}\t{asn}\t{column(network.connection)}")


NOWHERE = place_of(None, None, None)
UNKNOWN_NETWORK = network_of(NO_NETWORK)


class _Database:
    """One file, mapped from a nameless copy of our own: one that is overwritten in place would end the process."""

    def __init__(self, path: Path | None, copies: Path) -> None:
        self._path = path
        self._copies = copies
        self._seen: tuple[int, int, int] | None = None
        self.reader: maxminddb.Reader | None = None

    def refresh(self) -> None:
        """Open the database if the file is another one than before; one that cannot be read leaves the last."""
        if self._path is None:
            return
        try:
            state = self._path.stat()
        except OSError:
            return
        seen = (state.st_ino, state.st_mtime_ns, state.st_size)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self.reader = self._open_copy(self._path)
        except (OSError, maxminddb.InvalidDatabaseError) as error:
            log.warning("a geography database cannot be read", path=str(self._path), error=str(error))

    def _open_copy(self, path: Path) -> maxminddb.Reader:
        self._copies.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix="geo-", dir=self._copies)
        try:
            with os.fdopen(handle, "wb") as copy, path.open("rb") as original:
                shutil.copyfileobj(original, copy)
            return maxminddb.open_database(name, maxminddb.MODE_MMAP_EXT)
        finally:
            Path(name).unlink()


class Geography:
    """Places by one database, networks by up to two others; without them every visitor is nowhere.

    A place's database may name networks as well: it is asked for them where there is no other.
    """

    def __init__(self, path: Path, *, networks: Path | None = None, connections: Path | None = None, copies: Path):
        self._places = _Database(path, copies)
        self._networks = _Database(networks, copies)
        self._connections = _Database(connections, copies)
        self._known_places: dict[Place, PlaceOf] = {}
        self._known_networks: dict[Network, NetworkOf] = {}

    @property
    def is_present(self) -> bool:
        return self._places.reader is not None

    def refresh(self) -> None:
        for database in (self._places, self._networks, self._connections):
            database.refresh()

    def find(self, address: str) -> tuple[PlaceOf, NetworkOf]:
        """Return where an address is and who runs it."""
        reader = self._places.reader
        try:
            record = reader.get(address) if reader is not None else None
            asks_networks = self._networks.reader is not None or self._connections.reader is not None
            network = self._find_network(address) if asks_networks else NO_NETWORK
            if type(record) is not dict:
                return NOWHERE, self._network(network)
            place = read_place(record)
            if not asks_networks and "traits" in record:
                network = read_network(record)
        except (ValueError, maxminddb.InvalidDatabaseError):
            return NOWHERE, UNKNOWN_NETWORK
        known = self._known_places.get(place)
        if known is None:
            known = _keep(self._known_places, place, place_of(*place))
        return known, self._network(network)

    def _find_network(self, address: str) -> Network:
        isp, asn, connection = NO_NETWORK
        for database in (self._networks, self._connections):
            record = database.reader.get(address) if database.reader is not None else None
            if type(record) is dict:
                found = read_network(record)
                isp, asn, connection = isp or found.isp, asn or found.asn, connection or found.connection
        return Network(isp, asn, connection)

    def _network(self, network: Network) -> NetworkOf:
        if network is NO_NETWORK:
            return UNKNOWN_NETWORK
        known = self._known_networks.get(network)
        return known if known is not None else _keep(self._known_networks, network, network_of(network))


def _keep(known: dict[K, V], key: K, value: V) -> V:
    """Remember a value, from an empty memory once it is full."""
    if len(known) >= _MOST_KEPT:
        known.clear()
    known[key] = value
    return value
