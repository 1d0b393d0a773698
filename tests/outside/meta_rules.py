"""The rules by which Meta's Conversions API takes or refuses events, and ours about what may never come.

From facebook-business 26 and Meta's documentation as of September 2026. One bad event fails its whole request.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

DAY = 24 * 3600
MAX_EVENTS = 1000
MAX_AGE_SECONDS = {"physical_store": 62 * DAY}
DEFAULT_MAX_AGE_SECONDS = 7 * DAY
FUTURE_TOLERANCE_SECONDS = 60
DEDUPLICATION_SECONDS = 2 * DAY
ACTION_SOURCES = {
    "email", "website", "app", "phone_call", "chat", "physical_store", "system_generated", "business_messaging",
    "other",
}  # fmt: skip
# What Meta takes and we never send: people's names and numbers, their places, addresses, browsers and devices.
FORBIDDEN_USER_DATA = {
    "em", "ph", "fn", "ln", "ge", "db", "ct", "st", "zp", "country", "client_ip_address", "client_user_agent", "madid",
    "anon_id", "lead_id", "fb_login_id", "subscription_id", "page_id", "page_scoped_user_id", "ig_account_id", "ig_sid",
    "ctwa_clid",
}  # fmt: skip
# An event that has nothing but a part of one of these matches nobody.
THIN_USER_DATA = (
    {"ct", "country", "st", "zp", "ge", "client_user_agent"},
    {"db", "client_user_agent"},
    {"fn", "ge"},
    {"ln", "ge"},
)
FBC = re.compile(r"fb\.\d\.\d{13}\.[^.\s]+(\.[A-Za-z0-9_-]{2}|\.[A-Za-z0-9_-]{8})?", re.ASCII)
HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
CURRENCY = re.compile(r"[A-Za-z]{3}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a request is answered."""

    status: int
    text: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Breach:
    """Something personal that came in an event; it must never happen."""

    dataset: str
    event_id: str
    what: str


