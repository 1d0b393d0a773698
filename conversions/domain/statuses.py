"""What the statuses of a deposit mean and which stands when several were reported."""

from collections.abc import Sequence

from conversions.models import Conversion

_Status = Conversion.Status

# Whatever order reports come in, the last of this line that was reported stands. Money is taken away rather than
# given where reports contradict each other: void and rejected beat confirmed.
PRECEDENCE = [
    _Status.PENDING,
    _Status.CONFIRMED,
    _Status.REJECTED,
    _Status.VOID,
    _Status.REFUNDED,
    _Status.CHARGED_BACK,
]


def effective_status(reported: Sequence[str]) -> str:
    """Return the status that stands for a deposit reported with these, in any order."""
    return max(reported, key=lambda status: PRECEDENCE.index(_Status(status)))


def is_settled_by(status: str) -> bool:
    """Say whether a report proves that the money was confirmed once: what is paid back had been there."""
    return status in (_Status.CONFIRMED, _Status.REFUNDED, _Status.CHARGED_BACK)


def is_reversed(status: str) -> bool:
    return status in (_Status.REFUNDED, _Status.CHARGED_BACK)


def never_held_first(status: str) -> bool:
    """Say whether a deposit of this status cannot be, and never was, the first."""
    return status in (_Status.PENDING, _Status.REJECTED, _Status.VOID)
