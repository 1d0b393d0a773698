"""Brings a geography database onto this machine: fetched, unpacked, checked, and put in place in one step."""

import gzip
import os
import re
import shutil
import tarfile
import tempfile
import zlib
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import IO, BinaryIO
from urllib.parse import urljoin, urlsplit

from django.conf import settings

from attribution.geography import Description, Network, Place, UnusableDatabase, describe, sample
from tracker_project.common.egress import Answer, NoAnswer, OutgoingRequest, download

MOST_BYTES = 2 * 1024**3
DOWNLOAD_SECONDS = 1800
MAXMIND = "maxmind:"
_EDITION = re.compile(r"[A-Za-z0-9-]{1,100}")
_REDIRECTS = (301, 302, 303, 307, 308)
_GZIP = b"\x1f\x8b"


class NoDatabase(Exception):
    """No database came, or none that is of use; the text says what to mend, and names no key."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a database is asked for, and whether what its records say answers that."""

    name: str
    lacks: str
    answers: Callable[[Place, Network], bool]


PLACES = Kind(name="Country, region and city", lacks="country", answers=lambda place, _: place.country is not None)
NETWORKS = Kind(
    name="Provider and AS number",
    lacks="provider or AS number",
    answers=lambda _, network: network.isp is not None or network.asn is not None,
)
CONNECTIONS = Kind(
    name="Connection type", lacks="connection type", answers=lambda _, network: network.connection is not None
)


@dataclass(frozen=True, kw_only=True)
class Updated:
    """The database that is in place now, and the one that was there before."""

    kind: Kind
    path: Path
    description: Description
    before: Description | None


def update_database(kind: Kind, source: str, *, to: Path, at: datetime) -> Updated:
    """Put the database that `source` names in the place of `to`, or raise `NoDatabase` and leave what is there.

    A source is `maxmind:GeoLite2-City` (with the account of the settings), a web address, in which {year} and {month}
    stand for those of `at` (or, where that month has none yet, of the month before), or a file: an mmdb, alone, in
    gzip, or in a tar file in gzip.
    """
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".geoip-", dir=to.parent) as folder:
        fetched, database = Path(folder, "fetched"), Path(folder, "database.mmdb")
        try:
            with fetched.open("wb") as file:
                _fetch(source, file, at)
            _unpack(fetched, database)
            description = _check(kind, database)
            before = _present(to)
            _put_in_place(database, to)
        except OSError as error:
            raise NoDatabase(f"A file cannot be read or written: {error}.") from error
    return Updated(kind=kind, path=to, description=description, before=before)


def _fetch(source: str, file: BinaryIO, at: datetime) -> None:
    if source.startswith(MAXMIND):
        _fetch_from_maxmind(source.removeprefix(MAXMIND), file)
    elif urlsplit(source).scheme in ("http", "https"):
        _fetch_from_web(source, file, at)
    else:
        with Path(source).open("rb") as original:
            shutil.copyfileobj(original, file)


def _fetch_from_maxmind(edition: str, file: BinaryIO) -> None:
    if not settings.GEOIP_ACCOUNT_ID or not settings.GEOIP_LICENSE_KEY:
        raise NoDatabase("Set GEOIP_ACCOUNT_ID and GEOIP_LICENSE_KEY: MaxMind asks for both.")
    if not _EDITION.fullmatch(edition):
        raise NoDatabase("Name MaxMind's database as in maxmind:GeoLite2-City.")
    account = f"{settings.GEOIP_ACCOUNT_ID}:{settings.GEOIP_LICENSE_KEY}".encode()
    url = f"{settings.MAXMIND_BASE_URL}/geoip/databases/{edition}/download?suffix=tar.gz"
    answer = _download(url, file, {"Authorization": f"Basic {b64encode(account).decode()}"})
    if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise NoDatabase(f"MaxMind refuses the account, its key, or this account's use of {edition}.")
    _expect_success(answer)


