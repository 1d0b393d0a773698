"""The same world as a play's, step by step from a menu: what was sent, what was answered, what changed by it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from tests.outside.bookkeeping import Bookkeeping
from tests.outside.casino import Deposit
from tests.outside.comparison import as_text
from tests.outside.expected import STATUSES, Figures, Told
from tests.outside.play import POLL_SECONDS, QUIET_SECONDS, Play
from tests.outside.receivers import Receiver
from tests.outside.receiving import read_told
from tests.outside.setup import Demo, Link
from tests.outside.stories import STORIES, malformed_messages
from tests.outside.visitors import Click, Visit, invent_bot, invent_visit, play_visits
from tests.outside.wire import ShownCasino

Ask = Callable[[str], str]
Say = Callable[[str], None]
Choice = TypeVar("Choice")

PATIENCE_SECONDS = 30.0
_RECEIVERS = {"meta": "Meta", "s2s": "The generic receiver", "partner": "The partner"}
_OTHER_SECRET = "whsec_b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXI="
_END = "q"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the menu; `needs` says what must have been done before it, where something must."""

    key: str
    text: str
    act: Callable[[], None]
    needs: Callable[[], str] = lambda: ""


class Interactive(Play):
    """A play that a person directs. `ask` shows a question and returns the answer; it raises EOFError at the end."""

    def __init__(
        self, demo: Demo, receiver: Receiver, bookkeeping: Bookkeeping, *, run: str, seed: int, say: Say, ask: Ask
    ) -> None:
        super().__init__(demo, receiver, bookkeeping, run=run, seed=seed, say=say, casino=ShownCasino(demo, say=say))
        self._ask = ask
        self._clicks: list[Click] = []
        self._players: list[str] = []
        self._deposits: list[Deposit] = []
        self._shown_told: list[Told] = []
        self._before = bookkeeping.campaign_days()
        self._shown_figures = {name: Figures() for name in {link.campaign for link in demo.links}}
        self._newest = dict(self._shown_figures)
        self._shown_commissions: dict[str, str] = {}
        self._menu = [
            Entry(key="1", text="A visitor clicks a link", act=self._click),
            Entry(key="2", text="A declared bot clicks a link", act=self._click_of_a_bot),
            Entry(key="3", text="A player registers", act=self._register),
            Entry(key="4", text="A player deposits", act=self._deposit, needs=self._needs_player),
            Entry(key="5", text="A deposit gets another status", act=self._change, needs=self._needs_deposit),
            Entry(key="6", text="The last deposit is reported again", act=self._repeat, needs=self._needs_deposit),
            Entry(key="7", text="It is reported with another amount", act=self._contradict, needs=self._needs_deposit),
            Entry(key="8", text="It comes signed by another secret", act=self._forge, needs=self._needs_deposit),
            Entry(key="9", text="A test player registers and deposits", act=self._play_test_player),
            Entry(key="m", text="Fourteen malformed and forged messages", act=self._send_malformed),
            Entry(key="s", text="A whole story of --auto", act=self._play_story),
            Entry(key="t", text="What the tracker says by now", act=self._show_all),
        ]

    def direct(self) -> None:
        """Do what is asked for until the end, then compare everything with the model."""
        try:
            while self._take_a_step():
                pass
            self._say("\nThe end: comparing everything ...")
            self._wait_for_postbacks()
            time.sleep(QUIET_SECONDS)
            self._compare_postbacks()
            self._compare_figures(self._before)
            self._compare_commissions()
        finally:
            self._desk.close()

    def _take_a_step(self) -> bool:
        self._say("")
        for entry in self._menu:
            self._say(f"  {entry.key}  {entry.text}")
        self._say(f"  {_END}  End, and compare everything with what had to come out")
        try:
            key = self._ask("Step: ").strip().lower()
            if key == _END:
                return False
            self._do(key)
        except EOFError:
            return False
        return True

    def _do(self, key: str) -> None:
        entry = next((each for each in self._menu if each.key == key), None)
        if entry is None:
            self._say(f"There is no step “{key}”: type one of the letters above.")
        elif missing := entry.needs():
            self._say(missing)
        else:
            entry.act()

    def _needs_player(self) -> str:
        return "" if self._players else "Nobody has registered yet: take step 3 first."

    def _needs_deposit(self) -> str:
        return "" if self._deposits else "Nobody has deposited yet: take step 4 first."

    def _click(self) -> None:
        self._visit(invent_visit(self._chance, self._demo, run=self._run, link=self._chosen_link()))

    def _click_of_a_bot(self) -> None:
        self._visit(invent_bot(self._chance, self._demo, run=self._run, link=self._chosen_link()))

    def _visit(self, visit: Visit) -> None:
        self._say(f"  Sent      GET {visit.url(self._demo.click_url)}")
        self._say(f"            from {visit.address} ({visit.country}), {visit.user_agent}")
        (answer,) = play_visits([visit], click_url=self._demo.click_url)
        if not isinstance(answer, Click):
            self._say(f"  Answered  {answer}")
        else:
            self._say(f"  Answered  302 to {answer.location}")
            self._say(f"            click id {answer.click_id}")
            self._clicks.append(answer)
            self._expectations.saw_click(answer)
        self._show_effects()

    def _register(self) -> None:
        clicks = list(reversed(self._clicks))
        named = [f"by the click on {_named(click.visit.link)}, {click.visit.country}" for click in clicks]
        click = self._choose("Who registers?", [*clicks, None], [*named, "by no click"])
        consent = self._choose("Does he allow advertising?", [True, False, None], ["yes", "no", "he was not asked"])
        self._players.append(self._desk.register(click, has_consent=consent))
        self._show_effects()

    def _deposit(self) -> None:
        player = self._choose("Who deposits?", list(reversed(self._players)))
        amount = self._chosen_amount("Amount in EUR", "50.00")
        status = self._choose("Its status", ["confirmed", "pending"])
        self._deposits.append(self._desk.deposit(player, amount, status=status))
        self._show_effects()

    def _change(self) -> None:
        deposits = list(reversed(self._deposits))
        named = [f"{each.transaction_id}: {each.amount} {each.currency}" for each in deposits]
        deposit = self._choose("Which deposit?", deposits, named)
        status = self._choose("Its new status", [each for each in reversed(STATUSES) if each != "pending"])
        self._desk.change(deposit, status=status)
        self._show_effects()

    def _repeat(self) -> None:
        self._desk.send(self._deposits[-1])
        self._show_effects()

    def _contradict(self) -> None:
        last = self._deposits[-1]
        self._desk.send(replace(last, event_id=self._desk.new_id("event"), amount=last.amount + 1))
        self._show_effects()

    def _forge(self) -> None:
        self._desk.send_refused("a forged message", 401, self._desk.body_of(self._deposits[-1]), secret=_OTHER_SECRET)
        self._show_effects()

    def _play_test_player(self) -> None:
        click = self._clicks[-1] if self._clicks else None
        player = self._desk.register(click, is_test=True)
        self._desk.deposit(player, "1.00", is_test=True)
        self._show_effects()

    def _send_malformed(self) -> None:
        malformed_messages(self._desk)
        self._show_effects()

    def _play_story(self) -> None:
        named = [f"{story.plot.__name__.replace('_', ' ')} ({story.source})" for story in STORIES]
        story = self._choose("Which story?", STORIES, named)
        (click,) = play_visits([self._visit_of(story)], click_url=self._demo.click_url)
        if not isinstance(click, Click):
            self._say(f"  Answered  {click}")
            return
        self._expectations.saw_click(click)
        acts = story.plot(self._desk, click)
        next(acts, None)
        self._show_effects()
        self._say("\n  The second act")
        next(acts, None)
        self._show_effects()

    def _show_all(self) -> None:
        self._wait()
        for name, figures in sorted(self._newest.items()):
            told = ", ".join(f"{_words(field)} {as_text(value)}" for field, value in _filled(figures))
            self._say(f"  {name}: {told or 'nothing yet'}")
        self._say(f"  {len(read_told(self._receiver))} postbacks and {len(self._commissions())} commissions so far")

    def _show_effects(self) -> None:
        """Give the tracker the time that it needs, and say what changed since the last step."""
        is_as_expected = self._wait()
        lines = [*self._new_postbacks(), *self._changed_commissions(), *self._changed_figures()]
        for number, line in enumerate(lines or ["nothing: no figure, no postback, no commission"]):
            self._say(f"  {'Changed' if number == 0 else '       '}   {line}")
        if not is_as_expected:
            self._say("  DIFFERS   The model expects something else: the comparison at the end says what.")

    def _wait(self) -> bool:
        """Wait until all is as the model expects, and return whether it is."""
        self._expectations.settle()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (is_as_expected := self._is_as_expected()) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        if not is_as_expected:
            self._read_figures()
        return is_as_expected

    def _is_as_expected(self) -> bool:
        if len(read_told(self._receiver)) != len(self._expectations.told):
            return False
        self._read_figures()
        return self._newest == self._expectations.figures()

    def _read_figures(self) -> None:
        newest = self._bookkeeping.campaign_days()
        self._newest = {name: newest.grown_since(self._before, name) for name in self._shown_figures}

    def _new_postbacks(self) -> list[str]:
        told = read_told(self._receiver)
        new = list(told)
        for seen in self._shown_told:
            new.remove(seen)
        self._shown_told = told
        return [_postback(each) for each in new]

    def _changed_figures(self) -> list[str]:
        grown, before = self._newest, self._shown_figures
        self._shown_figures = grown
        return [
            f"{name}: {_words(field)} {as_text(getattr(before[name], field))} → {as_text(getattr(figures, field))}"
            for name, figures in sorted(grown.items())
            for field in _changed(before[name], figures)
        ]

    def _changed_commissions(self) -> list[str]:
        """Return what the export says of new and changed commissions; call before the figures are shown."""
        if all(self._newest[name].commission == shown.commission for name, shown in self._shown_figures.items()):
            return []
        now, before = self._commissions(), self._shown_commissions
        self._shown_commissions = now
        return [f"Commission {said}" for player, said in now.items() if before.get(player) != said]

    def _commissions(self) -> dict[str, str]:
        rows = self._bookkeeping.commissions(run=self._run)
        return {row["player id"]: f"{row['commission']} for {row['player id']}: {row['status']}" for row in rows}

    def _chosen_link(self) -> Link:
        return self._choose("Which link?", self._demo.links, [_named(link) for link in self._demo.links])

    def _choose(self, question: str, choices: Sequence[Choice], named: Sequence[str] | None = None) -> Choice:
        """Ask for one of several; an empty answer is the first. A single one is not asked for."""
        if len(choices) == 1:
            return choices[0]
        self._say(f"  {question}")
        for number, name in enumerate(named or [str(each) for each in choices], 1):
            self._say(f"    {number}  {name}")
        while True:
            answer = self._ask("  Number [1]: ").strip() or "1"
            if answer.isascii() and answer.isdigit() and 1 <= int(answer) <= len(choices):
                return choices[int(answer) - 1]
            self._say(f"  Type a number from 1 to {len(choices)}.")

    def _chosen_amount(self, question: str, default: str) -> str:
        while True:
            answer = self._ask(f"  {question} [{default}]: ").strip() or default
            if _is_amount(answer):
                return answer
            self._say("  Type digits with an optional point, more than 0 and at most two of them after it.")


def _is_amount(text: str) -> bool:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return False
    return amount.is_finite() and 0 < amount < 10**9 and amount == amount.quantize(Decimal("0.01"))


def _named(link: Link) -> str:
    partner = f", partner {link.partner}" if link.partner else ""
    return f"/c/{link.code} ({link.campaign}{partner})"


def _postback(told: Told) -> str:
    money = f" of {as_text(told.amount)} {told.currency}" if told.amount is not None else ""
    event = told.event.replace("_", " ")
    taken_back = "is told that it was taken back: " if told.is_correction else "is told: "
    return f"{_RECEIVERS[told.receiver]} {taken_back}{event}{money}"


def _words(field: str) -> str:
    return field.replace("_", " ")


def _changed(before: Figures, after: Figures) -> list[str]:
    return [field.name for field in fields(Figures) if getattr(before, field.name) != getattr(after, field.name)]


def _filled(figures: Figures) -> list[tuple[str, int | Decimal]]:
    return [(name, getattr(figures, name)) for name in _changed(Figures(), figures)]
