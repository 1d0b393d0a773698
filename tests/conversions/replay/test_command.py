"""The command: what it prints, how it ends, and what it does about schemas that are somebody's."""

import io
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from conversions.models import Player
from tests.conversions.histories import STARTED_AT, deliver, history
from tests.world import make_platform

pytestmark = pytest.mark.django_db(transaction=True)

SCRATCH = "replay_by_command"


@pytest.fixture(autouse=True)
def _no_schema_stays():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)
    execute(f"DROP SCHEMA IF EXISTS {SCRATCH} CASCADE")


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def is_there() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_namespace WHERE nspname = %s", [SCRATCH])
        return bool(cursor.fetchone() == (1,))


def run(**options: object) -> str:
    out = io.StringIO()
    call_command("replay", schema=SCRATCH, processes=1, stdout=out, **options)
    return out.getvalue()


def record_a_player() -> None:
    deliver(make_platform(slug="gaming"), history(1, ""), at=STARTED_AT + timedelta(days=1))


def test_replay_says_what_was_compared_and_that_it_is_identical():
    record_a_player()

    printed = run()

    assert "20 events placed again" in printed
    assert "Left out: 0 events in quarantine, 0 that were discarded." in printed
    assert printed.endswith("Identical: what is stored is what the inbox says.\n")
    assert not is_there()


def test_replay_lists_differences_and_ends_with_an_error():
    record_a_player()
    Player.objects.update(country="FI", region="Uusimaa")
    out = io.StringIO()

    with pytest.raises(CommandError, match="2 differences"):
        call_command("replay", schema=SCRATCH, stdout=out)

    assert "players gaming/p-1 country: stored FI, rebuilt MT\n" in out.getvalue()
    assert not is_there()


def test_replay_keeps_its_schema_when_asked_and_then_refuses_it():
    record_a_player()

    run(keep=True)

    assert is_there()
    with pytest.raises(CommandError, match="was kept"):
        run()
    assert is_there()


def test_replay_refuses_a_schema_that_is_not_its_own():
    execute(f"CREATE SCHEMA {SCRATCH}")

    with pytest.raises(CommandError, match="not a replay's"):
        run()

    assert is_there()


@pytest.mark.parametrize("name", ["public", "Upper", "a b", "x;drop"])
def test_replay_refuses_a_name_that_is_none(name: str):
    with pytest.raises(CommandError, match="no name for a schema"):
        call_command("replay", f"--schema={name}")


def test_replay_refuses_an_unknown_platform_and_a_time_that_is_none():
    with pytest.raises(CommandError, match="No platform has the slug"):
        run(platform="nobody")
    with pytest.raises(CommandError, match="is no instant"):
        call_command("replay", "--since=yesterday")


def test_replay_drops_what_a_killed_run_left_behind():
    record_a_player()
    execute(f"CREATE SCHEMA {SCRATCH}")
    execute(f"COMMENT ON SCHEMA {SCRATCH} IS 'Made by manage.py replay'")

    assert run().endswith("Identical: what is stored is what the inbox says.\n")
    assert not is_there()


def test_replay_refuses_a_schema_that_another_one_works_in():
    record_a_player()
    with another_replay() as running:
        wait_until(is_there)

        with pytest.raises(CommandError, match=r"Another replay works|still work"):
            run()

        running.kill()
        running.wait()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_replay_that_is_ended_leaves_nothing_that_stops_the_next(how: signal.Signals):
    record_a_player()
    with another_replay() as running:
        wait_until(is_there)
        running.send_signal(how)
        running.wait(timeout=60)

    wait_until(lambda: succeeds(run))

    assert not is_there()


def another_replay() -> "subprocess.Popen[bytes]":
    """Start the command as a person does, on the tests' database."""
    database = connection.settings_dict
    url = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database)
    return subprocess.Popen(
        [sys.executable, "manage.py", "replay", f"--schema={SCRATCH}"],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def succeeds(call) -> bool:
    try:
        call()
    except CommandError:
        return False
    return True


def wait_until(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not come about within a minute"
        time.sleep(0.02)
