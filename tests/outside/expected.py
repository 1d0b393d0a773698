"""What must come out of what the outside world did: the rules once more, in plain Python.

Nothing here reads the tracker or its code. Facts go in as they happen; `settle` says that the tracker had the time to
tell everybody of what there was until then.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.outside.casino import Deposit, Registration, Report
from tests.outside.setup import Demo, Link
from tests.outside.visitors import Click

# The last of these that was reported of a deposit stands, in whatever order the reports came.
STATUSES = ("pending", "confirmed", "rejected", "void", "refunded", "charged_back")
SETTLING = {"confirmed", "refunded", "charged_back"}
REVERSED = {"refunded", "charged_back"}
NEVER_FIRST = {"pending", "rejected", "void"}
# The demo's offers take players from these.
OFFERED_COUNTRIES = {"MT", "FI", "DE", "BR"}


@dataclass(frozen=True, kw_only=True)
class ExpectedAnswer:
    """How the casino must be answered."""

    status: int
    first_deposit: bool | None = None
    credited_to: dict[str, Any] | None = None


@dataclass(kw_only=True)
class Figures:
    """What a campaign's figures must grow by; money in the campaign's currency."""

    clicks: int = 0
    bots: int = 0
    previews: int = 0
    registrations: int = 0
    first_deposits_gross: int = 0
    first_deposits_net: int = 0
    first_deposits_held: int = 0
    click_cost: Decimal = Decimal(0)
    commission: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    revenue: Decimal = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Told:
    """One message that a receiver must get once, in our own words; None stands for what it does not carry.

    `receiver` is meta, s2s or partner; `click_id` and `external_id` are empty for a player who did not click.
    """

    receiver: str
    event: str
    is_correction: bool
    click_id: str
    external_id: str
    amount: Decimal | None
    currency: str | None


@dataclass(kw_only=True)
class Transaction:
    """Everything that was reported of one deposit."""

    reports: list[Deposit]

    @property
    def status(self) -> str:
        return max((report.status for report in self.reports), key=STATUSES.index)

    @property
    def earliest(self) -> tuple[datetime, str]:
        return min((report.occurred_at, report.event_id) for report in self.reports)

    @property
    def is_test(self) -> bool:
        return any(report.is_test for report in self.reports)

    @property
    def may_be_first(self) -> bool:
        settled = any(report.status in SETTLING for report in self.reports)
        return settled and self.status not in NEVER_FIRST and not self.is_test

    @property
    def is_reversed(self) -> bool:
        return self.status in REVERSED

    @property
    def money(self) -> tuple[Decimal, str]:
        return self.reports[0].amount, self.reports[0].currency


@dataclass(kw_only=True)
class Person:
    """A player as the casino reported him, and what receivers were told of him."""

    registration: Registration | None = None
    transactions: dict[str, Transaction] = field(default_factory=dict)
    click: Click | None = None
    link: Link | None = None
    partner: str | None = None
    is_commission_booked: bool = False

    @property
    def is_test(self) -> bool:
        return self.registration is not None and self.registration.is_test

    @property
    def has_consent(self) -> bool:
        """Unknown consent is refusal in the EEA; the demo's only other country does not ask for it."""
        if self.registration is None or self.registration.has_consent is None:
            return self.registration is not None and self.registration.country == "BR"
        return self.registration.has_consent

    @property
    def first_deposit(self) -> Transaction | None:
        candidates = [transaction for transaction in self.transactions.values() if transaction.may_be_first]
        return (
            min(candidates, key=lambda transaction: transaction.earliest) if not self.is_test and candidates else None
        )