class _Refusal(Exception):
    """Why Meta refuses a request."""

    def __init__(self, message: str, *, code: int = 100, subcode: int | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.subcode, self.status = code, subcode, status


class MetaDatasets:
    """Meta's side: the events that each dataset accepted, those it dropped as repeats, and privacy breaches.

    `tokens` names the token of each dataset; None takes any dataset with any token.
    """

    def __init__(self, *, tokens: Mapping[str, str] | None = None, now: Callable[[], float] = time.time) -> None:
        self.tokens = tokens
        self.accepted: list[dict[str, Any]] = []
        self.repeats: list[dict[str, Any]] = []
        self.refusals: list[str] = []
        self.breaches: list[Breach] = []
        self._now = now
        self._seen: dict[tuple[str, str, str], float] = {}
        self._lock = threading.Lock()

    def receive(self, dataset: str, parameters: Mapping[str, Any]) -> Verdict:
        """Return Meta's answer to the fields of one request, taking all of its events or none."""
        try:
            self._check_token(dataset, parameters)
            events = _events(parameters)
            for event in events:
                breaches = self._record_breaches(dataset, event)
                _check_event(event, self._now())
                if breaches:
                    raise _Refusal("Personal data: " + ", ".join(breaches))
        except _Refusal as refusal:
            with self._lock:
                self.refusals.append(str(refusal))
            return _error(refusal)
        self._take(dataset, events)
        return Verdict(
            status=200,
            text=json.dumps({"events_received": len(events), "messages": [], "fbtrace_id": "A1b2C3"}),
            headers={"Content-Type": "application/json"},
        )

    def _check_token(self, dataset: str, parameters: Mapping[str, Any]) -> None:
        token = parameters.get("access_token")
        if not token:
            raise _Refusal("An access token is required to request this resource.", code=104, status=400)
        if self.tokens is None:
            return
        if dataset not in self.tokens:
            raise _Refusal(f"Unsupported post request. Object with ID '{dataset}' does not exist.", subcode=33)
        if token != self.tokens[dataset]:
            raise _Refusal("Invalid OAuth access token.", code=190, subcode=463, status=401)

    def _record_breaches(self, dataset: str, event: Mapping[str, Any]) -> list[str]:
        found = list(_personal_data(event))
        with self._lock:
            self.breaches += [Breach(dataset=dataset, event_id=str(event.get("event_id")), what=what) for what in found]
        return found

    def _take(self, dataset: str, events: list[dict[str, Any]]) -> None:
        now = self._now()
        with self._lock:
            for event in events:
                key = (dataset, str(event["event_name"]), str(event.get("event_id")))
                is_repeat = "event_id" in event and now - self._seen.get(key, float("-inf")) < DEDUPLICATION_SECONDS
                (self.repeats if is_repeat else self.accepted).append(event)
                if not is_repeat:
                    self._seen[key] = now


def _events(parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    data = parameters.get("data")
    if not isinstance(data, list) or not data:
        raise _Refusal("(#100) param data must be a non-empty array.")
    if len(data) > MAX_EVENTS:
        raise _Refusal(f"(#100) param data has more than {MAX_EVENTS} events.")
    # The official client posts each event as text inside the list.
    try:
        events = [json.loads(event) if isinstance(event, str) else event for event in data]
    except ValueError:
        raise _Refusal("(#100) param data must hold events.") from None
    if not all(isinstance(event, dict) for event in events):
        raise _Refusal("(#100) param data must hold events.")
    return events


def _personal_data(event: Mapping[str, Any]) -> Iterator[str]:
    user_data = event.get("user_data")
    if not isinstance(user_data, dict):
        return
    yield from sorted(FORBIDDEN_USER_DATA & user_data.keys())
    external_ids = user_data.get("external_id", [])
    for external_id in external_ids if isinstance(external_ids, list) else [external_ids]:
        if not HASH.fullmatch(str(external_id)):
            yield "external_id that is no hash"


def _check_event(event: Mapping[str, Any], now: float) -> None:
    for name in ("event_name", "event_time", "user_data", "action_source"):
        if name not in event:
            raise _Refusal(f"(#100) Missing required parameter: {name}", subcode=2804001)
    _check_source(event)
    _check_time(event, now)
    _check_user_data(event["user_data"])
    if event["event_name"] == "Purchase":
        _check_value(event.get("custom_data"))


def _check_source(event: Mapping[str, Any]) -> None:
    if event["action_source"] not in ACTION_SOURCES:
        raise _Refusal("(#100) action_source is not one of the known ones", subcode=2804017)
    user_data = event["user_data"] if isinstance(event["user_data"], dict) else {}
    if event["action_source"] == "website" and not (
        event.get("event_source_url") and user_data.get("client_user_agent")
    ):
        raise _Refusal("Website events need event_source_url and client_user_agent", subcode=2804019)


def _check_time(event: Mapping[str, Any], now: float) -> None:
    event_time = event["event_time"]
    if not isinstance(event_time, int) or isinstance(event_time, bool):
        raise _Refusal("(#100) event_time must be a Unix time in seconds", subcode=2804007)
    if event_time > now + FUTURE_TOLERANCE_SECONDS:
        raise _Refusal("Event time is in the future", subcode=2804007)
    if now - event_time > MAX_AGE_SECONDS.get(event["action_source"], DEFAULT_MAX_AGE_SECONDS):
        raise _Refusal("Event timestamp is too old: the event is older than 7 days", subcode=2804003)


def _check_user_data(user_data: Any) -> None:
    if not isinstance(user_data, dict):
        raise _Refusal("(#100) user_data must be an object", subcode=2804016)
    present = {name for name, value in user_data.items() if value}
    if not present or any(present <= thin for thin in THIN_USER_DATA):
        raise _Refusal("Your event does not have enough customer information parameters", subcode=2804050)
    if "fbc" in user_data and not FBC.fullmatch(str(user_data["fbc"])):
        raise _Refusal("(#100) fbc must look like fb.1.<milliseconds>.<fbclid>", subcode=2804048)


def _check_value(custom_data: Any) -> None:
    custom_data = custom_data if isinstance(custom_data, dict) else {}
    value, currency = custom_data.get("value"), custom_data.get("currency")
    if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
        raise _Refusal("Purchase events need a value", subcode=2804009)
    if not CURRENCY.fullmatch(str(currency)):
        raise _Refusal("Purchase events need a currency", subcode=2804009)


def _error(refusal: _Refusal) -> Verdict:
    error: dict[str, Any] = {
        "message": str(refusal),
        "type": "OAuthException",
        "code": refusal.code,
        "is_transient": False,
        "fbtrace_id": "A1b2C3",
    }
    if refusal.subcode is not None:
        error["error_subcode"] = refusal.subcode
        error["error_user_title"] = "Invalid parameter"
        error["error_user_msg"] = str(refusal)
    return Verdict(
        status=refusal.status, text=json.dumps({"error": error}), headers={"Content-Type": "application/json"}
    )
