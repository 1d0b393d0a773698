"""Which dialect an endpoint speaks, and what is said in it."""

from datetime import datetime

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
    mapped,
    myaffiliates,
    redtrack,
    smartico,
    trackier,
    voluum,
)
from conversions.dialects.dialect import Dialect, Fields
from conversions.dialects.duplicates import with_duplicates
from conversions.domain.reported import Reported
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
    Endpoint.Dialect.MAPPED: mapped.DIALECT,
}


def dialect_of(endpoint: Endpoint) -> Dialect:
    """Return the dialect that an endpoint's messages are written in."""
    return DIALECTS[endpoint.dialect]


def known_fields(endpoint: Endpoint) -> frozenset[str]:
    """Return the fields that are read at an endpoint; all others are dropped."""
    player = {endpoint.player_parameter} if endpoint.player_parameter else set()
    mapped_paths = mapped.known_paths(endpoint) if endpoint.dialect == Endpoint.Dialect.MAPPED else frozenset()
    return dialect_of(endpoint).known | mapped_paths | player


def parse(fields: Fields, endpoint: Endpoint, *, at: datetime) -> Reported:
    """Return the event that fields report at an endpoint; raises `MalformedEvent` and `IgnoredEvent`."""
    return with_duplicates(dialect_of(endpoint).parse(fields, endpoint, at), endpoint)