class Expectations:
    """The model: what was clicked and reported so far, and what follows from it."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._clicks: dict[str, Click] = {}
        self._answered: dict[str, tuple[Report, ExpectedAnswer]] = {}
        self._told: dict[tuple[str, str, str, bool], Told] = {}
        self.people: dict[str, Person] = {}

    def saw_click(self, click: Click) -> None:
        self._clicks[click.click_id] = click

    def saw_report(self, report: Report) -> ExpectedAnswer:
        """Take a report in and return how it must be answered."""
        if report.event_id in self._answered:
            first, answer = self._answered[report.event_id]
            return answer_again(answer) if report == first else ExpectedAnswer(status=409)
        if isinstance(report, Deposit) and self._contradicts(report):
            return ExpectedAnswer(status=409)
        person = self.people.setdefault(report.player_id, Person())
        if isinstance(report, Registration):
            self._register(person, report)
        else:
            transaction = person.transactions.setdefault(report.transaction_id, Transaction(reports=[]))
            transaction.reports.append(report)
        answer = self._answer(person, report)
        self._answered[report.event_id] = (report, answer)
        return answer

    def settle(self) -> None:
        """Note what all receivers have been told by now and which commissions have been booked."""
        for player_id, person in self.people.items():
            for told in self._due(person):
                self._told.setdefault((player_id, told.receiver, told.event, told.is_correction), told)
            for told in list(self._corrections(player_id, person)):
                self._told.setdefault((player_id, told.receiver, told.event, told.is_correction), told)
            if self._earns_commission(person):
                person.is_commission_booked = True

    @property
    def told(self) -> list[Told]:
        """What all receivers must have got until the last `settle`."""
        return list(self._told.values())

    def figures(self) -> dict[str, Figures]:
        """Return what each campaign's figures must have grown by, by the campaign's name."""
        campaigns = {link.campaign: Figures() for link in self._demo.links}
        for click in self._clicks.values():
            _count_click(campaigns[click.visit.link.campaign], click)
        for person in self.people.values():
            if person.link is not None and not person.is_test:
                self._count_person(campaigns[person.link.campaign], person)
        for figures in campaigns.values():
            figures.cost = figures.click_cost + figures.commission
        return campaigns

    def commissions(self) -> dict[str, list[Decimal]]:
        """Return by player what the ledger must have booked for him: the commission and its reversal."""
        booked = {}
        for player_id, person in self.people.items():
            if person.is_commission_booked:
                amount = self._cpa_of(person)
                booked[player_id] = [amount] if self._earns_commission(person) else [amount, -amount]
        return booked

    def outcomes(self) -> Counter[str]:
        """Return how many deposits ended in which status, for a reader who wants to know what was played."""
        return Counter(
            transaction.status for person in self.people.values() for transaction in person.transactions.values()
        )

    def _contradicts(self, report: Deposit) -> bool:
        for player_id, person in self.people.items():
            known = person.transactions.get(report.transaction_id)
            if known is not None:
                held = known.reports[0]
                told = (report.player_id, report.amount, report.currency)
                return told != (player_id, held.amount, held.currency)
        return False

    def _register(self, person: Person, report: Registration) -> None:
        person.registration = report
        person.click = self._clicks.get((report.click_id or "").lower())
        if person.click is not None:
            person.link = person.click.visit.link
        elif report.click_id is None:
            person.link = self._link_with_code(report.promo_code)
        if person.link is not None:
            person.partner = person.link.partner
        elif report.click_id is None and report.partner_tag in self._demo.partners:
            person.partner = report.partner_tag

    def _link_with_code(self, code: str | None) -> Link | None:
        wanted = (code or "").upper()
        return next((link for link in self._demo.links if wanted and link.promo_code.upper() == wanted), None)

    def _answer(self, person: Person, report: Report) -> ExpectedAnswer:
        credited = None
        if person.link is not None or person.partner is not None:
            credited = {
                "campaign": person.link.campaign if person.link else None,
                "campaign_id": person.link.campaign_id if person.link else None,
                "creative": person.link.creative if person.link else None,
                "partner": person.partner,
            }
        first = person.first_deposit
        is_first = first is not None and isinstance(report, Deposit) and report in first.reports
        return ExpectedAnswer(status=201, first_deposit=is_first, credited_to=credited)

    def _is_approved(self, person: Person) -> bool:
        """For now: no declared bot, and a country that the offers take; nothing forged is credited anyway."""
        if person.click is not None and person.click.visit.is_bot:
            return False
        reported = person.registration.country if person.registration else None
        country = reported or (person.click.visit.country if person.click else None)
        return country in OFFERED_COUNTRIES

    def _earns_commission(self, person: Person) -> bool:
        first = person.first_deposit
        is_owed = first is not None and not first.is_reversed
        return is_owed and not person.is_test and person.partner is not None and self._is_approved(person)

    def _cpa_of(self, person: Person) -> Decimal:
        assert person.partner is not None
        return self._demo.partners[person.partner].cpa_amount

    def _count_person(self, figures: Figures, person: Person) -> None:
        figures.registrations += person.registration is not None
        if self._earns_commission(person):
            figures.commission += self._cpa_of(person)
        first = person.first_deposit
        if first is None:
            return
        figures.first_deposits_gross += 1
        if not first.is_reversed:
            figures.first_deposits_net += 1
            figures.revenue += person.link.offer_revenue if person.link else Decimal(0)
            figures.first_deposits_held += not self._is_approved(person)

    def _due(self, person: Person) -> Iterator[Told]:
        """Yield what may be told of a person: approved facts, to the source's receiver only with consent."""
        if person.is_test or person.registration is None or not self._is_approved(person):
            return
        receiver = _receiver_of(person.link)
        first = person.first_deposit
        is_confirmed = first is not None and first.status == "confirmed"
        if receiver is not None and person.has_consent:
            yield _told(person, receiver=receiver, event="registration")
            if first is not None and is_confirmed:
                yield _told(person, receiver=receiver, event="first_deposit", money=first.money)
        if person.partner is not None and is_confirmed:
            terms = self._demo.partners[person.partner]
            yield _told(person, receiver="partner", event="first_deposit", money=(terms.cpa_amount, terms.currency))

    def _corrections(self, player_id: str, person: Person) -> Iterator[Told]:
        """Yield what takes back a first deposit that stands no more; Meta has no way to hear of it."""
        first = person.first_deposit
        if first is not None and not first.is_reversed:
            return
        for receiver in ("s2s", "partner"):
            told = self._told.get((player_id, receiver, "first_deposit", False))
            if told is not None:
                yield replace(told, is_correction=True)


def answer_again(answer: ExpectedAnswer) -> ExpectedAnswer:
    """Return the answer to a repeat: the first one, with 200."""
    return ExpectedAnswer(status=200, first_deposit=answer.first_deposit, credited_to=answer.credited_to)


def _receiver_of(link: Link | None) -> str | None:
    """Return who hears of a link's players besides its partner."""
    if link is None or link.partner is not None:
        return None
    return "meta" if link.click_id_parameter == "fbclid" else "s2s"


def _told(
    person: Person, *, receiver: str, event: str, money: tuple[Decimal | None, str | None] = (None, None)
) -> Told:
    click = person.click
    return Told(
        receiver=receiver,
        event=event,
        is_correction=False,
        click_id=click.click_id if click else "",
        external_id=click.visit.external_id if click else "",
        amount=money[0],
        currency=money[1],
    )


def _count_click(figures: Figures, click: Click) -> None:
    """Count a visit; sources charge for people alone."""
    if click.visit.kind == "bot":
        figures.bots += 1
    elif click.visit.kind == "preview":
        figures.previews += 1
    else:
        figures.clicks += 1
        figures.click_cost += click.visit.cost or Decimal(0)
