"""Where a visitor's address is and who runs it, by local mmdb files that are read anew when they change."""

import mmap
import os
import shutil
import tempfile
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import maxminddb
import structlog

from attribution.edge.rows import NULL, column
from attribution.edge.search_tree import SearchTree
from attribution.geography import NO_NETWORK, Network, read_network, read_place

log = structlog.get_logger(__name__)

# Of a database's records; a city's database has some hundred thousand.
_MOST_KEPT = 100_000


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


@lru_cache(maxsize=_MOST_KEPT)
def place_of(country: str | None, region: str | None, city: str | None) -> PlaceOf:
    full_region = f"{country}-{region}" if country and region else None
    return PlaceOf(country, region, city, full_region, f"{column(country)}\t{column(region)}\t{column(city)}")


@lru_cache(maxsize=_MOST_KEPT)
def network_of(network: Network) -> NetworkOf:
    asn = NULL if network.asn is None else str(network.asn)
    return NetworkOf(*network, f"{column(network.isp)}\t{asn}\t{column(network.connection)}")


NOWHERE = place_of(None, None, None)
UNKNOWN_NETWORK = network_of(NO_NETWORK)


class _Facts(NamedTuple):
    """What one record says."""

    place: PlaceOf
    network: Network


_NOTHING = _Facts(NOWHERE, NO_NETWORK)


class _File:
    """A database as it was when it was opened; what its records say is remembered by their numbers."""

    def __init__(self, path: str) -> None:
        self._reader = maxminddb.open_database(path, maxminddb.MODE_MMAP_EXT)
        about = self._reader.metadata()
        with open(path, "rb") as file:
            tree = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._tree = SearchTree(
            tree, nodes=about.node_count, record_size=about.record_size, ip_version=about.ip_version
        )
        self._known: dict[int, _Facts] = {}

    def find(self, packed: bytes) -> _Facts:
        """Return what the database says of an address, nothing where it has a record that cannot be read."""
        number = self._tree.record(packed)
        facts = self._known.get(number)
        return facts if facts is not None else self._keep(number, self._read(packed))

    def _read(self, packed: bytes) -> _Facts:
        try:
            record = self._reader.get(ip_address(packed))
        except (ValueError, maxminddb.InvalidDatabaseError):
            return _NOTHING
        return _Facts(place_of(*read_place(record)), read_network(record)) if type(record) is dict else _NOTHING

    def _keep(self, number: int, facts: _Facts) -> _Facts:
        """Remember a record's facts, from an empty memory once it is full."""
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
        self._known[number] = facts
        return facts


class _Database:
    """One file, mapped from a nameless copy of our own: one that is overwritten in place would end the process."""

    def __init__(self, path: Path | None, copies: Path) -> None:
        self._path = path
        self._copies = copies
        self._seen: tuple[int, int, int] | None = None
        self.file: _File | None = None

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
            self.file = self._open_copy(self._path)
        except (OSError, IndexError, maxminddb.InvalidDatabaseError) as error:
            log.warning("a geography database cannot be read", path=str(self._path), error=str(error))

    def _open_copy(self, path: Path) -> _File:
        self._copies.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix="geo-", dir=self._copies)
        try:
            with os.fdopen(handle, "wb") as copy, path.open("rb") as original:
                shutil.copyfileobj(original, copy)
            return _File(name)
        finally:
            Path(name).unlink()


class Geography:
    """Places by one database, networks by up to two others; without them every visitor is nowhere.

    A place's database may name networks as well: it is asked for them where there is no other.
    """

    def __init__(
        self, path: Path, *, networks: Path | None = None, connections: Path | None = None, copies: Path
    ) -> None:
        self._places = _Database(path, copies)
        self._networks = _Database(networks, copies)
        self._connections = _Database(connections, copies)

    @property
    def is_present(self) -> bool:
        return self._places.file is not None

    def refresh(self) -> None:
        for database in (self._places, self._networks, self._connections):
            database.refresh()

    def find(self, packed: bytes) -> tuple[PlaceOf, NetworkOf]:
        """Return where an address of 4 or 16 bytes is and who runs it."""
        places, networks, connections = self._places.file, self._networks.file, self._connections.file
        place, network = places.find(packed) if places is not None else _NOTHING
        if networks is not None:
            network = networks.find(packed).network
        if connections is not None:
            found = connections.find(packed).network
            network = _joined(network, found) if networks is not None else found
        return place, network_of(network)


def _joined(network: Network, other: Network) -> Network:
    """Return what two databases know together; the first counts where both know."""
    isp, asn, connection = network
    return Network(isp or other.isp, asn or other.asn, connection or other.connection)
