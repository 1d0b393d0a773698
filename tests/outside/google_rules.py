"""The rules by which Google's Data Manager API takes, judges and restates events, and ours about what may never come.

From google-ads-datamanager 0.9.4. One bad event fails its whole request; what is taken is judged later, and counts are
all that is said of it; the same transaction id states its value anew.
"""

import base64
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from tests.outside.meta_rules import Verdict

DAY = 24 * 3600
MAX_EVENTS = 2000
MAX_DESTINATIONS = 10
MAX_AGE_SECONDS = 90 * DAY
TOKEN_SECONDS = 3599
SCOPES = {"https://www.googleapis.com/auth/datamanager", "https://www.googleapis.com/auth/adwords"}
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CLICK_IDS = ("gclid", "gbraid", "wbraid")
EVENT_FIELDS = {
    "transactionId", "eventTimestamp", "lastUpdatedTimestamp", "adIdentifiers", "currency", "conversionValue",
    "eventSource", "consent", "destinationReferences",
}  # fmt: skip
# What Google takes and we never send.
FORBIDDEN_FIELDS = {
    "userData",
    "thirdPartyUserData",
    "eventDeviceInfo",
    "eventLocation",
    "userId",
    "clientId",
    "appInstanceId",
}
FORBIDDEN_IDENTIFIERS = {"landingPageDeviceInfo", "mobileDeviceId", "sessionAttributes", "encryptedUserIds"}
CONSENTS = {"CONSENT_GRANTED", "CONSENT_DENIED"}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


@dataclass(kw_only=True)
class Conversion:
    """What an account counts under one transaction id."""

    identifier: str
    value: float | None
    currency: str
    times_stated: int = 1


@dataclass(kw_only=True)
class _Request:
    events: list[dict[str, Any]]
    action: str
    judged: dict[str, Any] | None = None


@dataclass(kw_only=True)
class _Violation(Exception):
    """Why a request is refused as a whole, and where."""

    path: str
    reason: str
    status: int = 400
    code: str = "INVALID_ARGUMENT"


