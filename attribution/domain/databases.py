"""The geography databases on this machine: what each is, how old, and whom pages must name for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings

from attribution.geography import Description, UnusableDatabase, describe


@dataclass(frozen=True, kw_only=True)
class InstalledDatabase:
    """A database that edges look visitors up in; `trouble` says in a sentence why it is of no use."""

    purpose: str
    path: Path
    is_needed: bool
    description: Description | None = None
    trouble: str = ""

    def is_old(self, *, at: datetime) -> bool:
        return self.description is not None and self.description.is_old(at=at)


def installed_databases() -> list[InstalledDatabase]:
    """Return the databases of places, of networks and of connection types; those not needed only where they are."""
    return [database for database in _databases() if database.is_needed or database.description or database.trouble]


def names_db_ip() -> bool:
    """Say whether pages that show places must link to DB-IP.com."""
    return any(database.description and database.description.names_db_ip for database in _databases())


def _databases() -> Iterator[InstalledDatabase]:
    yield _look_at("Country, region and city", settings.GEOIP_PATH, is_needed=True)
    yield _look_at("Provider and AS number", settings.GEOIP_ASN_PATH, is_needed=False)
    yield _look_at("Connection type", settings.GEOIP_CONNECTION_PATH, is_needed=False)


def _look_at(purpose: str, path: Path, *, is_needed: bool) -> InstalledDatabase:
    try:
        return InstalledDatabase(purpose=purpose, path=path, is_needed=is_needed, description=describe(path))
    except FileNotFoundError:
        return InstalledDatabase(
            purpose=purpose,
            path=path,
            is_needed=is_needed,
            trouble="There is none: every visitor's place is unknown." if is_needed else "",
        )
    except UnusableDatabase as error:
        return InstalledDatabase(purpose=purpose, path=path, is_needed=is_needed, trouble=str(error))
