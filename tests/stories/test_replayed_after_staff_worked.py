"""A week's work, replayed: touches by every channel, another rule, what staff did, an import undone, a sandbox."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from zlib import crc32

import pytest
from django.contrib.auth.models import User

from attribution.domain.credit import Claim
from attribution.domain.credit_rules import open_rule_version
from attribution.models import Click, CreditRule
from campaigns.models import Partner
from conversions.domain.intake import record_event
from conversions.domain.interventions import join_touch, merge_players, retag_player, separate_touch, undo_merge
from conversions.domain.recrediting import settle_due_touches
from conversions.domain.reported import (
    Reported,
    ReportedDeposit,
    ReportedInstall,
    ReportedMilestone,
    ReportedRegistration,
)
from conversions.domain.sandbox import open_sandbox
from conversions.models import CreditDecision, CustomerLtv, Platform, Player, TheftEvidence, Touchpoint
from conversions.replay.ordering import Choice
from conversions.replay.running import Replayed, replay
from fraud.domain.reviewing import review_pending_conversions
from tests.attribution.credit_builders import make_rule
from tests.conversions.builders import register
from tests.conversions.imports.files import lines, record, undo
from tests.stories.test_every_kind_in_any_order import money
from tests.world import NOON, make_click, make_link, make_partner

pytestmark = pytest.mark.django_db(transaction=True)

CLICK_GONE = "The click is no longer stored, and the credit that was given for it stands."
VISITORS_CLICKS_GONE = "Other clicks of the same visitor are no longer stored."
RULE_CHANGES_AT = NOON + timedelta(hours=6)


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice")


@pytest.fixture
def partners(platform: Platform) -> list[Partner]:
    make_rule(protected_seconds=60)
    return [make_partner() for _ in range(3)]


def test_replay_finds_a_weeks_work_identical_with_what_staff_decided_of_it(
    platform: Platform, partners: list[Partner], alice: User
) -> None:
    tell_of_players_by_every_channel(platform, partners)
    change_the_rule(alice)
    tell_of_a_player(platform, "under-the-new-rule", partners, at=RULE_CHANGES_AT + timedelta(hours=1))
    import_and_undo(platform)
    tell_of_a_player(open_sandbox(platform), "of-the-sandbox", partners, at=NOON + timedelta(hours=1))
    work_is_done()
    before_staff = replay_everything()
    staff_decide(platform, partners, alice)
    work_is_done()

    replayed = replay_everything()

    assert (before_staff.differences, dict(before_staff.explained)) == ([], {})
    assert (replayed.differences, dict(replayed.explained)) == ([], {})
    assert {rule for rule in CreditDecision.objects.values_list("rule__version", flat=True) if rule} == {1, 2}
    assert set(Touchpoint.objects.values_list("how", flat=True)) == set(Touchpoint.How.values)
    assert TheftEvidence.objects.exists()
    assert Player.objects.get(player_id="of-the-sandbox").is_test


def test_replay_shows_a_player_whom_staff_gave_to_one_partner_and_the_table_names_another(
    platform: Platform, partners: list[Partner], alice: User
) -> None:
    tell_of_a_player(platform, "retagged", partners, at=NOON + timedelta(hours=1))
    retag_player(the_player("retagged"), partner=partners[0], **by(alice))
    Player.objects.update(partner=partners[1], country="FI")

    replayed = replay_everything()

    assert {(each.table, each.column, each.stored, each.rebuilt) for each in replayed.differences} == {
        ("players", "partner_id", str(partners[1].pk), str(partners[0].pk)),
        ("players", "country", "FI", ""),
    }
    assert dict(replayed.explained) == {}


def test_replay_explains_what_other_clicks_of_a_visitor_showed_that_are_gone(
    platform: Platform, partners: list[Partner]
) -> None:
    tell_of_a_player(platform, "visitor", partners, at=NOON + timedelta(hours=1))
    work_is_done()
    Click.objects.all().delete()

    replayed = replay_everything()

    assert replayed.differences == []
    assert replayed.explained[VISITORS_CLICKS_GONE] == 2  # the touch, and the evidence of it


def test_replay_explains_credit_for_a_visitors_click_that_is_gone(platform: Platform) -> None:
    make_rule(credits_same_visitor=True)
    first, second = make_partner(), make_partner()
    registered_at = NOON + timedelta(hours=1)
    click_of(first, at=NOON, visitor="visitor")
    named = click_of(second, at=registered_at - timedelta(seconds=12), visitor="visitor")
    register(platform, click_id=named.click_id, player_id="visitor", occurred_at=registered_at)
    work_is_done()
    assert the_player("visitor").partner == first
    before = replay_everything()
    Click.objects.all().delete()

    replayed = replay_everything()

    assert (before.differences, dict(before.explained)) == ([], {})
    assert (replayed.differences, set(replayed.explained)) == ([], {VISITORS_CLICKS_GONE, CLICK_GONE})


def test_replay_explains_an_empty_value_of_a_player_who_never_deposited(platform: Platform) -> None:
    register(platform)
    CustomerLtv.objects.create(player=Player.objects.get(), currency="EUR", updated_at=NOON)

    replayed = replay_everything()

    assert (replayed.differences, replayed.explained) == (
        [],
        {"A lifetime value of a player who never deposited, which is nothing.": 1},
    )


def test_replay_shows_another_click_than_the_one_that_is_gone(platform: Platform, partners: list[Partner]) -> None:
    tell_of_a_player(platform, "visitor", partners, at=NOON + timedelta(hours=1))
    work_is_done()
    Click.objects.all().delete()
    other = uuid4()
    Player.objects.update(click_uuid=other)

    replayed = replay_everything()

    assert [(each.table, each.column, each.stored) for each in replayed.differences] == [
        ("players", "click_uuid", str(other))
    ]


def tell_of_players_by_every_channel(platform: Platform, partners: list[Partner]) -> None:
    """Tell of players of whom each has touches of several partners, some known only after the registration."""
    for number, name in enumerate(("retagged", "joined", "separated", "merged", "other", "left-alone")):
        tell_of_a_player(platform, name, partners, at=NOON + timedelta(hours=1, minutes=number))


def tell_of_a_player(platform: Platform, name: str, partners: list[Partner], *, at: datetime) -> None:
    """Tell of a visitor with two clicks, a device with another, a code, a tag, and a deposit by a fourth click."""
    first, second, third = partners
    clicks = [
        click_of(first, at=at - timedelta(minutes=40), visitor=name),
        click_of(second, at=at - timedelta(seconds=12), visitor=name),
        click_of(third, at=at - timedelta(minutes=50)),
        click_of(third, at=at + timedelta(minutes=30)),
    ]
    earlier, credited, of_device, after = (click.click_id for click in clicks)
    code = make_link(partner=third, promo_code=f"CODE-{name}"[:20].upper()).promo_code
    device = f"device-{name}"
    whom: dict[str, Any] = {"player_id": name}
    told: list[tuple[Reported, int]] = [
        (ReportedMilestone(**event(name, "lead", at, -5), click_id=credited, kind="lead", status="confirmed"), 0),
        (ReportedInstall(**event(name, "i-1", at, -20), install_id=device, activity="install", click_id=of_device), 0),
        (
            ReportedRegistration(**event(name, "reg", at, 0), **whom, claim=Claim(click_id=credited, promo_code=code)),
            0,
        ),
        (ReportedDeposit(**deposit_of(name, at, 10), **whom, click_id=earlier), 0),
        (ReportedDeposit(**deposit_of(name, at, 60), **whom, click_id=after), 0),
        # Said of the time before he registered, and only afterwards.
        (
            ReportedInstall(**event(name, "i-2", at, -3), **whom, install_id=device, activity="reinstall"),
            2,
        ),
        (
            ReportedMilestone(
                **event(name, "signup", at, -2), **whom, kind="signup", status="confirmed", partner_tag=first.tag
            ),
            3,
        ),
    ]
    for reported, hours in told:
        record_event(
            reported, platform=platform, webhook_id=f"msg-{reported.event_id}", at=at + timedelta(hours=hours + 1)
        )
        settle_due_touches(at=at + timedelta(hours=hours + 1), limit=100)


def click_of(partner: Partner, *, at: datetime, visitor: str = "") -> Click:
    return make_click(make_link(partner=partner), at=at, visitor_key=crc32(visitor.encode()) if visitor else None)


def event(name: str, what: str, at: datetime, minutes: int) -> dict[str, Any]:
    return {"event_id": f"{name}-{what}", "occurred_at": at + timedelta(minutes=minutes)}


def deposit_of(name: str, at: datetime, minutes: int) -> dict[str, Any]:
    terms = {"transaction_id": f"{name}-{minutes}", "status": "confirmed", "money": money("100")}
    return event(name, f"d-{minutes}", at, minutes) | terms


def change_the_rule(alice: User) -> None:
    draft = CreditRule(starts_at=RULE_CHANGES_AT, later_touch="earliest", protected_seconds=0, deposit_days=30)
    open_rule_version(draft, reason="The first touch counts.", actor=alice, at=NOON)


def import_and_undo(platform: Platform) -> None:
    """Import one file that stays, and one that is undone: it had named a player of the first as well."""
    header = "type,occurred_at,player_id,transaction_id,status,amount,currency"
    stays = [
        "registration,2026-11-22T13:00:00Z,imported,,,,",
        "deposit,2026-11-22T14:00:00Z,imported,imp-1,confirmed,80,EUR",
    ]
    goes = [
        "registration,2026-11-22T13:00:00Z,undone,,,,",
        "deposit,2026-11-22T14:00:00Z,undone,imp-2,confirmed,90,EUR",
        "deposit,2026-11-22T15:00:00Z,imported,imp-3,confirmed,70,EUR",
        "lead,2026-11-22T13:00:00Z,undone,imp-l,,5,EUR",
    ]
    record(lines(*stays, header=header), platform)
    undo(record(lines(*goes, header=header), platform))


def staff_decide(platform: Platform, partners: list[Partner], alice: User) -> None:
    """Give a player to another, join and separate touches, merge two and keep them apart again, merge two for good."""
    joined = click_of(partners[2], at=NOON + timedelta(minutes=5))
    retag_player(the_player("retagged"), link=make_link(partner=partners[2]), **by(alice))
    join_touch(the_player("joined"), Claim(click_id=joined.click_id), **by(alice))
    credited = the_player("separated").click_uuid
    assert credited is not None
    channel = "install" if the_player("separated").credit_outcome == "install" else "click"
    separate_touch(the_player("separated"), channel=channel, name=credited.hex, **by(alice))
    undo_merge(merge_players(the_player("merged"), the_player("retagged"), **by(alice)), **by(alice))
    merge_players(the_player("merged"), the_player("other"), **by(alice))


def by(alice: User) -> dict[str, Any]:
    return {"reason": "They agreed on it.", "actor": alice, "at": NOON + timedelta(days=2)}


def the_player(name: str) -> Player:
    return Player.objects.get(player_id=name)


def work_is_done() -> None:
    settle_due_touches(at=NOON + timedelta(days=3), limit=10_000)
    review_pending_conversions(at=NOON + timedelta(days=3), limit=10_000)


def replay_everything() -> Replayed:
    platforms = tuple(Platform.objects.order_by("pk").values_list("pk", flat=True))
    return replay(Choice(platforms=platforms), scratch="replay_of_a_week", processes=2)