class DataManager:
    """Google's side: an account with conversion actions, the clicks it knows, and what it counts.

    `clicks` says when each click id was made; None takes any. Requests are judged when `judge` is called.
    """

    def __init__(self, *, now: Callable[[], float] = time.time, account: str = "1234567890") -> None:
        self.account = account
        self.actions = {"777": "UPLOAD_CLICKS"}
        self.clicks: dict[str, float] | None = None
        self.too_recent: set[str] = set()
        # How each account's signature of a message is checked.
        self.service_accounts: dict[str, Callable[[bytes, bytes], bool]] = {}
        self.refresh_tokens: set[str] = {"refresh-token"}
        self.token_audience = ""
        self.conversions: dict[tuple[str, str], Conversion] = {}
        self.received: list[dict[str, Any]] = []
        self.validated: list[dict[str, Any]] = []
        self.requests = 0
        self.refusals: list[str] = []
        self.breaches: list[str] = []
        self.tokens_issued = 0
        self._tokens: dict[str, float] = {}
        self._requests: dict[str, _Request] = {}
        self._now = now
        self._lock = threading.Lock()

    def issue_token(self, form: Mapping[str, str]) -> Verdict:
        """Answer a request for a token: a refresh token, or a service account's signed claim."""
        if form.get("grant_type") == "refresh_token":
            is_known = (
                form.get("refresh_token") in self.refresh_tokens and form.get("client_id") and form.get("client_secret")
            )
            refusal = "" if is_known else "Token has been expired or revoked."
        elif form.get("grant_type") == JWT_GRANT:
            refusal = self._refuse_assertion(form.get("assertion", ""))
        else:
            return _json(400, {"error": "unsupported_grant_type"})
        if refusal:
            return _json(400, {"error": "invalid_grant", "error_description": refusal})
        with self._lock:
            self.tokens_issued += 1
            token = f"ya29.token-{self.tokens_issued}"
            self._tokens[token] = self._now() + TOKEN_SECONDS
        return _json(200, {"access_token": token, "expires_in": TOKEN_SECONDS, "token_type": "Bearer"})

    def revoke_tokens(self) -> None:
        with self._lock:
            self._tokens.clear()

    def ingest(self, headers: Mapping[str, str], body: str) -> Verdict:
        """Take all events of a request or none."""
        if self.lacks_token(headers):
            return _error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        with self._lock:
            self.requests += 1
        try:
            request = json.loads(body)
        except ValueError:
            return _error(400, "INVALID_ARGUMENT", "Invalid JSON payload received.")
        try:
            action = self._check_destinations(request)
            self._check_events(request)
        except _Violation as violation:
            with self._lock:
                self.refusals.append(f"{violation.reason} {violation.path}")
            return _refusal(violation)
        if request.get("validateOnly"):
            self.validated += request["events"]
            return _json(200, {"requestId": "validated"})
        with self._lock:
            request_id = f"request-{len(self._requests) + 1}"
            self._requests[request_id] = _Request(events=request["events"], action=action)
            self.received += request["events"]
        return _json(200, {"requestId": request_id})

    def judge(self) -> None:
        """Decide on all that was taken: count what is right, and count the reasons of what is not."""
        for request in [request for request in self._requests.values() if request.judged is None]:
            failures = Counter(filter(None, (self._judge(event, request.action) for event in request.events)))
            failed = sum(failures.values())
            status = "SUCCESS" if not failed else "FAILED" if failed == len(request.events) else "PARTIAL_SUCCESS"
            request.judged = {
                "requestStatus": status,
                "eventsIngestionStatus": {"recordCount": str(len(request.events))},
            }
            if failed:
                counts = [{"recordCount": str(count), "reason": reason} for reason, count in sorted(failures.items())]
                request.judged["errorInfo"] = {"errorCounts": counts}

    def retrieve_status(self, headers: Mapping[str, str], query: Mapping[str, str]) -> Verdict:
        """Say what became of a request."""
        if self.lacks_token(headers):
            return _error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        request = self._requests.get(query.get("requestId", ""))
        if request is None:
            return _error(404, "NOT_FOUND", "Resource not found.")
        return _json(200, {"requestStatusPerDestination": [request.judged or {"requestStatus": "PROCESSING"}]})

    def _refuse_assertion(self, assertion: str) -> str:
        """Return why a service account's claim is not believed, or ""."""
        try:
            head, claims_text, signature = assertion.split(".")
            claims = json.loads(_unbase64(claims_text))
            is_signed = self.service_accounts[claims["iss"]]
            if not is_signed(_unbase64(signature), f"{head}.{claims_text}".encode()):
                return "Invalid JWT Signature."
        except (ValueError, KeyError):
            return "Invalid JWT Signature."
        if claims.get("aud") != self.token_audience or claims.get("scope") not in SCOPES:
            return "Invalid JWT: audience or scope."
        if not claims["iat"] <= self._now() + 60 or not self._now() < claims["exp"] <= claims["iat"] + 3600:
            return "Invalid JWT: Token must be a short-lived token."
        return ""

    def lacks_token(self, headers: Mapping[str, str]) -> bool:
        """Tell whether a request comes without a token that is still good."""
        token = headers.get("authorization", "").removeprefix("Bearer ")
        return self._tokens.get(token, 0) <= self._now()

    def _check_destinations(self, request: Any) -> str:
        destinations = request.get("destinations") if isinstance(request, dict) else None
        if not isinstance(destinations, list) or not 0 < len(destinations) <= MAX_DESTINATIONS:
            raise _Violation(path="destinations", reason="TOO_MANY_DESTINATIONS")
        for destination in destinations:
            account = destination.get("operatingAccount") or {}
            if account.get("accountType") != "GOOGLE_ADS" or account.get("accountId") != self.account:
                raise _Violation(
                    path="destinations[0].operating_account",
                    reason="PERMISSION_DENIED",
                    status=403,
                    code="PERMISSION_DENIED",
                )
            action = destination.get("productDestinationId")
            if action not in self.actions:
                raise _Violation(path="destinations[0].product_destination_id", reason="INVALID_CONVERSION_ACTION_ID")
            if self.actions[action] != "UPLOAD_CLICKS":
                raise _Violation(path="destinations[0].product_destination_id", reason="INVALID_CONVERSION_ACTION_TYPE")
        return str(destinations[0]["productDestinationId"])

    def _check_events(self, request: Mapping[str, Any]) -> None:
        events = request.get("events")
        if not isinstance(events, list) or not events:
            raise _Violation(path="events", reason="REQUIRED_FIELD_MISSING")
        if len(events) > MAX_EVENTS:
            raise _Violation(path="events", reason="TOO_MANY_EVENTS")
        for position, event in enumerate(events):
            with self._lock:
                self.breaches += list(_personal_data(event))
            for name, reason in _violations(event, self._now()):
                raise _Violation(path=f"events.events[{position}].{name}", reason=reason)

    def _judge(self, event: Mapping[str, Any], action: str) -> str:
        """Count an event, or return why it is not counted."""
        (identifier,) = event["adIdentifiers"].values()
        happened_at = datetime.fromisoformat(event["eventTimestamp"]).timestamp()
        prefix = "PROCESSING_ERROR_REASON_"
        if (event.get("consent") or {}).get("adUserData") == "CONSENT_DENIED":
            return prefix + "DENIED_CONSENT"
        if identifier in self.too_recent:
            return prefix + "TOO_RECENT_CLICK"
        if self.clicks is not None:
            if identifier not in self.clicks:
                return prefix + "CLICK_NOT_FOUND"
            if happened_at < self.clicks[identifier]:
                return prefix + "CONVERSION_PRECEDES_CLICK"
            if self._now() - self.clicks[identifier] > MAX_AGE_SECONDS:
                return prefix + "EVENT_TOO_OLD"
        known = self.conversions.get((action, event["transactionId"]))
        value, currency = event.get("conversionValue"), event.get("currency", "")
        if known is None:
            self.conversions[action, event["transactionId"]] = Conversion(
                identifier=identifier, value=value, currency=currency
            )
        elif known.identifier != identifier:
            return prefix + "ORIGINAL_CONVERSIONS_NOT_FOUND"
        else:
            known.value, known.currency, known.times_stated = value, currency, known.times_stated + 1
        return ""