def _fetch_from_web(template: str, file: BinaryIO, at: datetime) -> None:
    first = at.date().replace(day=1)
    answer = _download(_of_month(template, first), file, {})
    if answer.status == HTTPStatus.NOT_FOUND and _of_month(template, first) != template:
        answer = _download(_of_month(template, first - timedelta(days=1)), file, {})
    _expect_success(answer)


def _of_month(template: str, day: date) -> str:
    return template.replace("{year}", f"{day:%Y}").replace("{month}", f"{day:%m}")


def _download(url: str, file: BinaryIO, headers: dict[str, str]) -> Answer:
    """Download what is at `url`; one redirect is followed, without the headers, and never from https to http."""
    try:
        answer = _get(url, file, headers)
        if answer.status in _REDIRECTS:
            target = urljoin(url, answer.headers.get("location", ""))
            if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
                raise NoDatabase("The server redirects to an address without encryption.")
            answer = _get(target, file, {})
    except NoAnswer as error:
        raise NoDatabase(f"The download failed: {error}") from error
    return answer


def _get(url: str, file: BinaryIO, headers: dict[str, str]) -> Answer:
    request = OutgoingRequest(method="GET", url=url, headers=headers)
    return download(request, file, most_bytes=MOST_BYTES, seconds=DOWNLOAD_SECONDS)


def _expect_success(answer: Answer) -> None:
    if answer.status == HTTPStatus.NOT_FOUND:
        raise NoDatabase("The server knows no such database (404).")
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise NoDatabase("The server allows no more downloads today (429).")
    if answer.status != HTTPStatus.OK:
        raise NoDatabase(f"The server answered {answer.status}.")


def _unpack(fetched: Path, database: Path) -> None:
    with fetched.open("rb") as file:
        is_packed = file.read(2) == _GZIP
    if not is_packed:
        fetched.rename(database)
        return
    try:
        if not _unpack_tar(fetched, database):
            with gzip.open(fetched) as unpacked:
                _copy(unpacked, database)
    except (EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError) as error:
        raise NoDatabase("What came is damaged: it cannot be unpacked.") from error


def _unpack_tar(fetched: Path, database: Path) -> bool:
    """Unpack the mmdb of a tar file; False where it is no tar file, or one without any."""
    try:
        archive = tarfile.open(fetched, "r:gz")  # noqa: SIM115  (closed below; what it is shows by opening it)
    except tarfile.ReadError:
        return False
    with archive:
        for member in archive:
            if member.isfile() and member.name.endswith(".mmdb"):
                unpacked = archive.extractfile(member)
                if unpacked is not None:
                    _copy(unpacked, database)
                    return True
    return False


def _copy(unpacked: IO[bytes] | gzip.GzipFile, database: Path) -> None:
    size = 0
    with database.open("wb") as file:
        while part := unpacked.read(1024 * 1024):
            size += len(part)
            if size > MOST_BYTES:
                raise NoDatabase(f"What came unpacks to more than {MOST_BYTES:,} bytes.")
            file.write(part)


def _check(kind: Kind, database: Path) -> Description:
    try:
        description = describe(database)
        answers = sample(database)
    except UnusableDatabase as error:
        raise NoDatabase(f"What came is of no use: {error}") from error
    if not any(kind.answers(place, network) for place, network in answers):
        raise NoDatabase(f"“{description.type}” names no {kind.lacks}: it is another kind of database.")
    return description


def _present(path: Path) -> Description | None:
    try:
        return describe(path)
    except (FileNotFoundError, UnusableDatabase):
        return None


def _put_in_place(database: Path, to: Path) -> None:
    """Replace the file in one step, once it is on disk: an edge opens the old one or the new one whole."""
    database.chmod(0o644)
    with database.open("rb") as file:
        os.fsync(file.fileno())
    database.replace(to)
    folder = os.open(to.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
