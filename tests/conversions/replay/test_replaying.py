"""Replay: what the inbox says is what is stored, or each difference is named."""

import socket
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from attribution.models import Click
from campaigns.models import ExchangeRate
from conversions.domain.intake import match_waiting_events
from conversions.domain.recrediting import settle_due_touches
from conversions.models import Conversion, CustomerLtv, InboxEvent, Movement, Platform, Player, Postback
from conversions.replay.ordering import Choice
from conversions.replay.running import Replayed, replay
from tests.conversions.builders import deposit, register
from tests.conversions.histories import STARTED_AT, deliver, history
from tests.conversions.rows import recorded_rows
from tests.world import NOON, click_id_of, make_campaign, make_click, make_link, make_offer, make_partner, make_platform

pytestmark = pytest.mark.django_db(transaction=True)

RECEIVED_AT = STARTED_AT + timedelta(days=1)
SCRATCH = "replay_of_tests"


def replay_all(platform: Platform, *, processes: int = 1, **options: Any) -> Replayed:
    return replay(Choice(platforms=(platform.pk,), **options), scratch=SCRATCH, processes=processes)


def record_players(platform: Platform, *numbers: int) -> None:
    for number in numbers:
        click = make_click(make_link(partner=make_partner()), at=STARTED_AT - timedelta(hours=1))
        deliver(platform, history(number, click.click_id), at=RECEIVED_AT + timedelta(hours=number))
    settle_due_touches(at=RECEIVED_AT, limit=10_000)


def what_differs(replayed: Replayed) -> list[tuple[str, str, str, str, str]]:
    return [(each.table, each.key, each.column, each.stored, each.rebuilt) for each in replayed.differences]


def test_replay_finds_what_was_recorded_identical_and_leaves_the_live_schema_alone():
    platform = make_platform()
    record_players(platform, 1, 2, 3)
    stored, written = recorded_rows(), writes_to_live_tables()

    replayed = replay_all(platform, processes=2)

    assert replayed.differences == []
    assert (replayed.events, replayed.explained, replayed.kept) == (60, {}, {})
    assert replayed.rows == {table: len(rows) for table, rows in stored.items() if table != "inbox_events"}
    assert recorded_rows() == stored
    assert writes_to_live_tables() == written
    assert schemas() == []


