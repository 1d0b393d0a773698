"""The embedded servers, each test with one of its own."""

import os
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from deploy.account import PRIVATE_PARENTS
from deploy.embedded import EmbeddedPostgres, EmbeddedValkey
from deploy.ports import PortTaken
from deploy.server import ServerFailed

pytestmark = pytest.mark.faults

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has its Postgres run by somebody else")


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that any account may pass through, unlike pytest's own."""
    place = next(parent for parent in PRIVATE_PARENTS[::-1] if os.access(parent, os.W_OK))
    folder = place / f"tracker-tests-{os.getpid()}-{tmp_path_factory.mktemp('servers').name}"
    folder.mkdir(mode=0o755)
    yield folder
    for left in folder.iterdir():
        left.rmdir()
    folder.rmdir()


@pytest.fixture
def postgres(folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(folder / "postgres")
    yield server
    server.remove()


@pytest.fixture
def valkey(folder: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(folder / "valkey", password="a 'quoted' one")
    yield server
    server.remove()


def test_start_postgres_keeps_data_port_and_password_after_a_stop(postgres: EmbeddedPostgres):
    postgres.start()
    postgres.create_database("kept")
    url = postgres.url("kept")
    postgres.stop()
    was_running = postgres.is_running

    postgres.start()
    postgres.create_database("kept")

    assert was_running is False
    assert postgres.url("kept") == url
    assert psycopg.connect(url).execute("SELECT 1").fetchone() == (1,)


def test_start_postgres_again_keeps_committed_rows_after_a_kill(postgres: EmbeddedPostgres):
    postgres.start()
    url = postgres.url()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")

    postgres.kill()
    was_running = postgres.is_running
    postgres.start()

    assert was_running is False
    assert postgres.url() == url
    assert psycopg.connect(url).execute("SELECT number FROM kept").fetchone() == (7,)


def test_start_postgres_ignores_a_pid_file_that_names_another_program(postgres: EmbeddedPostgres):
    postgres.start()
    postgres.kill()
    other = postgres.account.spawn(["/bin/sleep", "60"], output=subprocess.DEVNULL)
    (postgres.data / "postmaster.pid").write_text(f"{other.pid}\n{postgres.data}\n")

    postgres.start()

    assert postgres.is_running
    assert other.poll() is None
    other.kill()
    other.wait()


def test_start_postgres_does_nothing_when_it_runs(postgres: EmbeddedPostgres):
    postgres.start()
    pid = postgres.pid

    EmbeddedPostgres(postgres.home).start()

    assert postgres.pid == pid


def test_stop_postgres_stops_a_server_that_another_object_started(postgres: EmbeddedPostgres):
    postgres.start()

    EmbeddedPostgres(postgres.home).stop()

    assert not postgres.is_running


def test_start_postgres_asks_for_its_password(postgres: EmbeddedPostgres):
    postgres.start()

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host="127.0.0.1", port=postgres.port, user="postgres", password="wrong")


def test_start_postgres_is_durable_and_counts_statements(postgres: EmbeddedPostgres):
    postgres.start()

    with psycopg.connect(postgres.url()) as connection:
        settings = connection.execute(
            "SELECT name, setting FROM pg_settings WHERE name IN"
            " ('synchronous_commit', 'fsync', 'listen_addresses', 'shared_preload_libraries', 'server_encoding')"
        ).fetchall()

    assert dict(settings) == {
        "fsync": "on",
        "listen_addresses": "127.0.0.1",
        "server_encoding": "UTF8",
        "shared_preload_libraries": "pg_stat_statements",
        "synchronous_commit": "on",
    }


def test_start_postgres_moves_from_a_remembered_port_that_was_taken(postgres: EmbeddedPostgres):
    postgres.start()
    port = postgres.port
    postgres.stop()

    with socket.create_server(("127.0.0.1", port)):
        postgres.start()

    assert postgres.port != port
    assert psycopg.connect(postgres.url()).execute("SELECT 1").fetchone() == (1,)


def test_start_postgres_refuses_a_wanted_port_that_is_taken(folder: Path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = EmbeddedPostgres(folder / "postgres", port)

        with pytest.raises(PortTaken, match=f"Port {port} is taken"):
            server.start()

    server.remove()


def test_start_postgres_says_that_its_folder_cannot_be_made(tmp_path: Path):
    (tmp_path / "file").touch()

    with pytest.raises(ServerFailed, match="cannot be used"):
        EmbeddedPostgres(tmp_path / "file" / "postgres").start()


@only_root
def test_start_postgres_for_root_runs_as_somebody_else_beside_its_folder(postgres: EmbeddedPostgres):
    postgres.start()

    assert postgres.data == postgres.home / "data"
    assert postgres.data.stat().st_uid != 0
    assert Path(f"/proc/{postgres.pid}").stat().st_uid == postgres.data.stat().st_uid


@only_root
def test_start_postgres_for_root_leaves_a_closed_folder_closed(folder: Path):
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(closed / "postgres")

    server.start()
    data = server.data
    answer = psycopg.connect(server.url()).execute("SELECT 1").fetchone()
    server.remove()

    assert answer == (1,)
    assert not data.is_relative_to(closed)
    assert not data.exists()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_start_valkey_keeps_what_it_acknowledged_after_a_kill(valkey: EmbeddedValkey):
    valkey.start()
    url = valkey.url(3)
    redis.Redis.from_url(url).set("kept", "7")

    valkey.kill()
    was_running = valkey.is_running
    valkey.start()

    assert was_running is False
    assert valkey.url(3) == url
    assert redis.Redis.from_url(url).get("kept") == b"7"


def test_start_valkey_asks_for_its_password(valkey: EmbeddedValkey):
    valkey.start()

    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=valkey.port).ping()


def test_start_valkey_evicts_nothing(valkey: EmbeddedValkey):
    valkey.start()
    client = redis.Redis.from_url(valkey.url())

    settings = client.config_get("maxmemory-policy", "appendonly", "appendfsync", "bind")

    assert settings == {
        "maxmemory-policy": "noeviction",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "bind": "127.0.0.1",
    }


def test_start_valkey_twice_starts_one(valkey: EmbeddedValkey):
    valkey.start()
    pid = valkey.pid

    EmbeddedValkey(valkey.home).start()

    assert valkey.pid == pid


def test_server_files_are_for_their_owner_only(valkey: EmbeddedValkey):
    valkey.start()

    assert stat.S_IMODE((valkey.home / "server.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((valkey.home / "valkey.conf").stat().st_mode) == 0o600


def test_server_is_used_as_a_context(folder: Path):
    with EmbeddedValkey(folder / "valkey") as server:
        answer = redis.Redis.from_url(server.url()).ping()

    assert answer is True
    assert not server.is_running
    server.remove()
