"""AppsFlyer's Push: installs, their refusals, and what people do in the app; keys without a value are left out."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

from conversions.dialects.apps import app_system_of, att_status_of
from conversions.dialects.dialect import Dialect, Fields, IgnoredEvent, derived_event_id
from conversions.dialects.feed import looks_like_click_id
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
_SUB_PARAMETERS = tuple(f"af_sub{number}" for number in range(1, 6))
_REJECTION_REASONS = (
    "rejected_reason",
    "reject_reason",
    "blocked_reason",
    "rejected_reason_value",
    "reject_reason_value",
    "blocked_reason_value",
)
_NAMES = Names(
    click=("click_id",),
    event=("event_name",),
    amount=("event_revenue",),
    transaction=("transaction_id",),
    currency=("event_revenue_currency",),
    event_id=("given",),
    time=("event_time",),
    others=(
        "app_id",
        "bundle_id",
        "media_source",
        "campaign_type",
        "conversion_type",
        "is_retargeting",
        "retargeting_conversion_type",
        "is_primary_attribution",
        "is_rejected",
        "attributed_touch_time",
        "install_time",
        "country_code",
        "platform",
        "att",
        "att_status",
        *_SUB_PARAMETERS,
        *_REJECTION_REASONS,
    ),
)
# Read and kept nowhere: the partner's id of the device becomes a token, the address may hold anything.
_SECRETS = frozenset({"appsflyer_id", "original_url"})
_ACTIVITIES = {
    "install": _Activity.INSTALL,
    "organic-install": _Activity.INSTALL,
    "reinstall": _Activity.REINSTALL,
    "organic-reinstall": _Activity.REINSTALL,
    "re-attribution": _Activity.REATTRIBUTION,
    "re-engagement": _Activity.REATTRIBUTION,
    "uninstall": _Activity.UNINSTALL,
}
_EVENTS = {
    "af_complete_registration": "registration",
    "af_purchase": "deposit",
    "af_first_deposit": "deposit",
    "af_login": "ignore",
    "af_app_opened": "ignore",
}
_TRUE = ("true", "1")


def _parse(fields: Fields, endpoint: Endpoint, at: datetime) -> Reported:
    texts = {name: _text(value) for name, value in fields.items()}
    word = first_of(texts, _NAMES.event)
    if not word:
        raise MalformedEvent("missing", "event_name is required.", "event_name")
    texts["click_id"] = _click_id(texts)
    activity = _activity(texts, word)
    if activity:
        return _install(texts, activity, endpoint, at=at)
    if first_of(texts, ("is_primary_attribution",)).casefold() in ("false", "0"):
        raise IgnoredEvent("the same event comes with its primary attribution")
    said = Said(word=word, kind=kind_of(word, endpoint, _EVENTS), is_plain=False)
    device = private_token(TokenKind.INSTALL, first_of(texts, ("appsflyer_id",)))
    moment = first_of(texts, ("event_time",))
    texts["given"] = derived_event_id(device, word, moment).removeprefix("derived:")
    if not first_of(texts, _NAMES.transaction):
        texts["transaction_id"] = texts["given"]
    passed = {name: value for name, value in texts.items() if name not in _SECRETS}
    reported = build_event(_NAMES, passed, said, endpoint, at=at)
    return replace(reported, app_system=_app_system(texts), att_status=_att_status(texts))


def _activity(texts: Mapping[str, str], word: str) -> str:
    """Return what happened to the app, "" for an event inside it."""
    named = _ACTIVITIES.get(word.casefold(), "")
    if not named:
        return ""
    activity = _ACTIVITIES.get(texts.get("conversion_type", "").casefold(), named)
    if texts.get("is_rejected", "").casefold() in _TRUE or any(texts.get(name) for name in _REJECTION_REASONS):
        is_return = activity == _Activity.REATTRIBUTION
        return _Activity.REJECTED_REATTRIBUTION if is_return else _Activity.REJECTED_INSTALL
    return activity


def _install(texts: Fields, activity: str, endpoint: Endpoint, *, at: datetime) -> ReportedInstall:
    device = first_of(texts, ("appsflyer_id",))
    if not device:
        raise MalformedEvent("missing", "appsflyer_id is required.", "appsflyer_id")
    install_id = private_token(TokenKind.INSTALL, device)
    occurred_at = time_in(texts, ("install_time", "event_time"), at=at)
    media_source = first_of(texts, ("media_source",))[:100]
    return ReportedInstall(
        event_id=derived_event_id(
            endpoint.dialect, install_id, activity, occurred_at.isoformat() if occurred_at else ""
        ),
        occurred_at=occurred_at or at,
        is_time_ours=occurred_at is None,
        player_id=first_of(texts, (endpoint.player_parameter,)) if endpoint.player_parameter else "",
        click_id=first_of(texts, _NAMES.click).lower(),
        install_id=install_id,
        activity=activity,
        clicked_at=time_in(texts, ("attributed_touch_time",), at=at),
        app_system=_app_system(texts),
        att_status=_att_status(texts),
        is_organic=media_source.casefold() in ("", "organic"),
        media_source=media_source,
        app_id=first_of(texts, ("app_id", "bundle_id"))[:100],
        country=country({"country": first_of(texts, ("country_code",))}, "country"),
        rejection_reason=first_of(texts, _REJECTION_REASONS)[:100],
    )


def _app_system(texts: Fields) -> str:
    return app_system_of(texts, systems=("platform",), app_ids=("app_id", "bundle_id"))


def _att_status(texts: Fields) -> str:
    return att_status_of(texts, ("att", "att_status"))


def _click_id(texts: Mapping[str, str]) -> str:
    """Return our click id from whichever slot it came back in: a sub parameter, or the address of the click."""
    slots = [texts.get(name, "") for name in _SUB_PARAMETERS]
    try:
        query = dict(parse_qsl(urlsplit(texts.get("original_url", "")).query))
    except ValueError:
        query = {}
    slots += [query.get(name, "") for name in ("clickid", "click_id", *_SUB_PARAMETERS)]
    return next((slot.lower() for slot in slots if looks_like_click_id(slot)), "")


def _text(value: object) -> str:
    if value is None or isinstance(value, (dict, list)):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


DIALECT = Dialect(
    known=_NAMES.known() - {"given", "click_id"},
    parse=_parse,
    read=read_parameters,
    authenticate=require_key,
    secrets=_SECRETS,
)
