"""`manage.py update_geoip`: what it fetches and from where, what it refuses, and what it puts in place."""

import gzip
import io
import os
import tarfile
import threading
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command

from attribution.domain import geoip_update
from attribution.geography import describe
from tests.attribution.databases import EXAMPLE_MOBILE, JERSEY_CITY, write_database
from tests.world import NOON


@dataclass(kw_only=True)
class Files:
    """A web server of databases: what it answers by path, and what it was asked for with which account."""

    address: str = ""
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def offer(self, path: str, body: bytes, *, status: int = 200, **headers: str) -> None:
        self.answers[path] = (status, headers, body)


@pytest.fixture
def files() -> Iterator[Files]:
    files = Files()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            files.asked.append((self.path, self.headers.get("Authorization", "")))
            status, headers, body = files.answers.get(self.path, (404, {}, b"none"))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    files.address = f"http://127.0.0.1:{server.server_port}"
    yield files
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def var(tmp_path: Path, settings: Any, files: Files) -> Path:
    """Everything lies in a folder of its own, and MaxMind is the server beside."""
    folder = tmp_path / "var"
    folder.mkdir()
    settings.GEOIP_PATH = folder / "geo.mmdb"
    settings.GEOIP_ASN_PATH = folder / "geo-asn.mmdb"
    settings.GEOIP_CONNECTION_PATH = folder / "geo-connection.mmdb"
    settings.MAXMIND_BASE_URL = files.address
    settings.GEOIP_ACCOUNT_ID = "1234"
    settings.GEOIP_LICENSE_KEY = "a-key-of-the-tests"
    return folder


@pytest.fixture
def database(tmp_path: Path) -> bytes:
    return write_database(tmp_path / "made.mmdb", {"192.0.2.0/24": JERSEY_CITY}).read_bytes()


def packed(database: bytes, *, name: str = "GeoLite2-City_20261120/GeoLite2-City.mmdb") -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for member, content in (("GeoLite2-City_20261120/LICENSE.txt", b"terms"), (name, database)):
            info = tarfile.TarInfo(member)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return archive.getvalue()


def update(*arguments: str) -> str:
    said = io.StringIO()
    call_command("update_geoip", *arguments, stdout=said, stderr=said)
    return said.getvalue()


def left_in(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_update_geoip_brings_maxminds_database_by_account_and_key(files: Files, var: Path, database: bytes) -> None:
    files.offer("/geoip/databases/GeoLite2-City/download?suffix=tar.gz", b"", status=302, Location="/signed?for=us")
    files.offer("/signed?for=us", packed(database))

    said = update()

    account = "Basic " + b64encode(b"1234:a-key-of-the-tests").decode()
    assert files.asked == [
        ("/geoip/databases/GeoLite2-City/download?suffix=tar.gz", account),
        ("/signed?for=us", ""),
    ]
    assert (var / "geo.mmdb").read_bytes() == database
    assert left_in(var) == ["geo.mmdb"]
    assert "Country, region and city: GeoLite2-City (MaxMind), built on" in said
    assert (var / "geo.mmdb").stat().st_mode & 0o777 == 0o644


def test_update_geoip_brings_what_the_settings_name(
    files: Files, var: Path, database: bytes, settings: Any, tmp_path: Path
) -> None:
    settings.GEOIP_SOURCE = f"{files.address}/city.mmdb.gz"
    settings.GEOIP_ASN_SOURCE = "maxmind:GeoLite2-ASN"
    settings.GEOIP_CONNECTION_SOURCE = str(
        write_database(
            tmp_path / "c.mmdb", {"192.0.2.0/24": {"connection_type": "Cellular"}}, named="GeoIP2-Connection"
        )
    )
    networks = write_database(tmp_path / "n.mmdb", {"192.0.2.0/24": EXAMPLE_MOBILE}, named="GeoLite2-ASN").read_bytes()
    files.offer("/city.mmdb.gz", gzip.compress(database))
    files.offer("/geoip/databases/GeoLite2-ASN/download?suffix=tar.gz", packed(networks))

    update()

    assert left_in(var) == ["geo-asn.mmdb", "geo-connection.mmdb", "geo.mmdb"]
    assert describe(var / "geo-asn.mmdb").type == "GeoLite2-ASN"


@time_machine.travel(datetime(2026, 12, 1, 3, 0, tzinfo=UTC), tick=False)
def test_update_geoip_takes_the_month_before_where_this_one_has_none_yet(
    files: Files, var: Path, tmp_path: Path
) -> None:
    made = write_database(
        tmp_path / "d.mmdb", {"192.0.2.0/24": JERSEY_CITY}, named="DBIP-City-Lite", built_at=NOON
    ).read_bytes()
    files.offer("/dbip-city-lite-2026-11.mmdb.gz", gzip.compress(made))

    said = update("--place", files.address + "/dbip-city-lite-{year}-{month}.mmdb.gz")

    assert [path for path, _ in files.asked] == ["/dbip-city-lite-2026-12.mmdb.gz", "/dbip-city-lite-2026-11.mmdb.gz"]
    assert (var / "geo.mmdb").read_bytes() == made
    assert "CC-BY 4.0" in said
    assert "1234" not in str(files.asked)


def test_update_geoip_copies_a_file_and_says_what_it_replaces(var: Path, database: bytes, tmp_path: Path) -> None:
    write_database(var / "geo.mmdb", {"192.0.2.0/24": JERSEY_CITY}, built_at=datetime(2026, 10, 1, tzinfo=UTC))
    (tmp_path / "mine.mmdb").write_bytes(database)

    said = update("--place", str(tmp_path / "mine.mmdb"))

    assert "it replaces one of 2026-10-01" in said
    assert (var / "geo.mmdb").read_bytes() == database
    assert (tmp_path / "mine.mmdb").exists()


def test_update_geoip_warns_of_an_old_database_and_of_one_without_ipv6(tmp_path: Path) -> None:
    flat = {"country_code": "US", "state1": "New Jersey", "city": "Newark"}
    made = write_database(
        tmp_path / "flat.mmdb",
        {"192.0.2.0/24": flat},
        named="city ipv4",
        ip_version=4,
        built_at=datetime(2026, 6, 1, tzinfo=UTC),
    )

    said = update("--place", str(made))

    assert "days old: look for a newer one." in said
    assert "It knows no IPv6 address" in said


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (401, "MaxMind refuses the account, its key, or this account's use of GeoLite2-City."),
        (404, "The server knows no such database (404)."),
        (429, "The server allows no more downloads today (429)."),
        (500, "The server answered 500."),
    ],
)
def test_update_geoip_says_what_the_server_refused(files: Files, status: int, sentence: str) -> None:
    files.offer("/geoip/databases/GeoLite2-City/download?suffix=tar.gz", b"", status=status)

    with pytest.raises(CommandError) as refused:
        update()

    assert str(refused.value) == f"Country, region and city: {sentence}"
    assert "a-key-of-the-tests" not in str(refused.value)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"<html>Sign in</html>", "What came is of no use: It cannot be read as an mmdb database."),
        (b"", "What came is of no use: It cannot be read as an mmdb database."),
        (gzip.compress(b"no database", mtime=0), "What came is of no use: It cannot be read as an mmdb database."),
        (gzip.compress(bytes(range(256)), mtime=0)[:-9], "What came is damaged: it cannot be unpacked."),
        (packed(b"x", name="README.txt"), "What came is of no use: It cannot be read as an mmdb database."),
    ],
    ids=["a page", "nothing", "packed nonsense", "torn", "no mmdb inside"],
)
def test_update_geoip_leaves_what_is_there_when_nothing_good_comes(
    files: Files, var: Path, body: bytes, sentence: str
) -> None:
    (var / "geo.mmdb").write_bytes(b"the one in use")
    files.offer("/city.mmdb.gz", body)

    with pytest.raises(CommandError, match=sentence):
        update("--place", f"{files.address}/city.mmdb.gz")

    assert (var / "geo.mmdb").read_bytes() == b"the one in use"
    assert left_in(var) == ["geo.mmdb"]


