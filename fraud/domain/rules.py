"""The rules by which a conversion is judged: each looks at one case and says why it is stopped, or nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from attribution.models import CreditOutcome
from fraud.models import Review

# Two machines' clocks may differ by this much before an event counts as earlier than its click.
CLOCK_TOLERANCE = timedelta(seconds=60)

# Single signs of lead theft happen by chance: a partner's share of them, over enough players, does not.
THEFT_SHARE = Fraction(5, 100)
THEFT_SAMPLE = 20


@dataclass(frozen=True, kw_only=True)
class TheftSign:
    """A sign that `taker` took the player from another, and how many of the taker's recent players show one.

    `is_paid` says that the taker is the one who is credited.
    """

    text: str
    taker: str
    is_paid: bool
    players: int
    signs: int

    @property
    def is_habit(self) -> bool:
        """Say whether the taker's players show such signs more often than chance would have it."""
        return self.players >= THEFT_SAMPLE and Fraction(self.signs, self.players) > THEFT_SHARE


@dataclass(frozen=True, kw_only=True)
class Case:
    """What the rules look at: a conversion's instant, and what it was credited with.

    `country` is the player's as registered, else the click's; None where neither is known. No `offer_countries`
    means that the offer takes all. `refusals` are the reasons for which a measurement partner refused the install.
    """

    occurred_at: datetime
    credit_outcome: str
    clicked_at: datetime | None = None
    click_kind: str = ""
    country: str | None = None
    offer_countries: tuple[str, ...] = ()
    thefts: tuple[TheftSign, ...] = ()
    refusals: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One ground for stopping a conversion; `find` returns the text for people, or None when it does not hit.

    A rule whose verdict is approval only watches: its text is kept with the review.
    """

    name: str
    verdict: Review.Verdict
    find: Callable[[Case], str | None]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What the rules say: the gravest verdict among those that hit, and each one's reason."""

    verdict: Review.Verdict
    reasons: list[dict[str, str]]


def judge(case: Case) -> Judgement:
    """Judge a case by all rules."""
    hits = [(rule, text) for rule in RULES if (text := rule.find(case)) is not None]
    verdict = max((rule.verdict for rule, _ in hits), key=_GRAVITY.index, default=Review.Verdict.APPROVED)
    return Judgement(verdict=verdict, reasons=[{"rule": rule.name, "text": text} for rule, text in hits])


def forged_click_id(case: Case) -> str | None:
    if case.credit_outcome != CreditOutcome.FORGED_CLICK_ID:
        return None
    return "The click id of the registration has the form of ours, but none of our keys signed it."


def declared_bot(case: Case) -> str | None:
    if case.click_kind != "bot":
        return None
    return "The click came from a program that calls itself a bot."


def event_before_click(case: Case) -> str | None:
    if case.clicked_at is None or case.occurred_at >= case.clicked_at - CLOCK_TOLERANCE:
        return None
    seconds = (case.clicked_at - case.occurred_at).total_seconds()
    return (
        f"The event is of {_instant(case.occurred_at)}, {seconds:.0f} s before its click "
        f"({_instant(case.clicked_at)}); {CLOCK_TOLERANCE.total_seconds():.0f} s are allowed for clocks that differ."
    )


def country_outside_offer(case: Case) -> str | None:
    if not case.offer_countries or case.country is None or case.country in case.offer_countries:
        return None
    return f"The player is from {case.country}; the offer takes {', '.join(case.offer_countries)}."


def country_unknown(case: Case) -> str | None:
    if not case.offer_countries or case.country is not None:
        return None
    return (
        "Neither the registration nor the click says which country the player is from; "
        f"the offer takes {', '.join(case.offer_countries)}."
    )


def lead_theft(case: Case) -> str | None:
    for sign in case.thefts:
        if sign.is_paid and sign.is_habit:
            return (
                f"{sign.text} It is so with {sign.signs} of {sign.taker}'s {sign.players} players of the last 30 days; "
                f"more than {float(THEFT_SHARE):.0%} of {THEFT_SAMPLE} or more are held."
            )
    return None


def possible_lead_theft(case: Case) -> str | None:
    signs = [sign.text for sign in case.thefts if not (sign.is_paid and sign.is_habit)]
    return " ".join(signs) or None


def install_refused(case: Case) -> str | None:
    if not case.refusals:
        return None
    return f"The measurement partner refused the install as fraud: {'; '.join(case.refusals)}."


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


_GRAVITY = [Review.Verdict.APPROVED, Review.Verdict.HELD, Review.Verdict.REJECTED]

RULES = [
    Rule(name="forged_click_id", verdict=Review.Verdict.REJECTED, find=forged_click_id),
    Rule(name="declared_bot", verdict=Review.Verdict.HELD, find=declared_bot),
    Rule(name="event_before_click", verdict=Review.Verdict.HELD, find=event_before_click),
    Rule(name="country_outside_offer", verdict=Review.Verdict.HELD, find=country_outside_offer),
    Rule(name="install_refused", verdict=Review.Verdict.HELD, find=install_refused),
    Rule(name="country_unknown", verdict=Review.Verdict.HELD, find=country_unknown),
    Rule(name="lead_theft", verdict=Review.Verdict.HELD, find=lead_theft),
    Rule(name="possible_lead_theft", verdict=Review.Verdict.APPROVED, find=possible_lead_theft),
]
