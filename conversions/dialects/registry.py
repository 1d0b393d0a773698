"""Which dialect an endpoint speaks."""

from conversions.dialects import (
    adjust,
    affiliate_control,
    affilka,
    affise,
    appsflyer,
    binom,
    everflow,
    generic,
    keitaro,
    myaffiliates,
    redtrack,
    smartico,
    trackier,
    voluum,
)
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
    Endpoint.Dialect.SMARTICO: smartico.DIALECT,
    Endpoint.Dialect.AFFILKA: affilka.DIALECT,
    Endpoint.Dialect.MYAFFILIATES: myaffiliates.DIALECT,
    Endpoint.Dialect.AFFILIATE_CONTROL: affiliate_control.DIALECT,
    Endpoint.Dialect.TRACKIER: trackier.DIALECT,
    Endpoint.Dialect.APPSFLYER: appsflyer.DIALECT,
    Endpoint.Dialect.ADJUST: adjust.DIALECT,
}


def dialect_of(endpoint: Endpoint) -> Dialect:
    """Return the dialect that an endpoint's messages are written in."""
    return DIALECTS[endpoint.dialect]


def known_fields(endpoint: Endpoint) -> frozenset[str]:
    """Return the fields that are read at an endpoint; all others are dropped."""
    player = {endpoint.player_parameter} if endpoint.player_parameter else set()
    return dialect_of(endpoint).known | player
