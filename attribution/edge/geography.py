"""Where a visitor's address is, by a local mmdb in the layout of GeoIP2 City."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import maxminddb
import structlog

from attribution.edge.rows import NULL, column

log = structlog.get_logger(__name__)


class Place(NamedTuple):
    """A place, and its columns as they stand in a click's row."""

    country: str | None
    city: str | None
    columns: str


NOWHERE = Place(None, None, f"{NULL}\t{NULL}\t{NULL}")


class Geography:
    """The database under `path`, read anew when the file changes; without one every visitor is nowhere.

    It is mapped from a copy of our own without a name: one that is overwritten in place would end the process.
    """

    def __init__(self, path: Path, *, copies: Path) -> None:
        self._path = path
        self._copies = copies
        self._seen: tuple[int, int, int] | None = None
        self._reader: maxminddb.Reader | None = None

    @property
    def is_present(self) -> bool:
        return self._reader is not None

    def refresh(self) -> None:
        """Open the database if the file is another one than before; one that cannot be read leaves the last."""
        try:
            state = self._path.stat()
        except OSError:
            return
        seen = (state.st_ino, state.st_mtime_ns, state.st_size)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._reader = self._open_copy()
        except (OSError, maxminddb.InvalidDatabaseError) as error:
            log.warning("the geography database cannot be read", path=str(self._path), error=str(error))

    def find(self, address: str) -> Place:
        if self._reader is None:
            return NOWHERE
        try:
            found = self._reader.get(address)
        except (ValueError, maxminddb.InvalidDatabaseError):
            return NOWHERE
        return read_place(found) if isinstance(found, dict) else NOWHERE

    def _open_copy(self) -> maxminddb.Reader:
        self._copies.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix="geo-", dir=self._copies)
        try:
            with os.fdopen(handle, "wb") as copy, self._path.open("rb") as original:
                shutil.copyfileobj(original, copy)
            return maxminddb.open_database(name, maxminddb.MODE_MMAP_EXT)
        finally:
            Path(name).unlink()


def read_place(found: dict[str, Any]) -> Place:
    """Return the place that a record of the database describes; what it leaves out is None."""
    try:
        country = found["country"]["iso_code"]
    except (KeyError, TypeError):
        country = None
    if country is not None and len(country) != 2:
        country = None
    try:
        region = found["subdivisions"][0]["iso_code"]
    except (KeyError, IndexError, TypeError):
        region = None
    try:
        city = found["city"]["names"]["en"]
    except (KeyError, TypeError):
        city = None
    return Place(country, city, f"{column(country)}\t{column(region)}\t{column(city)}")
