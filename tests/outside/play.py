"""One play: visitors click, the casino reports, and the tracker's figures are compared with the model's."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from decimal import Decimal

from tests.outside.bookkeeping import Bookkeeping, CampaignDays, cpa_by_hand
from tests.outside.casino import Casino
from tests.outside.comparison import Comparison, Value
from tests.outside.desk import Desk
from tests.outside.expected import Expectations, Figures
from tests.outside.receivers import Receiver
from tests.outside.receiving import as_received, doubles, missing_and_unexpected, read_told
from tests.outside.setup import Demo
from tests.outside.stories import STORIES, Story, by_promo_code, malformed_messages, ordinary, registration_alone
from tests.outside.visitors import (
    Click,
    Visit,
    invent_bot,
    invent_crowd,
    invent_visit,
    play_visits,
    status_of_unknown_link,
)

PATIENCE_SECONDS = 30.0
# After the last postback nothing more may come; a double would come within this.
QUIET_SECONDS = 1.5
POLL_SECONDS = 0.1
REGISTERING_SHARE = 0.25
DEPOSITING_SHARE = 0.5

Say = Callable[[str], None]


class Play:
    """The outside world for one run. `say` shows progress."""

    def __init__(
        self,
        demo: Demo,
        receiver: Receiver,
        bookkeeping: Bookkeeping,
        *,
        run: str,
        seed: int,
        say: Say,
        casino: Casino | None = None,
    ) -> None:
        self.comparison = Comparison()
        self._demo = demo
        self._receiver = receiver
        self._bookkeeping = bookkeeping
        self._chance = random.Random(seed)
        self._run = run
        self._say = say
        self._expectations = Expectations(demo)
        self._desk = Desk(demo, self._expectations, self.comparison, run=run, casino=casino)

    def perform(self, *, visitors: int) -> None:
        """Play everything with about as many visitors, at least one a story, and compare."""
        try:
            before = self._bookkeeping.campaign_days()
            cast, crowd = self._send_visitors(visitors)
            pending = self._first_act(cast, crowd)
            self._wait_for_postbacks()
            self._second_act(pending)
            self._wait_for_postbacks()
            time.sleep(QUIET_SECONDS)
            self._compare_postbacks()
            self._compare_figures(before)
            self._compare_commissions()
        finally:
            self._desk.close()

    def _send_visitors(self, visitors: int) -> tuple[list[tuple[Story, Click]], list[Click]]:
        """Let everybody click; return who plays a story, and the others."""
        self._say(f"{max(visitors, len(STORIES))} visitors click ...")
        cast = [self._visit_of(story) for story in STORIES]
        crowd = invent_crowd(self._chance, self._demo, run=self._run, size=max(0, visitors - len(cast)))
        played = play_visits(cast + crowd, click_url=self._demo.click_url)
        tally = self.comparison.tally("visitors sent on to the offer with a click id")
        for answer in played:
            tally.add(is_right=isinstance(answer, Click), surprise=str(answer))
            if isinstance(answer, Click):
                self._expectations.saw_click(answer)
                self._compare_location(answer)
        self.comparison.expect("unknown link answered", 404, status_of_unknown_link(self._demo.click_url))
        roles = [(story, click) for story, click in zip(STORIES, played, strict=False) if isinstance(click, Click)]
        return roles, [click for click in played[len(cast) :] if isinstance(click, Click)]

    def _compare_location(self, click: Click) -> None:
        lost = click.lost_in_location
        self.comparison.tally("redirects with the visitor's own sub ids and country").add(
            is_right=not lost, surprise=f"{click.location} should have had {lost}"
        )

    def _visit_of(self, story: Story) -> Visit:
        link = self._chance.choice(self._demo.links_of(story.source))
        if story.is_bot:
            return invent_bot(self._chance, self._demo, run=self._run, link=link)
        return invent_visit(self._chance, self._demo, run=self._run, link=link, country=story.country)

    def _first_act(self, cast: list[tuple[Story, Click]], crowd: list[Click]) -> list[Iterator[None]]:
        self._say(f"The casino reports {len(cast)} players with a story, and what the crowd does ...")
        stories = [story.plot(self._desk, click) for story, click in cast]
        stories.append(by_promo_code(self._desk, self._demo))
        stories += [self._crowd_story(click) for click in crowd if self._plays(click)]
        for story in stories:
            next(story, None)
        malformed_messages(self._desk)
        return stories

    def _plays(self, click: Click) -> bool:
        return click.visit.kind == "click" and self._chance.random() < REGISTERING_SHARE

    def _crowd_story(self, click: Click) -> Iterator[None]:
        if self._chance.random() < DEPOSITING_SHARE:
            return ordinary(self._desk, click)
        return registration_alone(self._desk, click)

    def _second_act(self, stories: list[Iterator[None]]) -> None:
        self._say("Later: chargebacks, further deposits, and what arrives late ...")
        for story in stories:
            next(story, None)

    def _wait_for_postbacks(self) -> None:
        self._expectations.settle()
        expected = len(self._expectations.told)
        self._say(f"Waiting until {expected} postbacks have come ...")
        _wait_until(lambda: len(read_told(self._receiver)) >= expected)
        self._say(f"{len(read_told(self._receiver))} postbacks have come.")

    def _compare_postbacks(self) -> None:
        expected = [as_received(told) for told in self._expectations.told]
        got = read_told(self._receiver)
        for receiver, name in (("meta", "Meta"), ("s2s", "generic S2S"), ("partner", "the partner")):
            for is_correction, kind in ((False, "postbacks"), (True, "corrections")):
                wanted = [told for told in expected if (told.receiver, told.is_correction) == (receiver, is_correction)]
                found = [told for told in got if (told.receiver, told.is_correction) == (receiver, is_correction)]
                self.comparison.expect(f"{kind} to {name}", len(wanted), len(found))
        self._compare_contents(list(missing_and_unexpected(expected, got)), len(expected))
        self.comparison.expect("postbacks sent twice", 0, len(doubles(self._receiver)))
        self.comparison.expect("events that Meta refused", 0, len(self._receiver.meta.refusals))
        self.comparison.expect("personal data sent to Meta", 0, len(self._receiver.meta.breaches))

    def _compare_contents(self, differences: list[str], expected: int) -> None:
        tally = self.comparison.tally("postbacks with the right click ids, amounts and currencies")
        tally.tried = expected
        tally.right = expected - sum(difference.startswith("missing") for difference in differences)
        tally.surprises = differences

    def _compare_figures(self, before: CampaignDays) -> None:
        self._say("Comparing the campaign table ...")
        expected = self._expectations.figures()
        newest: list[CampaignDays] = []

        def is_right() -> bool:
            newest.append(self._bookkeeping.campaign_days())
            return all(newest[-1].grown_since(before, name) == figures for name, figures in expected.items())

        _wait_until(is_right)
        for name, figures in expected.items():
            self._compare_campaign(name, figures, newest[-1].grown_since(before, name))
            row = newest[-1].newest.get(name)
            if row is not None:
                self.comparison.expect(f"{name}: CPA on {row['day']}", cpa_by_hand(row), row["cpa"] or "none")

    def _compare_campaign(self, name: str, expected: Figures, got: Figures) -> None:
        for field in fields(Figures):
            what = f"{name}: {field.name.replace('_', ' ')}"
            self.comparison.expect(what, _value(expected, field.name), _value(got, field.name))

    def _compare_commissions(self) -> None:
        self._say("Comparing the commission export ...")
        expected = self._expectations.commissions()
        rows = self._bookkeeping.commissions(run=self._run)
        reversed_rows = [row for row in rows if row["status"] == "reversed"]
        amounts = [entries[0] for entries in expected.values()]
        self.comparison.expect("commissions exported", len(expected), len(rows))
        self.comparison.expect(
            "commissions reversed", sum(len(entries) > 1 for entries in expected.values()), len(reversed_rows)
        )
        self.comparison.expect(
            "commissions booked, money",
            sum(amounts, Decimal(0)),
            sum((Decimal(r["commission"]) for r in rows), Decimal(0)),
        )


def _value(figures: Figures, name: str) -> Value:
    value: Value = getattr(figures, name)
    return value


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
