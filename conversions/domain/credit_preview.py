"""What another rule would have credited: players of a past period decided again, nothing written."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F

from attribution.domain.credit import Decision, decide_credit
from attribution.domain.credit_rules import RuleBook, book_of
from attribution.domain.touches import Touch
from attribution.models import Channel, CreditOutcome, CreditRule
from campaigns.models import Campaign, Partner
from conversions.models import Conversion, Player

MOST_PLAYERS = 20_000
_MOST_EXAMPLES = 20
_BATCH = 500
_NOBODY = "Nobody"


@dataclass(frozen=True, kw_only=True)
class Moved:
    """One player who would be credited to another; names, or "Nobody"."""

    player: Player
    campaign: tuple[str, str]
    partner: tuple[str, str]
    reason: str

    @property
    def moves(self) -> str:
        """Return from whom to whom, in words."""
        pairs = [("campaign", *self.campaign), ("partner", *self.partner)]
        return ", ".join(f"{what} {before} → {after}" for what, before, after in pairs if before != after)


@dataclass(frozen=True, kw_only=True)
class Change:
    """How many players a campaign or partner has, and how many it would win and lose."""

    name: str
    has: int
    wins: int
    loses: int

    @property
    def would_have(self) -> int:
        return self.has + self.wins - self.loses


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A rule's effect on the players who registered in a period.

    `players` were decided again; `by_staff` and `without_reasons` (from before reasons were kept) were left out.
    `late_deposits` would be credited to nobody. `is_cut`: there are more players than a preview reads.
    """

    players: int
    moved: int
    by_staff: int
    without_reasons: int
    late_deposits: int
    is_cut: bool
    campaigns: list[Change] = field(default_factory=list)
    partners: list[Change] = field(default_factory=list)
    examples: list[Moved] = field(default_factory=list)

    @property
    def tables(self) -> list[tuple[list[Change], str]]:
        """Return the counts with what they are by."""
        return [(self.campaigns, "campaign"), (self.partners, "partner")]


def preview_rule(draft: CreditRule, *, starts_at: datetime, ends_at: datetime) -> Preview:
    """Decide the players who registered in the half-open period again as if `draft` had been in force; write nothing.

    The draft stands in for its scope alone; other rules are those that were in force.
    """
    registrations = Conversion.objects.filter(
        kind=Conversion.Kind.REGISTRATION, occurred_at__gte=starts_at, occurred_at__lt=ends_at, is_test=False
    )
    if draft.brand_id is not None:
        registrations = registrations.filter(platform__brand=draft.brand_id)
    numbers = list(registrations.order_by("occurred_at").values_list("player_id", flat=True)[: MOST_PLAYERS + 1])
    counting = _Counting(draft)
    for first in range(0, min(len(numbers), MOST_PLAYERS), _BATCH):
        counting.add(numbers[first : first + _BATCH])
    return counting.preview(is_cut=len(numbers) > MOST_PLAYERS)


