"""The snapshot: current within two seconds, whole, and there without Postgres."""

import json
import time
from dataclasses import replace

import pytest
from django.db import connection

from attribution.edge.building import build_snapshot
from attribution.edge.database import conninfo_of
from attribution.edge.snapshot import load_tables_now, read_tables, save_tables
from attribution.models import Click
from campaigns.models import Licence, Offer
from tests.attribution.edge.serving import NOWHERE, within_two_seconds
from tests.world import make_campaign, make_link, make_offer


def test_edge_sends_to_a_changed_offer_within_two_seconds(serve):
    make_link(code="spring", campaign=make_campaign(offer=make_offer(url="https://old.example/")))
    edge = serve()
    assert edge.get("/c/spring").location == "https://old.example/"

    Offer.objects.update(url="https://new.example/")
    deadline = time.monotonic() + 2
    while edge.get("/c/spring").location == "https://old.example/" and time.monotonic() < deadline:
        time.sleep(0.05)

    assert edge.get("/c/spring").location == "https://new.example/"
    versions = list(Click.objects.order_by("id").values_list("routing_version", flat=True))
    assert versions[0] < versions[-1]


def test_edge_finds_a_new_link_within_two_seconds(serve):
    edge = serve()

    make_link(code="fresh")
    deadline = time.monotonic() + 2
    while edge.get("/c/fresh").status == 404 and time.monotonic() < deadline:
        time.sleep(0.05)

    assert edge.get("/c/fresh").status == 302


def test_edge_starts_from_disk_without_postgres_and_spools(serve, tmp_path):
    make_link(code="spring")
    serve().stop()

    edge = serve(conninfo=NOWHERE)

    assert edge.start_failure is None
    assert edge.get("/c/spring").status == 302
    assert edge.application.edge.health()["status"] == "degraded"
    [spooled] = (tmp_path / "spool").glob("*.spool")
    assert len(spooled.read_bytes().splitlines()) == 2


def test_edge_does_not_start_with_neither_postgres_nor_a_snapshot(serve, monkeypatch):
    monkeypatch.setattr("attribution.edge.routing._PATIENCE_SECONDS", (0.1, 0.3))

    edge = serve(conninfo=NOWHERE)

    assert "start Postgres first" in edge.start_failure


def test_saved_tables_are_read_as_they_were(transactional_db, tmp_path):
    make_link(code="spring")
    tables = load_tables_now(conninfo_of(connection.settings_dict))

    save_tables(tables, tmp_path / "edge" / "snapshot.json")

    assert read_tables(tmp_path / "edge" / "snapshot.json") == tables
    assert [path.name for path in (tmp_path / "edge").iterdir()] == ["snapshot.json"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 1}', '{"version": 1, "columns": ["x"], "links": []}'])
def test_read_tables_takes_a_damaged_file_for_none(tmp_path, content):
    path = tmp_path / "snapshot.json"
    path.write_text(content)

    assert read_tables(path) is None
    assert read_tables(tmp_path / "missing.json") is None


def test_build_snapshot_keeps_a_link_whose_offer_is_broken_from_leading_anywhere(transactional_db):
    link = make_link(code="spring")
    tables = load_tables_now(conninfo_of(connection.settings_dict))
    [offer] = tables.offers
    broken = replace(tables, offers=[offer._replace(url="javascript:alert(1)")])

    whole, hurt = (build_snapshot(each).routes["spring"] for each in (tables, broken))

    assert whole.columns == f"{link.id}\t{link.campaign_id}\t\\N\t\\N\t{link.campaign.source_id}\tEUR\t{tables.version}"
    assert [address_of(route) is not None for route in (whole, hurt)] == [True, False]


def address_of(route):
    return route.offer_address(route.campaign.offer, None)


def test_edge_goes_on_watching_after_tables_that_cannot_be_used(serve, caplog):
    offer = make_offer(url="https://old.example/", is_licensed_only=True)
    Licence.objects.create(offer=offer, jurisdiction="MGA", number="1", country="MT", valid_from="2026-01-01")
    make_link(code="spring", campaign=make_campaign(offer=offer, unknown_geography="allow"))
    edge = serve()

    # No form takes such a day, and nothing in the database forbids it.
    execute("UPDATE licences SET valid_from = '-infinity'")
    assert within_two_seconds(lambda: "cannot be made into routes" in caplog.text)
    assert edge.get("/c/spring").location == "https://old.example/"
    execute("UPDATE licences SET valid_from = '2026-01-01'; UPDATE offers SET url = 'https://new.example/'")

    assert within_two_seconds(lambda: edge.get("/c/spring").location == "https://new.example/")
    assert caplog.text.count("cannot be made into routes") == 1


def execute(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_edge_starts_and_sends_visitors_on_where_its_folder_cannot_be_had(serve, tmp_path):
    make_link(code="spring", campaign=make_campaign(offer=make_offer(url="https://casino.example/")))
    (tmp_path / "edge").write_text("in the way")

    edge = serve(folder=tmp_path / "edge")

    assert edge.start_failure is None
    assert edge.get("/c/spring").location == "https://casino.example/"
    assert Click.objects.count() == 1


def test_edge_starts_on_a_table_of_visitors_of_another_program(serve, tmp_path):
    make_link(code="spring")
    (tmp_path / "seen").write_bytes(b"x" * 1000)

    edge = serve()

    assert edge.start_failure is None
    assert edge.get("/c/spring").status == 302
    assert Click.objects.get().is_unique


def test_snapshot_of_an_older_program_is_as_none(transactional_db, tmp_path):
    make_link(code="spring")
    path = tmp_path / "snapshot.json"
    save_tables(load_tables_now(conninfo_of(connection.settings_dict)), path)
    saved = json.loads(path.read_text())

    fewer = {name: columns[:-1] for name, columns in saved["columns"].items()}
    path.write_text(json.dumps(saved | {"columns": fewer}))
    assert read_tables(path) is None

    path.write_text(json.dumps(saved | {"rows": {name: rows for name, rows in saved["rows"].items() if rows}}))
    assert read_tables(path) is None


def test_snapshot_that_was_saved_by_a_program_whose_rows_do_not_fit_is_as_none(transactional_db, tmp_path):
    make_link(code="spring")
    path = tmp_path / "snapshot.json"
    save_tables(load_tables_now(conninfo_of(connection.settings_dict)), path)
    saved = json.loads(path.read_text())

    saved["rows"]["links"] = [["spring"]]
    path.write_text(json.dumps(saved))

    assert read_tables(path) is None
