"""The snapshot: current within two seconds, whole, and there without Postgres."""

import time
from dataclasses import replace

import pytest
from django.db import connection

from attribution.edge.building import build_snapshot
from attribution.edge.database import conninfo_of
from attribution.edge.snapshot import load_tables_now, read_tables, save_tables
from attribution.models import Click
from campaigns.models import Offer
from tests.attribution.edge.serving import NOWHERE
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
    assert edge.application._edge.health()["status"] == "degraded"
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
