"""Two workers at once: each has a connection of its own, and what they do is really committed."""

import threading
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import connection, transaction

from affiliates.domain.booking import book_due_commissions
from affiliates.domain.queries import owed_to
from affiliates.domain.verify import ledger_differences
from affiliates.models import Commission, LedgerTransfer
from conversions.models import Conversion, Player
from tests.affiliates.builders import LATER, charge_back, make_deposit, make_earning_deposit, make_partner_account
from tests.world import NOON

pytestmark = pytest.mark.django_db(transaction=True)


def run_together(*verbs: Callable[[], object]) -> list[BaseException]:
    """Run each verb in a thread and connection of its own, started together; return what they raised."""
    start = threading.Barrier(len(verbs))
    raised: list[BaseException] = []

    def run(verb: Callable[[], object]) -> None:
        start.wait()
        try:
            verb()
        except BaseException as error:
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(verb,)) for verb in verbs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return raised


def book_all() -> None:
    while book_due_commissions(at=LATER, limit=5):
        pass


def test_book_commission_once_with_four_workers():
    account = make_partner_account()
    for _ in range(40):
        make_earning_deposit(account)

    raised = run_together(book_all, book_all, book_all, book_all)
    book_all()

    assert raised == []
    assert Commission.objects.count() == 40
    assert owed_to(account, currency="EUR") == Decimal(4800)
    assert ledger_differences() == []


def test_reverse_commission_once_with_four_workers():
    account = make_partner_account()
    deposits = [make_earning_deposit(account) for _ in range(40)]
    book_all()
    for deposit in deposits:
        charge_back(deposit)

    raised = run_together(book_all, book_all, book_all, book_all)
    book_all()

    assert raised == []
    assert LedgerTransfer.objects.filter(kind="reversal").count() == 40
    assert owed_to(account, currency="EUR") == Decimal(0)
    assert ledger_differences() == []


def test_book_commission_leaves_a_player_whom_an_event_holds():
    account = make_partner_account()
    held, free = make_earning_deposit(account), make_earning_deposit(account)

    with transaction.atomic():
        Player.objects.select_for_update().get(pk=held.player_id)
        raised = run_together(book_all)

    assert raised == []
    assert Commission.objects.get().conversion == free
    assert Conversion.objects.get(pk=held.pk).booking_state == "due"


def test_book_commission_sees_a_review_that_ends_meanwhile():
    deposit = make_earning_deposit()
    reviewing = threading.Event()

    def reject_slowly() -> None:
        with transaction.atomic():
            Conversion.objects.filter(pk=deposit.pk).update(review_state="rejected", booking_state="due")
            reviewing.set()
            threading.Event().wait(0.5)

    def book_meanwhile() -> None:
        reviewing.wait()
        book_due_commissions(at=LATER, limit=5)

    raised = run_together(reject_slowly, book_meanwhile)

    assert raised == []
    assert Commission.objects.count() == 0


def test_book_commission_once_for_a_player_with_two_due_deposits():
    account = make_partner_account()
    deposit = make_earning_deposit(account)
    make_deposit(deposit.player, partner=account.partner, is_first_deposit=False, occurred_at=NOON)

    raised = run_together(book_all, book_all)
    book_all()

    assert raised == []
    assert Commission.objects.count() == 1
    assert Conversion.objects.filter(booking_state="due").count() == 0
