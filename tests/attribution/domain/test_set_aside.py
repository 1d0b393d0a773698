"""Set-aside lines, tried again: each becomes its row once, or stays with the reason."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.test import Client

from attribution.click_ids import new_uuid7
from attribution.domain.partitions import ensure_click_partitions
from attribution.domain.set_aside import StillRefused, retry_set_aside
from attribution.edge.rows import CLICKS, LANDING_EVENTS, Table
from attribution.models import Click, LandingEvent, SetAsideClick
from campaigns.models import TrackingLink
from tests.world import NOON, make_link

pytestmark = pytest.mark.django_db

LONG_AGO = NOON - timedelta(days=300)


@pytest.fixture
def alice() -> User:
    return User.objects.create_superuser("alice")


def line_of(table: Table, **values: Any) -> str:
    return "\t".join(str(values.get(name, r"\N")) for name in table.columns)


def click_line(link: TrackingLink, uuid: UUID, **values: Any) -> str:
    return line_of(
        CLICKS,
        id=uuid,
        link_id=link.pk,
        campaign_id=link.campaign_id,
        source_id=link.campaign.source_id,
        currency="EUR",
        routing_version=1,
        kind="click",
        outcome="offer",
        device="phone",
        **values,
    )


def set_aside(line: str) -> SetAsideClick:
    return SetAsideClick.objects.create(line=line, reason='no partition of relation "clicks" found for row')


def uuid_at_long_ago() -> UUID:
    return new_uuid7(int(LONG_AGO.timestamp() * 1000))


def test_retry_set_aside_stores_the_click_once_its_day_has_a_partition(alice: User) -> None:
    uuid = uuid_at_long_ago()
    row = set_aside(click_line(make_link(), uuid, keyword=r"a\tb \\ ü", cost="0.25"))
    with pytest.raises(StillRefused, match="no partition of relation"):
        retry_set_aside(row, actor=alice)
    ensure_click_partitions(at=LONG_AGO, days_back=0, days_ahead=0)

    retry_set_aside(row, actor=alice)

    click = Click.objects.get(id=uuid)
    assert (click.keyword, str(click.cost), click.clicked_at) == ("a\tb \\ ü", "0.25000000", LONG_AGO)
    assert not SetAsideClick.objects.exists()


def test_retry_set_aside_stores_a_click_that_is_there_already_no_second_time(alice: User) -> None:
    ensure_click_partitions(at=LONG_AGO, days_back=0, days_ahead=0)
    line = click_line(make_link(), uuid_at_long_ago())

    retry_set_aside(set_aside(line), actor=alice)
    retry_set_aside(set_aside(line), actor=alice)

    assert Click.objects.count() == 1
    assert not SetAsideClick.objects.exists()


def test_retry_set_aside_of_a_line_that_is_gone_meanwhile_stores_nothing(alice: User) -> None:
    row = set_aside(click_line(make_link(), uuid_at_long_ago()))
    SetAsideClick.objects.all().delete()

    retry_set_aside(row, actor=alice)

    assert not Click.objects.exists()


def test_retry_set_aside_knows_lines_of_landing_events(alice: User) -> None:
    ensure_click_partitions(at=LONG_AGO, days_back=0, days_ahead=0)
    link, uuid = make_link(), uuid_at_long_ago()
    row = set_aside(
        line_of(
            LANDING_EVENTS, id=uuid, kind="view", click=uuid, link_id=link.pk, campaign_id=link.campaign_id, outcome=""
        )
    )

    retry_set_aside(row, actor=alice)

    assert LandingEvent.objects.get().id == uuid


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("0a1b2c3d\ttorn", "columns of no table"),
        ("", "columns of no table"),
        (line_of(CLICKS, id="no-uuid"), "invalid input syntax for type uuid"),
    ],
)
def test_retry_set_aside_leaves_what_is_no_row(alice: User, line: str, reason: str) -> None:
    row = set_aside(line)

    with pytest.raises(StillRefused, match=reason):
        retry_set_aside(row, actor=alice)

    assert SetAsideClick.objects.get() == row


def test_action_stores_what_it_can_and_says_why_the_rest_stays(alice: User, client: Client) -> None:
    ensure_click_partitions(at=LONG_AGO, days_back=0, days_ahead=0)
    rows = [set_aside(click_line(make_link(), uuid_at_long_ago())), set_aside("torn"), set_aside("torn too")]
    client.force_login(alice)

    response = client.post(
        "/admin/attribution/setasideclick/",
        {"action": "try_again", "_selected_action": [row.pk for row in rows]},
        follow=True,
    )

    shown = response.content.decode()
    assert "1 stored." in shown
    assert "2 still set aside: The line has the columns of no table" in shown
    assert Click.objects.count() == 1
