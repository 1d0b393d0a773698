"""The casino's reporting desk: posts each report, and compares the answer with the one that had to come."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.outside.casino import Answer, Casino, Deposit, Registration, Report
from tests.outside.comparison import Comparison
from tests.outside.expected import Expectations, ExpectedAnswer
from tests.outside.setup import Demo
from tests.outside.visitors import Click

_TALLIES = {
    201: "new events recorded (201), credit and first deposit right",
    200: "repeats answered as the first time (200)",
    409: "contradictions refused (409)",
}


class Desk:
    """Reports players under ids of this run, each at an instant of its own."""

    def __init__(
        self,
        demo: Demo,
        expectations: Expectations,
        comparison: Comparison,
        *,
        run: str,
        casino: Casino | None = None,
    ) -> None:
        self._demo = demo
        self._casino = casino or Casino(demo)
        self._expectations = expectations
        self._comparison = comparison
        self._run = run
        self._numbers = 0
        self._latest = datetime.now(UTC)
        self._first_answers: dict[str, Answer] = {}

    def close(self) -> None:
        self._casino.close()

    def new_id(self, kind: str) -> str:
        """Return an id that no other run has."""
        self._numbers += 1
        return f"sim-{self._run}-{kind}-{self._numbers}"

    def instant(self) -> datetime:
        """Return now, later than at any call before."""
        self._latest = max(datetime.now(UTC), self._latest + timedelta(microseconds=1))
        return self._latest

    def register(self, click: Click | None = None, **fields: Any) -> str:
        """Report that a new player registered, by default from where he clicked; return the player's id."""
        player_id = fields.pop("player_id", None) or self.new_id("player")
        defaults: dict[str, Any] = {"country": click.visit.country if click else "MT"}
        if click is not None:
            defaults["click_id"] = click.click_id
        self.send(
            Registration(
                event_id=self.new_id("event"), occurred_at=self.instant(), player_id=player_id, **(defaults | fields)
            )
        )
        return player_id

    def deposit(self, player_id: str, amount: str, *, status: str = "confirmed", **fields: Any) -> Deposit:
        """Report a new deposit of a player and return the report."""
        report = self.draft_deposit(player_id, amount, status=status, **fields)
        self.send(report)
        return report

    def draft_deposit(self, player_id: str, amount: str, *, status: str = "confirmed", **fields: Any) -> Deposit:
        """Return the report of a new deposit that happens now, to be sent later."""
        defaults: dict[str, Any] = {"occurred_at": self.instant(), "product": "casino"}
        return Deposit(
            event_id=self.new_id("event"),
            transaction_id=self.new_id("transaction"),
            status=status,
            player_id=player_id,
            amount=Decimal(amount),
            **(defaults | fields),
        )

    def change(self, earlier: Deposit, *, status: str) -> Deposit:
        """Report a new status of a deposit and return the report."""
        report = self.draft_change(earlier, status=status)
        self.send(report)
        return report

    def draft_change(self, earlier: Deposit, *, status: str) -> Deposit:
        return replace(earlier, event_id=self.new_id("event"), status=status, occurred_at=self.instant())

    def send(self, report: Report, *, to_default_platform: bool = False) -> Answer:
        """Post a report and compare the answer."""
        expected = self._expectations.saw_report(report)
        answer = self._casino.report(report, to_default_platform=to_default_platform)
        if expected.status == 201:
            self._first_answers[report.event_id] = answer
        self._compare(report, expected, answer)
        return answer

    def send_at_once(self, reports: Sequence[Report]) -> None:
        """Post reports at the same time over connections of their own; which comes first is for chance to say."""
        for report in reports:
            self._expectations.saw_report(report)
        casinos = [Casino(self._demo) for _ in reports]
        with ThreadPoolExecutor(len(reports)) as pool:
            answers = list(pool.map(lambda casino, report: casino.report(report), casinos, reports))
        for casino in casinos:
            casino.close()
        self._compare_at_once(reports, answers)

    def body_of(self, report: Report) -> bytes:
        """Return a report as it is posted."""
        return json.dumps(report.payload()).encode()

    def send_refused(
        self, what: str, status: int, body: bytes, *, secret: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        """Post what must be refused with a status and an error that says why."""
        answer = self._casino.post_raw("deposit", body, secret=secret, headers=headers)
        self._comparison.tally("malformed and forged messages refused, each with its status").add(
            is_right=answer.status == status and bool(answer.error_code),
            surprise=f"{what} was answered {answer.status} {answer.body}, expected {status}",
        )

    def _compare(self, report: Report, expected: ExpectedAnswer, answer: Answer) -> None:
        is_right = answer.status == expected.status
        if expected.status == 200:
            is_right = is_right and answer.body == self._first_answers[report.event_id].body
        elif expected.status == 201:
            told = {"first_deposit": expected.first_deposit, "credited_to": expected.credited_to}
            is_right = is_right and answer.body.items() >= ({"status": "recorded"} | told).items()
        else:
            is_right = is_right and bool(answer.error_code)
        self._comparison.tally(_TALLIES[expected.status]).add(
            is_right=is_right, surprise=f"{report} was answered {answer.status} {answer.body}, expected {expected}"
        )

    def _compare_at_once(self, reports: Sequence[Report], answers: Sequence[Answer]) -> None:
        events = len({report.event_id for report in reports})
        statuses = sorted(answer.status for answer in answers)
        conversions = {answer.body.get("conversion_id") for answer in answers}
        is_right = statuses == [200] * (len(reports) - events) + [201] * events and len(conversions) == events
        self._comparison.tally("events sent at the same instant recorded once each").add(
            is_right=is_right, surprise=f"{len(reports)} reports at once were answered {answers}"
        )