def test_replay_speaks_to_nobody(monkeypatch: pytest.MonkeyPatch):
    platform = make_platform()
    record_players(platform, 1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{listener.getsockname()[1]}/0")

        replayed = replay_all(platform)

        with pytest.raises(BlockingIOError):  # nobody waits to be let in
            listener.accept()
    assert (replayed.events, Postback.objects.count()) == (20, 0)


def test_replay_names_each_row_and_column_that_differs():
    platform = make_platform(slug="gaming")
    record_players(platform, 1, 2)
    Conversion.objects.filter(transaction_id="1-d2").update(amount=Decimal(51))
    CustomerLtv.objects.filter(player__player_id="p-2").update(deposits=7)
    Movement.objects.filter(transaction_id="1-w").delete()
    Player.objects.filter(player_id="p-1").update(country="FI")
    Player.objects.create(platform=platform, player_id="nobody", created_at=NOON)

    replayed = replay_all(platform)

    assert replayed.unexplained == 5
    assert what_differs(replayed) == [
        ("players", "gaming/nobody", "", "a row", "no row"),
        ("players", "gaming/p-1", "country", "FI", "MT"),
        ("conversions", "gaming/deposit/p-1/1-d2", "amount", "51.00000000", "50.00000000"),
        ("customer_ltv", "gaming/p-2", "deposits", "7", "1"),
        ("money_movements", "gaming/withdrawal/1-w", "", "no row", "a row"),
    ]


def test_replay_shows_credit_that_was_changed_by_hand():
    platform = make_platform(slug="gaming")
    record_players(platform, 1)
    other = make_partner()
    Player.objects.update(partner=other)

    replayed = replay_all(platform)

    assert [(each.table, each.column, each.stored) for each in replayed.differences] == [
        ("players", "partner_id", str(other.pk))
    ]


def test_replay_tells_of_an_event_that_cannot_be_placed_again():
    platform = make_platform(slug="gaming")
    record_players(platform, 1)
    InboxEvent.objects.filter(event_id="1-d4-confirmed").update(state="discarded", reason="by hand")

    replayed = replay_all(platform)

    assert replayed.discarded == 1
    assert what_differs(replayed)[0] == (
        "inbox_events", "gaming/1-cb", "state", "recorded", "unknown_transaction",
    )  # fmt: skip


def test_replay_takes_what_waited_in_quarantine_when_it_was_matched():
    platform = make_platform()
    click = make_click(make_link(), at=STARTED_AT - timedelta(hours=1))
    told = history(1, click.click_id)
    deliver(platform, list(reversed(told)), at=RECEIVED_AT)
    match_all()
    settle_due_touches(at=RECEIVED_AT, limit=10_000)

    replayed = replay_all(platform)

    assert (replayed.differences, replayed.events, replayed.quarantined) == ([], 20, 0)


def test_replay_leaves_out_what_is_still_in_quarantine():
    platform = make_platform()
    told = history(1, "")
    deliver(platform, [event for event in told if event.event_id == "1-cb"], at=RECEIVED_AT)

    replayed = replay_all(platform)

    assert (replayed.differences, replayed.events, replayed.quarantined) == ([], 0, 1)


def test_replay_of_a_period_takes_whole_players_of_whom_was_heard_in_it():
    platform = make_platform()
    record_players(platform, 1, 2, 3)
    Player.objects.update(country="FI")

    replayed = replay_all(
        platform, since=RECEIVED_AT + timedelta(hours=2), until=RECEIVED_AT + timedelta(hours=2, milliseconds=1)
    )

    assert replayed.events == 20
    assert [each.key for each in replayed.differences] == [f"{platform.slug}/p-2"]


def test_replay_of_a_platform_leaves_others_out():
    one, other = make_platform(), make_platform()
    record_players(one, 1)
    record_players(other, 2)
    Player.objects.update(country="FI")

    assert [each.key for each in replay_all(one).differences] == [f"{one.slug}/p-1"]


def test_replay_keeps_the_rate_of_then_where_one_was_entered_later():
    ExchangeRate.objects.create(currency="USD", on_date=NOON.date() - timedelta(days=1), per_euro=2, source="ECB")
    platform = make_platform()
    deposit(platform, currency="USD")
    ExchangeRate.objects.create(currency="USD", on_date=NOON.date(), per_euro=Decimal("1.25"), source="ECB")

    replayed = replay_all(platform)

    assert replayed.differences == []
    assert replayed.kept == {"keeps the exchange rate by which it was converted; a later one is known by now": 1}


def test_replay_shows_a_rate_that_never_stood_in_the_table():
    ExchangeRate.objects.create(currency="USD", on_date=NOON.date(), per_euro=Decimal("1.25"), source="ECB")
    platform = make_platform(slug="gaming")
    deposit(platform, currency="USD")
    Conversion.objects.update(exchange_rate=Decimal("0.9"), reporting_amount=90)

    replayed = replay_all(platform)

    assert [(each.column, each.stored, each.rebuilt) for each in replayed.differences] == [
        ("exchange_rate", "0.9000000000", "0.8000000000"),
        ("reporting_amount", "90.00000000", "80.00000000"),
    ]


def test_replay_knows_a_click_that_was_stored_after_the_registration():
    link = make_link()
    campaigns_offer, flows_offer = link.campaign.offer, make_offer()
    click_id = click_id_of(link, at=NOON)
    platform = make_platform()
    register(platform, click_id=click_id)
    deposit(platform)
    make_click(link, at=NOON, id=Click(id=click_id[:32]).id, offer=flows_offer)

    replayed = replay_all(platform)

    assert Player.objects.get().offer == campaigns_offer
    assert (replayed.differences, list(replayed.kept.values())) == ([], [1])


def test_replay_explains_credit_whose_click_is_no_longer_stored():
    platform, link = make_platform(), make_link()
    click = make_click(link, at=NOON, offer=make_offer())
    register(platform, click_id=click.click_id)
    deposit(platform)
    Click.objects.all().delete()

    replayed = replay_all(platform)

    assert replayed.differences == []
    assert list(replayed.explained) == ["The click is no longer stored, and the credit that was given for it stands."]


def test_replay_explains_a_revenue_whose_offer_pays_otherwise_by_now():
    offer = make_offer(revenue=Decimal(200))
    link = make_link(campaign=make_campaign(offer=offer))
    platform = make_platform()
    register(platform, click_id=make_click(link).click_id)
    deposit(platform)
    offer.revenue = Decimal(250)
    offer.save()

    replayed = replay_all(platform)

    assert (replayed.differences, dict(replayed.explained)) == (
        [],
        {"The offer brought something else when the deposit came.": 2},
    )


def match_all() -> None:
    for hours in (1, 8, 15, 22):
        match_waiting_events(at=RECEIVED_AT + timedelta(days=1, hours=hours), limit=100)


def writes_to_live_tables() -> list[tuple[str, int]]:
    """Return how many rows were ever written to each live table, as Postgres counts them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(
            """SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables
                WHERE schemaname = 'public' ORDER BY 1"""
        )
        return list(cursor.fetchall())


def schemas() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'replay%'")
        return [name for (name,) in cursor.fetchall()]
