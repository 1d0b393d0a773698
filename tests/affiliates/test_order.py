"""Whatever order a player's facts come in, and whenever workers run between them, the same money is owed."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from affiliates.domain.booking import book_due_commissions
from affiliates.domain.queries import owed_to
from affiliates.domain.verify import ledger_differences
from affiliates.models import PartnerAccount
from attribution.domain.credit import Claim
from conversions.domain.recording import record_deposit, record_registration
from conversions.domain.reported import ReportedDeposit, ReportedRegistration
from conversions.models import Platform
from fraud.domain.reviewing import review_pending_conversions
from tests.affiliates.builders import make_partner_account
from tests.world import NOON, make_platform
from tracker_project.common.money import Money

pytestmark = pytest.mark.django_db

AT = NOON + timedelta(days=1)


def deposit(transaction_id: str, status: str, *, hours: int, amount: int) -> ReportedDeposit:
    return ReportedDeposit(
        event_id=f"{transaction_id}-{status}",
        transaction_id=transaction_id,
        status=status,
        occurred_at=NOON + timedelta(hours=hours),
        player_id="p-1",
        money=Money(amount=Decimal(amount), currency="EUR"),
    )


# What may be reported of one player. The deposit `small` is the earliest, and less than the plan's minimum.
FACTS = [
    None,  # his registration
    deposit("usual", "pending", hours=3, amount=100),
    deposit("usual", "confirmed", hours=4, amount=100),
    deposit("usual", "charged_back", hours=9, amount=100),
    deposit("usual", "void", hours=8, amount=100),
    deposit("small", "confirmed", hours=2, amount=5),
    deposit("small", "void", hours=7, amount=5),
    deposit("late", "confirmed", hours=5, amount=50),
    deposit("late", "refunded", hours=6, amount=50),
]

histories = st.lists(
    st.tuples(st.integers(0, len(FACTS) - 1), st.booleans()), min_size=1, unique_by=lambda step: step[0]
)


def work() -> None:
    while review_pending_conversions(at=AT, limit=100) or book_due_commissions(at=AT, limit=100):
        pass


def report(fact: ReportedDeposit | None, *, platform: Platform, account: PartnerAccount) -> None:
    if fact is not None:
        record_deposit(fact, platform=platform, webhook_id=fact.event_id, at=AT)
        return
    claim = Claim(partner_tag=account.partner.tag)
    registration = ReportedRegistration(event_id="registered", occurred_at=NOON, player_id="p-1", claim=claim)
    record_registration(registration, platform=platform, webhook_id="registered", at=AT)


def play(steps: Sequence[tuple[int, bool]]) -> Decimal:
    """Report the facts in this order, workers running after those that say so; return what the partner is owed."""
    platform, account = make_platform(), make_partner_account()
    for number, workers_run in steps:
        report(FACTS[number], platform=platform, account=account)
        if workers_run:
            work()
    work()
    return owed_to(account, currency="EUR")


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=histories)
def test_book_commission_owes_the_same_in_any_order(steps):
    in_plain_order = [(number, False) for number in sorted(number for number, _ in steps)]

    assert play(steps) == play(in_plain_order)
    assert ledger_differences() == []


def test_book_commission_of_a_usual_history_is_owed():
    assert play([(0, True), (1, True), (2, True)]) == Decimal(120)


def test_book_commission_of_a_charged_back_history_is_not_owed():
    assert play([(0, True), (2, True), (3, True), (7, True)]) == Decimal(0)
