"""The simulator played step by step through a pipe, against the real web process's views, an edge and the workers."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from affiliates.demo.geography import write_geography
from affiliates.demo.letter import write_letter
from affiliates.demo.rows import write_demo_rows
from affiliates.domain.booking import book_due_commissions
from attribution.domain.partitions import ensure_click_partitions
from conversions.domain.dispatch import deliver_due_postbacks
from conversions.models import Conversion, Player, Postback
from deploy.ports import choose_free_port
from fraud.domain.reviewing import review_pending_conversions
from tests.faults.harness import EdgeProcess
from tests.outside.setup import ROOT

pytestmark = pytest.mark.django_db(transaction=True)

SECONDS = 240


def environment_of(folder: Path) -> dict[str, str]:
    """Return the environment in which an edge and commands meet the test's database."""
    held = connection.settings_dict
    address = f"postgres://{held['USER']}:{held['PASSWORD']}@{held['HOST']}:{held['PORT']}/{held['NAME']}"
    return dict(os.environ) | {"DATABASE_URL": address, "VAR_DIR": str(folder), "GEOIP_PATH": str(folder / "geo.mmdb")}


@contextmanager
def workers() -> Iterator[None]:
    """Review, book and deliver beside the test, as the workers do."""
    has_ended = threading.Event()

    def work() -> None:
        while not has_ended.wait(0.1):
            at = datetime.now(UTC)
            review_pending_conversions(at=at, limit=100)
            book_due_commissions(at=at, limit=100)
            deliver_due_postbacks(clock=lambda: datetime.now(UTC))
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        has_ended.set()
        thread.join()


@pytest.fixture
def play(live_server: Any, settings: Any, tmp_path: Path) -> Iterator[Any]:
    """Return what plays lines of input and returns exit status and output."""
    settings.VAR_DIR = tmp_path
    settings.META_BASE_URL = f"http://127.0.0.1:{choose_free_port()}/meta"
    settings.PUBLIC_WEB_URL = live_server.url
    at = datetime.now(UTC)
    ensure_click_partitions(at=at, days_back=1, days_ahead=1)
    write_demo_rows(at=at)
    write_geography(tmp_path / "geo.mmdb")
    environment = environment_of(tmp_path) | {"META_BASE_URL": settings.META_BASE_URL}
    edge = EdgeProcess(environment, workers=1)
    settings.PUBLIC_CLICK_URL = f"http://127.0.0.1:{edge.port}"
    write_letter(tmp_path / "demo.json")

    def type_lines(*lines: str) -> tuple[int, str]:
        command = [sys.executable, str(ROOT / "test_gaming_webhook_server.py"), "--interactive", "--seed", "7"]
        command += ["--config", str(tmp_path / "demo.json")]
        typed = "".join(f"{line}\n" for line in lines)
        with workers():
            done = subprocess.run(
                command, input=typed, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
            )
        assert done.stderr == ""
        return done.returncode, done.stdout

    yield type_lines
    edge.kill()


def link_number(tmp_path: Path, code: str) -> str:
    links = json.loads((tmp_path / "demo.json").read_text())["links"]
    return str([link["code"] for link in links].index(code) + 1)


def test_interactive_shows_what_each_step_sends_gets_and_changes(play, tmp_path):
    status, said = play(
        "1", link_number(tmp_path, "lotus-review"),  # a visitor clicks
        "3", "1", "1",  # registers by that click, with consent
        "4", "80.00", "1",  # deposits, confirmed
        "6",  # the same again
        "7",  # with another amount
        "8",  # forged
        "5", "1",  # charged back
        "q",
    )  # fmt: skip

    assert "  Sent      GET http://127.0.0.1:" in said
    assert "  Answered  302 to " in said
    assert "clicks 0 → 1" in said
    assert "registrations 0 → 1" in said
    assert '"amount": "80.00"' in said
    assert '  Answered  201 {"status": "recorded"' in said
    assert "The partner is told: first deposit of" in said
    assert "first deposits net 0 → 1" in said
    assert "  Answered  200 " in said
    assert '"code": "transaction_conflict"' in said
    assert "signed by another secret than ours" in said
    assert '"code": "bad_signature"' in said
    assert "The partner is told that it was taken back: first deposit" in said
    assert "first deposits net 1 → 0" in said
    assert "DIFFERS" not in said
    assert "lines are as expected" in said
    assert status == 0
    deposit = Conversion.objects.get(kind="deposit")
    assert (deposit.status, Postback.objects.filter(state="done").count()) == ("charged_back", 2)


def test_interactive_plays_a_test_player_and_a_story_and_tells_what_stands(play, tmp_path):
    status, said = play("1", link_number(tmp_path, "meta-reels"), "9", "s", "1", "t", "q")

    assert "nothing: no figure, no postback, no commission" in said
    assert "Meta is told: registration" in said
    assert "The second act" in said
    assert "postbacks and 0 commissions so far" in said
    assert status == 0, said
    assert sorted(Player.objects.values_list("is_test", flat=True)) == [False, True]


def test_interactive_bears_what_is_mistyped_and_an_end_without_a_word(play):
    status, said = play("x", "", "4", "5", "1", "99", "0", "²", "1", "3", "1", "1", "4", "abc", "-1", "1.234", "NaN")

    assert "There is no step “x”" in said
    assert "There is no step “”" in said
    assert "Nobody has registered yet: take step 3 first." in said
    assert "Nobody has deposited yet: take step 4 first." in said
    assert said.count("Type a number from 1 to") == 3
    assert said.count("Type digits with an optional point") == 4
    assert "lines are as expected" in said
    assert status == 0


def test_interactive_and_auto_are_not_asked_for_together():
    done = subprocess.run(
        [sys.executable, str(ROOT / "test_gaming_webhook_server.py"), "--interactive", "--auto"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    assert done.returncode == 2
    assert "not allowed with" in done.stderr
