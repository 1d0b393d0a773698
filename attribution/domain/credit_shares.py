"""Models that share one player among all his touches: for reading beside the credit, never for paying."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

HALF_LIFE = timedelta(days=7)
# Shares are counted in millionths, so that they sum to exactly 1.
_UNITS = 1_000_000
_FIRST_AND_LAST = 40
_BETWEEN = 20

_Weigh = Callable[[Sequence[datetime]], list[float]]


def _first_touch(touched: Sequence[datetime]) -> list[float]:
    return [1.0] + [0.0] * (len(touched) - 1)


def _linear(touched: Sequence[datetime]) -> list[float]:
    return [1.0] * len(touched)


def _position_based(touched: Sequence[datetime]) -> list[float]:
    """First and last get 40 % each, those between them share 20 %; two share all of it."""
    if len(touched) < 3:
        return _linear(touched)
    each = _BETWEEN / (len(touched) - 2)
    return [_FIRST_AND_LAST, *[each] * (len(touched) - 2), _FIRST_AND_LAST]


def _time_decay(touched: Sequence[datetime]) -> list[float]:
    """A touch counts half as much as one that is seven days later; measured from the last, so that none vanishes."""
    return [0.5 ** ((max(touched) - each) / HALF_LIFE) for each in touched]


MODELS: dict[str, tuple[str, _Weigh]] = {
    "first": ("First touch", _first_touch),
    "linear": ("Linear", _linear),
    "position": ("Position-based (40/20/40)", _position_based),
    "decay": ("Time decay (half in 7 days)", _time_decay),
}


def shares_by_model(touched: Sequence[datetime]) -> dict[str, list[Decimal]]:
    """Return each model's share of each touch, oldest first as given; a model's shares sum to exactly 1.

    Empty lists where there is no touch.
    """
    return {name: exact_shares(weigh(touched)) if touched else [] for name, (_, weigh) in MODELS.items()}


def exact_shares(weights: Sequence[float]) -> list[Decimal]:
    """Return shares in millionths in proportion to `weights`; what rounding leaves goes to the largest remainders."""
    total = sum(weights)
    quotas = [weight / total * _UNITS for weight in weights]
    units = [int(quota) for quota in quotas]
    by_remainder = sorted(range(len(weights)), key=lambda index: (units[index] - quotas[index], index))
    for index in by_remainder[: _UNITS - sum(units)]:
        units[index] += 1
    return [Decimal(unit).scaleb(-6) for unit in units]
