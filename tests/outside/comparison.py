"""What had to come out beside what did: collected line by line, printed as an aligned table."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

Value = str | int | Decimal

MOST_DETAILS = 5


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thing that was expected, and what came."""

    what: str
    expected: str
    got: str

    @property
    def is_right(self) -> bool:
        return self.expected == self.got


@dataclass(kw_only=True)
class Tally:
    """A line in the making: how often something was tried, how often it came out right, and what came instead."""

    what: str
    tried: int = 0
    right: int = 0
    surprises: list[str] = field(default_factory=list)

    def add(self, *, is_right: bool, surprise: str = "") -> None:
        self.tried += 1
        self.right += is_right
        if not is_right:
            self.surprises.append(surprise)


class Comparison:
    """All lines of a run, in the order in which they were begun."""

    def __init__(self) -> None:
        self._entries: dict[str, Line | Tally] = {}

    def expect(self, what: str, expected: Value, got: Value) -> None:
        """Add a line; a line of the same name is replaced."""
        self._entries[what] = Line(what=what, expected=as_text(expected), got=as_text(got))

    def tally(self, what: str) -> Tally:
        """Return the line of this name that counts, begun if it is new."""
        entry = self._entries.setdefault(what, Tally(what=what))
        assert isinstance(entry, Tally)
        return entry

    @property
    def lines(self) -> list[Line]:
        return [entry if isinstance(entry, Line) else _as_line(entry) for entry in self._entries.values()]

    @property
    def wrong(self) -> int:
        return sum(not line.is_right for line in self.lines)

    def table(self) -> str:
        """Return the lines as a table, then what came instead where it was not what had to come."""
        rows = [("what", "expected", "got", "")]
        rows += [(line.what, line.expected, line.got, "ok" if line.is_right else "DIFFERS") for line in self.lines]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        table = [_aligned(row, widths) for row in rows]
        table.insert(1, "-" * len(table[0]))
        return "\n".join([*table, *self._surprises()])

    def _surprises(self) -> Iterable[str]:
        for entry in self._entries.values():
            if isinstance(entry, Tally) and entry.surprises:
                yield f"\n{entry.what}:"
                yield from (f"  {surprise}" for surprise in entry.surprises[:MOST_DETAILS])
                if len(entry.surprises) > MOST_DETAILS:
                    yield f"  and {len(entry.surprises) - MOST_DETAILS} more"


def as_text(value: Value) -> str:
    """Return a value as a person reads it: amounts with at least two digits after the point and no idle zeros."""
    if not isinstance(value, Decimal):
        return str(value)
    if value == value.quantize(Decimal("0.01")):
        value = value.quantize(Decimal("0.01"))
    return f"{value:,f}"


def _as_line(tally: Tally) -> Line:
    return Line(what=tally.what, expected=str(tally.tried), got=str(tally.right))


def _aligned(row: tuple[str, str, str, str], widths: list[int]) -> str:
    what, expected, got, verdict = row
    return f"{what:<{widths[0]}}  {expected:>{widths[1]}}  {got:>{widths[2]}}  {verdict:<{widths[3]}}".rstrip()
