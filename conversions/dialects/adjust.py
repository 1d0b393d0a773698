"""Adjust's callbacks: an install and a refused install of one device are two facts; times are seconds."""

from dataclasses import replace
from datetime import datetime

from conversions.dialects.apps import app_system_of, att_status_of
from conversions.dialects.dialect import Dialect, Fields, IgnoredEvent, Message, derived_event_id
from conversions.dialects.postback import (
    Names,
    Said,
    build_event,
    first_of,
    kind_of,
    read_parameters,
    require_key,
    time_in,
)
from conversions.dialects.reading import MalformedEvent, country
from conversions.domain.private_tokens import TokenKind, private_token
from conversions.domain.reported import Reported, ReportedInstall
from conversions.models import Endpoint, Install

_Activity = Install.Activity
_NAMES = Names(
    click=("label", "click_id"),
    event=("event_name", "event"),
    amount=("revenue_float", "revenue", "reporting_revenue"),
    transaction=("transaction_id",),
    currency=("currency", "reporting_currency"),
    event_id=("given",),
    time=("created_at",),
    key=("key", "secret"),
    others=(
        "activity_kind",
        "tracker",
        "tracker_name",
        "network_name",
        "app_id",
        "app_name",
        "store",
        "os_name",
        "att_status",
        "installed_at",
        "click_time",
        "match_type",
        "rejection_reason",
        "is_organic",
        "country",
    ),
)
_SECRETS = frozenset({*_NAMES.key, "adid", "nonce"})
_ACTIVITIES = {
    "install": _Activity.INSTALL,
    "rejected_install": _Activity.REJECTED_INSTALL,
    "reattribution": _Activity.REATTRIBUTION,
    "rejected_reattribution": _Activity.REJECTED_REATTRIBUTION,
    "reinstall": _Activity.REINSTALL,
    "reattribution_reinstall": _Activity.REINSTALL,
    "uninstall": _Activity.UNINSTALL,
}
_NO_EVENTS = {"impression", "click", "session", "attribution_update", "cost_updated"}


def _authenticate(message: Message, endpoint: Endpoint) -> None:
    require_key(message, endpoint, _NAMES.key)


def _parse(fields: Fields, endpoint: Endpoint, at: datetime) -> Reported:
    kind = first_of(fields, ("activity_kind",)).casefold()
    if not kind:
        raise MalformedEvent("missing", "activity_kind is required.", "activity_kind")
    if kind in _NO_EVENTS:
        raise IgnoredEvent(kind)
    device = first_of(fields, ("adid",))
    if kind in _ACTIVITIES:
        return _install(fields, device, _ACTIVITIES[kind], endpoint, at=at)
    if kind != "event":
        raise MalformedEvent("unknown_activity_kind", f"{kind[:50]} is no activity that we know.", "activity_kind")
    word = first_of(fields, _NAMES.event)
    if not word:
        raise MalformedEvent("missing", "event_name is required for an event.", "event_name")
    given = derived_event_id(
        private_token(TokenKind.INSTALL, device), word, first_of(fields, _NAMES.time), first_of(fields, ("nonce",))
    ).removeprefix("derived:")
    passed = {name: value for name, value in fields.items() if name not in _SECRETS} | {"given": given}
    if not first_of(fields, _NAMES.transaction):
        passed["transaction_id"] = given
    said = Said(word=word, kind=kind_of(word, endpoint), is_plain=False)
    reported = build_event(_NAMES, passed, said, endpoint, at=at)
    return replace(reported, app_system=_app_system(fields), att_status=att_status_of(fields, ("att_status",)))


def _app_system(fields: Fields) -> str:
    return app_system_of(fields, systems=("os_name", "store"), app_ids=("app_id",))


def _install(fields: Fields, device: str, activity: str, endpoint: Endpoint, *, at: datetime) -> ReportedInstall:
    if not device:
        raise MalformedEvent("missing", "adid is required.", "adid")
    install_id = private_token(TokenKind.INSTALL, device)
    occurred_at = time_in(fields, ("installed_at", "created_at"), at=at)
    network = first_of(fields, ("network_name", "tracker_name"))[:100]
    return ReportedInstall(
        event_id=derived_event_id(
            endpoint.dialect, install_id, activity, occurred_at.isoformat() if occurred_at else ""
        ),
        occurred_at=occurred_at or at,
        is_time_ours=occurred_at is None,
        player_id=first_of(fields, (endpoint.player_parameter,)) if endpoint.player_parameter else "",
        click_id=first_of(fields, _NAMES.click).lower(),
        install_id=install_id,
        activity=activity,
        clicked_at=time_in(fields, ("click_time",), at=at),
        app_system=_app_system(fields),
        att_status=att_status_of(fields, ("att_status",)),
        is_organic=first_of(fields, ("is_organic",)) == "1" or network.casefold() == "organic",
        media_source=network,
        app_id=first_of(fields, ("app_id", "app_name"))[:100],
        country=country({"country": first_of(fields, ("country",))}, "country"),
        rejection_reason=first_of(fields, ("rejection_reason",))[:100],
    )


DIALECT = Dialect(
    known=_NAMES.known() - {"given"},
    parse=_parse,
    read=read_parameters,
    authenticate=_authenticate,
    secrets=_SECRETS,
)