class _Counting:
    """A preview in the making."""

    def __init__(self, draft: CreditRule) -> None:
        self._draft = draft
        self._rules = list(CreditRule.objects.select_related("brand", "campaign").order_by("starts_at"))
        self._figures: Counter[str] = Counter()
        # Each is what is credited before and after, as row numbers.
        self._campaigns: Counter[tuple[int | None, int | None]] = Counter()
        self._partners: Counter[tuple[int | None, int | None]] = Counter()
        self._moved: list[tuple[Player, Decision]] = []

    def add(self, numbers: Sequence[int]) -> None:
        players = Player.objects.filter(pk__in=numbers).select_related("credit_decision", "platform").order_by("pk")
        drafted = []
        for player in players:
            decision = self._decide(player)
            if decision is None:
                continue
            if decision.rule is self._draft:
                drafted.append(player.pk)
            self._note(player, decision)
        if self._draft.deposit_days:
            bound = timedelta(days=self._draft.deposit_days)
            deposits = Conversion.objects.filter(kind=Conversion.Kind.DEPOSIT, player__in=drafted, is_test=False)
            late = deposits.filter(occurred_at__gte=F("player__registered_at") + bound)
            self._figures["late_deposits"] += late.exclude(credit_outcome=CreditOutcome.LATE_DEPOSIT).count()

    def _decide(self, player: Player) -> Decision | None:
        if player.credit_outcome == CreditOutcome.STAFF:
            self._figures["by_staff"] += 1
            return None
        if player.credit_decision is None or player.registered_at is None:
            self._figures["without_reasons"] += 1
            return None
        touches = [_touch(each) for each in player.credit_decision.candidates]
        rules = _book(self._rules, self._draft, brand_id=player.platform.brand_id, at=player.registered_at)
        return decide_credit(touches, rules=rules, registered_at=player.registered_at)

    def _note(self, player: Player, decision: Decision) -> None:
        credit = decision.credit
        self._figures["players"] += 1
        self._campaigns[player.campaign_id, credit.campaign_id] += 1
        self._partners[player.partner_id, credit.partner_id] += 1
        if (player.campaign_id, player.partner_id) != (credit.campaign_id, credit.partner_id):
            self._figures["moved"] += 1
            if len(self._moved) < _MOST_EXAMPLES:
                self._moved.append((player, decision))

    def preview(self, *, is_cut: bool) -> Preview:
        campaigns, partners = self._names()
        return Preview(
            players=self._figures["players"],
            moved=self._figures["moved"],
            by_staff=self._figures["by_staff"],
            without_reasons=self._figures["without_reasons"],
            late_deposits=self._figures["late_deposits"],
            is_cut=is_cut,
            campaigns=_changes(self._campaigns, campaigns),
            partners=_changes(self._partners, partners),
            examples=[_example(player, decision, campaigns, partners) for player, decision in self._moved],
        )

    def _names(self) -> tuple[dict[int | None, str], dict[int | None, str]]:
        campaigns = Campaign.objects.filter(pk__in={pk for pair in self._campaigns for pk in pair if pk is not None})
        partners = Partner.objects.filter(pk__in={pk for pair in self._partners for pk in pair if pk is not None})
        return (
            {None: _NOBODY, **dict(campaigns.values_list("pk", "name"))},
            {None: _NOBODY, **dict(partners.values_list("pk", "name"))},
        )


def _touch(candidate: dict[str, Any]) -> Touch:
    is_click = candidate["channel"] in (Channel.CLICK, Channel.INSTALL) and candidate["name"]
    return Touch(
        channel=candidate["channel"],
        name=candidate["name"],
        occurred_at=datetime.fromisoformat(candidate["occurred_at"]),
        problem=candidate["problem"],
        click_uuid=UUID(candidate["name"]) if is_click else None,
        link_id=candidate["link"],
        campaign_id=candidate["campaign"],
        partner_id=candidate["partner"],
        is_named=candidate["is_named"],
        is_probable=candidate["is_probable"],
    )


def _book(rules: Iterable[CreditRule], draft: CreditRule, *, brand_id: int, at: datetime) -> RuleBook:
    in_force = [
        rule
        for rule in rules
        if rule.starts_at <= at and (rule.ends_at is None or rule.ends_at > at) and rule.brand_id in (None, brand_id)
    ]
    return book_of([*in_force, draft])


def _changes(pairs: Counter[tuple[int | None, int | None]], names: dict[int | None, str]) -> list[Change]:
    """Return what each would win and lose, those with the greatest change first."""
    has: Counter[int | None] = Counter()
    wins: Counter[int | None] = Counter()
    loses: Counter[int | None] = Counter()
    for (before, after), number in pairs.items():
        has[before] += number
        if before != after:
            loses[before] += number
            wins[after] += number
    changes = [Change(name=names[pk], has=has[pk], wins=wins[pk], loses=loses[pk]) for pk in {*has, *wins}]
    return sorted(changes, key=lambda change: (-change.wins - change.loses, change.name))


def _example(
    player: Player, decision: Decision, campaigns: dict[int | None, str], partners: dict[int | None, str]
) -> Moved:
    credit = decision.credit
    return Moved(
        player=player,
        campaign=(campaigns[player.campaign_id], campaigns[credit.campaign_id]),
        partner=(partners[player.partner_id], partners[credit.partner_id]),
        reason=decision.reason,
    )