def test_update_geoip_refuses_another_kind_of_database(tmp_path: Path, var: Path) -> None:
    networks = write_database(tmp_path / "n.mmdb", {"192.0.2.0/24": EXAMPLE_MOBILE}, named="GeoLite2-ASN")

    with pytest.raises(CommandError, match="“GeoLite2-ASN” names no country: it is another kind of database"):
        update("--place", str(networks))

    assert left_in(var) == []


def test_update_geoip_goes_on_with_the_others_when_one_fails(tmp_path: Path, var: Path) -> None:
    networks = write_database(tmp_path / "n.mmdb", {"192.0.2.0/24": EXAMPLE_MOBILE}, named="GeoLite2-ASN")

    with pytest.raises(CommandError, match="Country, region and city: A file cannot be read or written"):
        update("--place", str(tmp_path / "missing.mmdb"), "--network", str(networks))

    assert left_in(var) == ["geo-asn.mmdb"]


def test_update_geoip_takes_no_more_than_it_is_bound_to(
    files: Files, var: Path, database: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(geoip_update, "MOST_BYTES", 100)
    files.offer("/city.mmdb", database)
    files.offer("/city.mmdb.gz", gzip.compress(bytes(5000)))

    with pytest.raises(CommandError, match="The answer is larger than 100 bytes"):
        update("--place", f"{files.address}/city.mmdb")
    with pytest.raises(CommandError, match="unpacks to more than 100 bytes"):
        update("--place", f"{files.address}/city.mmdb.gz")

    assert left_in(var) == []


def test_update_geoip_dials_no_address_inside(files: Files, settings: Any) -> None:
    settings.EGRESS_ALLOWED_ADDRESSES = []

    with pytest.raises(CommandError, match="The download failed: The host is not a public web server"):
        update("--place", f"{files.address}/city.mmdb")

    assert files.asked == []


def test_update_geoip_follows_one_redirect_alone(files: Files) -> None:
    files.offer("/a", b"", status=302, Location="/b")
    files.offer("/b", b"", status=302, Location="/c")

    with pytest.raises(CommandError, match="The server answered 302"):
        update("--place", f"{files.address}/a")

    assert [path for path, _ in files.asked] == ["/a", "/b"]


def test_update_geoip_asks_for_the_account_where_maxmind_is_named(settings: Any) -> None:
    settings.GEOIP_ACCOUNT_ID = ""

    with pytest.raises(CommandError, match="Set GEOIP_ACCOUNT_ID and GEOIP_LICENSE_KEY"):
        update("--place", "maxmind:GeoLite2-City")


def test_update_geoip_says_what_to_set_when_nothing_is(settings: Any) -> None:
    settings.GEOIP_ACCOUNT_ID = ""

    with pytest.raises(CommandError, match="Nothing says where databases come from"):
        update()
