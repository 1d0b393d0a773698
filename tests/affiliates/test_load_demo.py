"""The demo data: loaded once, told to the simulator, with a geography that a reader opens."""

import json
import stat
from pathlib import Path
from typing import Any

import maxminddb
import pytest
from django.core.management import call_command

from campaigns.models import Campaign, ExchangeRate, TrackingLink
from conversions.models import Destination, Platform

pytestmark = pytest.mark.django_db


@pytest.fixture
def var(tmp_path: Path, settings: Any) -> Path:
    settings.VAR_DIR = tmp_path
    settings.GEOIP_PATH = tmp_path / "geo.mmdb"
    return tmp_path


def test_load_demo_twice_leaves_one_of_each(var: Path) -> None:
    call_command("load_demo")
    secret = Platform.objects.get().secret

    call_command("load_demo")

    assert Platform.objects.get().secret == secret
    assert (Campaign.objects.count(), TrackingLink.objects.count(), Destination.objects.count()) == (3, 6, 3)
    assert ExchangeRate.objects.filter(source="ECB").count() > 5000


def test_load_demo_tells_the_simulator_what_it_needs(var: Path) -> None:
    call_command("load_demo")

    letter = var / "demo.json"
    told = json.loads(letter.read_text())
    assert stat.S_IMODE(letter.stat().st_mode) == 0o600
    assert told["platform"] == {"slug": "gaming", "secret": Platform.objects.get().secret}
    assert told["partners"] == [{"tag": "lotus", "name": "Lotus Media", "cpa_amount": "120", "currency": "EUR"}]
    assert [link["code"] for link in told["links"]] == [
        "meta-reels",
        "meta-story",
        "google-brand",
        "google-slots",
        "lotus-review",
        "lotus-mail",
    ]
    assert {link["click_id_parameter"] for link in told["links"]} == {"fbclid", "gclid", "click_id"}


def test_load_demo_writes_a_geography_that_readers_open(var: Path) -> None:
    call_command("load_demo")

    with maxminddb.open_database(var / "geo.mmdb") as reader:
        found = reader.get("198.51.100.70")
        beyond = reader.get("8.8.8.8")
        kind = reader.metadata().database_type
    assert isinstance(found, dict)
    assert (found["country"], found["city"]) == (
        {"iso_code": "MT", "names": {"en": "Malta"}},
        {"names": {"en": "Sliema"}},
    )
    assert beyond is None
    assert "City" in kind


def test_load_demo_leaves_a_geography_that_is_there(var: Path) -> None:
    (var / "geo.mmdb").write_bytes(b"the operator's own")

    call_command("load_demo")

    assert (var / "geo.mmdb").read_bytes() == b"the operator's own"
