"""Which dialect an endpoint speaks."""

from conversions.dialects import affise, binom, everflow, generic, keitaro, redtrack, voluum
from conversions.dialects.dialect import Dialect
from conversions.models import Endpoint

DIALECTS: dict[str, Dialect] = {
    Endpoint.Dialect.GENERIC: generic.DIALECT,
    Endpoint.Dialect.KEITARO: keitaro.DIALECT,
    Endpoint.Dialect.VOLUUM: voluum.DIALECT,
    Endpoint.Dialect.BINOM: binom.DIALECT,
    Endpoint.Dialect.REDTRACK: redtrack.DIALECT,
    Endpoint.Dialect.AFFISE: affise.DIALECT,
    Endpoint.Dialect.EVERFLOW: everflow.DIALECT,
}


def dialect_of(endpoint: Endpoint) -> Dialect:
    """Return the dialect that an endpoint's messages are written in."""
    return DIALECTS[endpoint.dialect]


def known_fields(endpoint: Endpoint) -> frozenset[str]:
    """Return the fields that are read at an endpoint; all others are dropped."""
    player = {endpoint.player_parameter} if endpoint.player_parameter else set()
    return dialect_of(endpoint).known | player
