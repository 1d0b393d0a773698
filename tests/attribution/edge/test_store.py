"""Durability: Postgres first, the spool after any failure, and visitors go on whatever happens."""

import time
from collections.abc import Callable

import psycopg
import pytest
from django.db import connection

from attribution.click_ids import new_uuid7
from attribution.edge.database import conninfo_of
from attribution.edge.spool import spool_bytes
from attribution.edge.store import ANSWER_SECONDS
from attribution.models import Click, SetAsideClick
from tests.attribution.edge.serving import NOWHERE, ServedEdge
from tests.attribution.edge.test_spool import line_of, now_ms
from tests.world import make_link


def health_of(edge: ServedEdge) -> dict[str, object]:
    return edge.application.edge.health()


def wait_until(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 8
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.05)
    return is_so()


def wait_for_clicks(count: int) -> int:
    wait_until(lambda: Click.objects.count() >= count)
    return Click.objects.count()


@pytest.fixture
def link(transactional_db):
    return make_link(code="spring")


def test_click_is_in_postgres_when_it_is_answered(link, serve):
    edge = serve()

    for number in range(1, 6):
        edge.get("/c/spring")
        assert Click.objects.count() == number

    assert spool_bytes(edge.configuration.spool_folder) == 0


def test_clicks_are_spooled_while_a_lock_holds_postgres_up_and_stored_after(link, serve):
    edge = serve()
    with psycopg.connect(conninfo_of(connection.settings_dict)) as other:
        other.execute("LOCK TABLE clicks IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        answers = [edge.get("/c/spring") for _ in range(10)]
        took = time.monotonic() - began
        assert spool_bytes(edge.configuration.spool_folder) > 0

    assert {answer.status for answer in answers} == {302}
    assert took < 10 * ANSWER_SECONDS
    assert wait_for_clicks(10) == 10
    assert health_of(edge)["lost_clicks"] == 0


def test_clicks_go_on_after_postgres_ended_every_connection(link, serve):
    edge = serve()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'edge %'")

    answers = [edge.get("/c/spring") for _ in range(20)]

    assert {answer.status for answer in answers} == {302}
    assert wait_for_clicks(20) == 20
    assert wait_until(lambda: bool(health_of(edge)["database_connected"]))


def test_batch_that_postgres_refuses_is_spooled_and_its_good_clicks_stored(link, serve, monkeypatch):
    edge = serve()
    monkeypatch.setattr("attribution.edge.edge.read_cost", lambda text: text)

    answers = [edge.get("/c/spring?cost=free"), edge.get("/c/spring?cost=1")]

    assert {answer.status for answer in answers} == {302}
    assert wait_for_clicks(1) == 1
    assert wait_until(SetAsideClick.objects.exists)
    assert SetAsideClick.objects.get().reason == 'invalid input syntax for type numeric: "free"'


def test_click_on_a_day_without_a_partition_is_sent_on_and_set_aside(link, serve, monkeypatch):
    edge = serve()
    edge.get("/c/spring")
    monkeypatch.setattr(edge.application.edge._clock, "_read", lambda: 4_102_444_800_000)

    answer = edge.get("/c/spring")
    monkeypatch.undo()
    edge.get("/c/spring")

    assert answer.status == 302
    assert Click.objects.count() == 2
    assert wait_until(SetAsideClick.objects.exists)
    assert SetAsideClick.objects.get().reason == 'no partition of relation "clicks" found for row'


def test_clicks_without_postgres_and_without_a_disk_are_sent_on_and_counted(link, serve, tmp_path, caplog):
    serve().stop()
    edge = serve(conninfo=NOWHERE)
    (tmp_path / "spool").write_text("in the way")

    answers = [edge.get("/c/spring") for _ in range(3)]

    assert {answer.status for answer in answers} == {302}
    assert health_of(edge)["lost_clicks"] == 3
    assert "CLICKS ARE LOST" in caplog.text


def test_stopping_stores_what_was_taken(link, serve, monkeypatch):
    monkeypatch.setattr("attribution.edge.store.GATHER_SECONDS", 0.5)
    edge = serve()
    now = now_ms()

    async def take_and_leave() -> None:
        edge.application.edge.store.take(line_of(new_uuid7(now)), now)

    edge.run(take_and_leave())
    edge.stop()

    assert Click.objects.count() == 1