def _violations(event: Any, now: float) -> Iterator[tuple[str, str]]:
    if not isinstance(event, dict):
        yield "", "INVALID_EVENT"
        return
    for name in sorted(event.keys() - EVENT_FIELDS):
        yield name, "INVALID_ARGUMENT"
    identifiers = event.get("adIdentifiers") or {}
    given = [name for name in CLICK_IDS if identifiers.get(name)]
    if not given:
        yield "ad_identifiers", "NO_IDENTIFIERS_PROVIDED"
    if len(given) > 1 or identifiers.keys() - set(CLICK_IDS):
        yield "ad_identifiers", "INVALID_ARGUMENT"
    if not event.get("transactionId"):
        yield "transaction_id", "REQUIRED_FIELD_MISSING"
    if not INSTANT.fullmatch(str(event.get("eventTimestamp"))):
        yield "event_timestamp", "INVALID_FORMAT"
    elif datetime.fromisoformat(event["eventTimestamp"]).timestamp() > now + 60:
        yield "event_timestamp", "EVENT_TIME_INVALID"
    value = event.get("conversionValue")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value < 0):
        yield "conversion_value", "INVALID_NUMBER_FORMAT"
    if value is not None and not CURRENCY.fullmatch(str(event.get("currency"))):
        yield "currency", "INVALID_CURRENCY_CODE"
    if set((event.get("consent") or {}).values()) - CONSENTS:
        yield "consent", "INVALID_ENUM_VALUE"


def _personal_data(event: Any) -> Iterator[str]:
    if isinstance(event, dict):
        yield from sorted(FORBIDDEN_FIELDS & event.keys())
        yield from sorted(FORBIDDEN_IDENTIFIERS & (event.get("adIdentifiers") or {}).keys())


def _unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _refusal(violation: _Violation) -> Verdict:
    details: list[dict[str, Any]] = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": violation.reason,
            "domain": "datamanager.googleapis.com",
        },
        {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [
                {"field": violation.path, "description": f"{violation.path} is refused.", "reason": violation.reason}
            ],
        },
    ]
    return _error(violation.status, violation.code, "There was a problem with the request.", details)


def _error(status: int, code: str, message: str, details: list[dict[str, Any]] | None = None) -> Verdict:
    return _json(status, {"error": {"code": status, "message": message, "status": code, "details": details or []}})


def _json(status: int, body: Mapping[str, Any]) -> Verdict:
    return Verdict(status=status, text=json.dumps(body), headers={"Content-Type": "application/json"})


def form_of(body: str) -> dict[str, str]:
    """Return the fields of a form."""
    return dict(parse_qsl(body))
