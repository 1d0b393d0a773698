"""Why nobody is told of a conversion: what is said for each cause, and what to do about it."""

from typing import Any

import pytest

from conversions.domain import untold
from conversions.domain.outbox import write_postbacks
from conversions.domain.untold import why_untold
from conversions.models import Conversion
from tests.conversions.postbacks.rows import (
    make_conversion,
    make_first_deposit,
    make_generic,
    make_meta,
    make_player,
    make_registration,
)
from tests.world import NOON, make_campaign, make_partner

pytestmark = pytest.mark.django_db


def told_by_destination(conversion: Conversion) -> dict[str, tuple[str, ...]]:
    answer = why_untold(conversion, at=NOON)
    assert answer.reasons == []
    return {str(each): group.reasons for group in answer.unheard for each in group.destinations}


@pytest.mark.parametrize(
    ("columns", "reasons"),
    [
        (
            {"status": "pending", "is_settled": False},
            ["The conversion is pending, not confirmed.", "It is told once its platform confirms it."],
        ),
        ({"status": "refunded", "reversed_at": NOON}, ["The conversion is refunded, not confirmed."]),
        (
            {"review_state": "pending"},
            [
                "Its review: waiting for review.",
                "It is told once it is approved, which takes some seconds while the worker runs.",
            ],
        ),
        ({"review_state": "held"}, ["Its review: held.", "It is told once somebody approves it."]),
        ({"review_state": "rejected"}, ["Its review: rejected."]),
        (
            {"campaign": None},
            [
                "No campaign is credited with it.",
                "If a campaign did bring him, give him to its link: “Re-tag…” on his page.",
            ],
        ),
    ],
)
def test_why_untold_says_what_concerns_everybody_alone(columns: dict[str, Any], reasons: list[str]) -> None:
    make_meta()

    answer = why_untold(make_conversion(**columns), at=NOON)

    assert (answer.reasons, answer.unheard) == (reasons, [])


def test_why_untold_groups_destinations_by_what_they_lack() -> None:
    make_meta(name="A", campaigns=[make_campaign()])
    make_meta(name="B", campaigns=[make_campaign()])
    make_generic(name="C", is_active=False)
    make_generic(name="D", partner=make_partner())

    told = told_by_destination(make_registration())

    assert told == {
        "A": ("It belongs to another campaign.", "The destination is not told of events of this kind."),
        "B": ("It belongs to another campaign.", "The destination is not told of events of this kind."),
        "C": ("It is switched off.", "The destination is not told of events of this kind."),
    }
    assert len(why_untold(make_registration(), at=NOON).unheard) == 2


def test_why_untold_says_why_the_player_may_not_be_signalled() -> None:
    make_meta(name="Meta")
    deposit = make_first_deposit(make_player(self_excluded_at=NOON))

    assert told_by_destination(deposit) == {"Meta": ("The player excluded himself.",)}


def test_why_untold_says_that_a_destination_came_later() -> None:
    deposit = make_first_deposit()
    make_meta(name="Meta")

    told = told_by_destination(deposit)

    assert told == {"Meta": ("It was added or changed after the approval: who is told is decided then.",)}


def test_why_untold_says_that_the_first_deposit_was_told_by_another() -> None:
    make_meta(name="Meta")
    player = make_player()
    first = make_first_deposit(player)
    write_postbacks(first, at=NOON)
    Conversion.objects.filter(pk=first.pk).update(is_first_deposit=False)

    told = told_by_destination(make_first_deposit(player))

    assert told == {"Meta": ("It was told already, by another deposit of the player.",)}


def test_why_untold_says_that_a_partner_hears_of_commissions() -> None:
    partner = make_partner()
    make_generic(name="Theirs", partner=partner)

    told = told_by_destination(make_first_deposit(partner=partner))

    assert told == {"Theirs": ("It hears of it when a commission is booked: none was.",)}


def test_why_untold_looks_at_so_many_destinations_and_counts_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(untold, "MOST_DESTINATIONS", 2)
    for name in "ABC":
        make_meta(name=name)

    answer = why_untold(make_registration(), at=NOON)

    assert ([str(each) for each in answer.unheard[0].destinations], answer.more) == (["A", "B"], 1)
