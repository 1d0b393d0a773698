"""Clicks in the admin: looked up by id, read by day."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from attribution.domain.partitions import ensure_click_partitions
from tests.world import NOON, click_id_of, make_campaign, make_click, make_link

pytestmark = pytest.mark.django_db

LIST = "/admin/attribution/click/"


@pytest.fixture
def alice() -> Client:
    """Alice is a superuser."""
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    return client


def text_of(response: Any) -> str:
    return str(response.content.decode())


def clicks_of(response: Any) -> list[Any]:
    return list(response.context["cl"].result_list)


@time_machine.travel(NOON, tick=False)
def test_list_shows_today_unless_another_day_is_asked_for(alice: Client) -> None:
    link = make_link()
    today = make_click(link, at=NOON)
    yesterday = make_click(link, at=NOON - timedelta(days=1))

    assert clicks_of(alice.get(LIST)) == [today]
    assert clicks_of(alice.get(LIST, {"day": "2026-11-21"})) == [yesterday]


def test_list_says_that_a_day_is_none(alice: Client) -> None:
    assert "“soon” is no day; write it as in 2026-11-22." in text_of(alice.get(LIST, {"day": "soon"}))


@time_machine.travel(NOON, tick=False)
def test_list_keeps_the_clicks_of_one_campaign(alice: Client) -> None:
    campaign = make_campaign()
    mine = make_click(make_link(campaign=campaign), at=NOON)
    make_click(make_link(), at=NOON)

    assert clicks_of(alice.get(LIST, {"campaign__id__exact": campaign.pk})) == [mine]


def test_list_reads_the_partition_of_its_day_alone(alice: Client) -> None:
    ensure_click_partitions(at=datetime(2026, 11, 22, tzinfo=UTC), days_back=2, days_ahead=2)

    with CaptureQueriesContext(connection) as queries:
        alice.get(LIST, {"day": "2026-11-22"})
    asked = next(query["sql"] for query in queries if 'FROM "clicks"' in query["sql"])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {asked}")
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert "clicks_20261122" in plan
    assert "clicks_20261121" not in plan
    assert "clicks_20261123" not in plan


def test_search_finds_a_click_of_any_day_by_its_click_id(alice: Client) -> None:
    click = make_click(make_link(), at=NOON - timedelta(days=40))

    assert clicks_of(alice.get(LIST, {"q": click.click_id})) == [click]
    assert clicks_of(alice.get(LIST, {"q": click.click_id.upper()})) == [click]


def test_search_finds_a_click_by_its_uuid(alice: Client) -> None:
    click = make_click(make_link(), at=NOON)

    assert clicks_of(alice.get(LIST, {"q": str(click.id)})) == [click]


def test_search_says_that_a_click_id_is_forged(alice: Client) -> None:
    response = alice.get(LIST, {"q": "a" * 48})

    assert "This click id is forged" in text_of(response)
    assert clicks_of(response) == []


def test_search_says_what_a_genuine_id_without_its_row_names(alice: Client) -> None:
    link = make_link()

    response = alice.get(LIST, {"q": click_id_of(link, at=NOON)})

    assert f"link number {link.pk}, clicked 22 Nov 2026, 12:00:00 UTC" in text_of(response)


def test_search_says_what_a_click_id_looks_like(alice: Client) -> None:
    assert "That is no click id: one has 48 characters" in text_of(alice.get(LIST, {"q": "fbclid"}))


def test_click_page_shows_hostile_text_as_text(alice: Client) -> None:
    click = make_click(make_link(), at=NOON, sub_id_1='<b x-data="alert(1)">', platform_click_ids={"gclid": "<i>"})

    shown = text_of(alice.get(f"{LIST}{click.pk}/change/"))

    assert "<b x-data" not in shown
    assert "<dd><i></dd>" not in shown
    assert click.click_id in shown
