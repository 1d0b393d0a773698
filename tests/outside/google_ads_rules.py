"""The rules by which the Google Ads API takes click conversions and adjustments, and ours about what may never come.

From google-ads 34.0.0 (v26). Each row of a request is judged by itself; an order id counts once; adjustments go by it.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.outside.meta_rules import Verdict

HOUR, DAY = 3600, 24 * 3600
VERSIONS = {"v23", "v24", "v25", "v26"}
MAX_ROWS = 2000
CLICK_IDS = ("gclid", "gbraid", "wbraid")
CONVERSION_FIELDS = {
    *CLICK_IDS, "conversionAction", "conversionDateTime", "conversionValue", "currencyCode", "orderId", "consent",
    "conversionEnvironment", "customerType", "customVariables", "cartData", "externalAttributionData",
}  # fmt: skip
ADJUSTMENT_FIELDS = {
    "adjustmentType", "orderId", "gclidDateTimePair", "conversionAction", "adjustmentDateTime", "restatementValue",
}  # fmt: skip
# What Google takes and we never send.
FORBIDDEN_FIELDS = {"userIdentifiers", "userIpAddress", "userAgent", "sessionAttributesEncoded"}
INSTANT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d", re.ASCII)
CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
UPLOAD, ADJUSTMENT = "conversionUploadError", "conversionAdjustmentUploadError"


@dataclass(kw_only=True)
class AdsConversion:
    """What the account counts under one order id; a retracted one counts nothing."""

    happened_at: float
    uploaded_at: float
    value: float | None
    currency: str
    is_retracted: bool = False
    adjusted_at: float = float("-inf")
    adjustments: int = 0


@dataclass(frozen=True, kw_only=True)
class _Failure:
    kind: str
    code: str
    index: int | None = None

    def as_json(self, rows: str) -> dict[str, Any]:
        elements: list[dict[str, Any]] = [{"fieldName": rows, "index": self.index}] if self.index is not None else []
        location = {"location": {"fieldPathElements": elements}} if elements else {}
        return {"errorCode": {self.kind: self.code}, "message": f"{self.code} it is.", **location}


class AdsAccount:
    """Google's side: an account with a conversion action, the clicks it knows, and what it counts.

    `clicks` says when each click id was made; None takes any. A developer token that is not in `allow_listed` gets in
    nowhere; `manager` is the account through which requests must come, where one is set.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.time,
        lacks_token: Callable[[Mapping[str, str]], bool] = lambda headers: False,
        account: str = "1234567890",
    ) -> None:
        self.account = account
        self.actions = {"777": "UPLOAD_CLICKS"}
        self.allow_listed = {"developer-token-on-the-list"}
        self.manager = ""
        self.clicks: dict[str, float] | None = None
        self.too_recent: set[str] = set()
        self.quota_left: int | None = None
        self.conversions: dict[str, AdsConversion] = {}
        self.requests: list[tuple[str, int]] = []
        self.refusals: list[str] = []
        self.breaches: list[str] = []
        self._lacks_token = lacks_token
        self._now = now
        self._lock = threading.Lock()

    def receive(self, version: str, target: str, headers: Mapping[str, str], body: str) -> Verdict:
        """Take each row of a request that is right, and say of each other why it is not."""
        account, _, verb = target.partition(":")
        rows_name = {"uploadClickConversions": "conversions", "uploadConversionAdjustments": "conversionAdjustments"}
        if version not in VERSIONS or verb not in rows_name:
            return _error(404, "NOT_FOUND", "Requested entity was not found.", [], "")
        if self._lacks_token(headers):
            return _error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.", [], "")
        request = json.loads(body)
        rows = request.get(rows_name[verb])
        with self._lock:
            refusal = self._refuse(account, headers, request, rows)
            if refusal is not None:
                status, failure = refusal
                self.refusals.append(failure.code)
                return _error(status, "INVALID_ARGUMENT", "The request failed.", [failure], rows_name[verb])
            self.requests.append((verb, len(rows)))
            take = self._upload if verb == "uploadClickConversions" else self._adjust
            is_real = not request.get("validateOnly")
            met = [take(row, index, is_real=is_real) for index, row in enumerate(rows)]
            failures = [each for each in met if each is not None]
            self.refusals += [failure.code for failure in failures]
        return _answer(rows, failures, rows_name[verb])

    def counted(self) -> dict[str, float | None]:
        """Return the value of each order id that counts."""
        return {order: found.value for order, found in self.conversions.items() if not found.is_retracted}

    def _refuse(self, account: str, headers: Mapping[str, str], request: Any, rows: Any) -> tuple[int, _Failure] | None:
        """Return why a request is refused as a whole."""
        if headers.get("developer-token") not in self.allow_listed:
            code = "CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE"
            return 403, _Failure(kind="notAllowlistedError", code=code)
        login = headers.get("login-customer-id", "")
        if login and not login.isdigit():
            return 400, _Failure(kind="headerError", code="INVALID_LOGIN_CUSTOMER_ID")
        if account != self.account or login != self.manager:
            return 403, _Failure(kind="authorizationError", code="USER_PERMISSION_DENIED")
        if self.quota_left is not None:
            if not self.quota_left:
                return 429, _Failure(kind="quotaError", code="RESOURCE_EXHAUSTED")
            self.quota_left -= 1
        if request.get("partialFailure") is not True or not rows:
            return 400, _Failure(kind="requestError", code="REQUIRED_FIELD_MISSING")
        if len(rows) > MAX_ROWS:
            return 400, _Failure(kind=UPLOAD, code="TOO_MANY_CONVERSIONS_IN_REQUEST")
        return None

    def _upload(self, row: Any, index: int, *, is_real: bool) -> _Failure | None:
        code = next(self._objections(row), "")
        if code:
            return _Failure(kind=UPLOAD, code=code, index=index)
        if is_real:
            self.conversions[row["orderId"]] = AdsConversion(
                happened_at=_time(row["conversionDateTime"]),
                uploaded_at=self._now(),
                value=row.get("conversionValue"),
                currency=row.get("currencyCode", ""),
            )
        return None

    def _objections(self, row: Mapping[str, Any]) -> Iterator[str]:
        self.breaches += sorted(FORBIDDEN_FIELDS & row.keys())
        given = [name for name in CLICK_IDS if row.get(name)]
        if row.keys() - CONVERSION_FIELDS or len(given) != 1:
            yield "GBRAID_WBRAID_BOTH_SET" if len(given) > 1 else "UNPARSEABLE_GCLID"
        yield from self._action_objections(row)
        if not INSTANT.fullmatch(str(row.get("conversionDateTime"))) or not row.get("orderId"):
            yield "INVALID_ARGUMENT"
        value = row.get("conversionValue")
        is_bad = value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value < 0)
        if is_bad or (value is not None and not CURRENCY.fullmatch(str(row.get("currencyCode")))):
            yield "INVALID_ARGUMENT"
        if set((row.get("consent") or {}).items()) - {("adUserData", "GRANTED"), ("adUserData", "DENIED")}:
            yield "INVALID_ARGUMENT"
        click = row[given[0]]
        if click == "test":
            yield "UNPARSEABLE_GCLID"
        if click in self.too_recent:
            yield "TOO_RECENT_EVENT"
        if self.clicks is not None:
            if click not in self.clicks:
                yield "CLICK_NOT_FOUND"
            elif _time(row["conversionDateTime"]) <= self.clicks[click]:
                yield "CONVERSION_PRECEDES_EVENT"
            elif self._now() - self.clicks[click] > 90 * DAY:
                yield "EXPIRED_EVENT"
        if row["orderId"] in self.conversions:
            yield "ORDER_ID_ALREADY_IN_USE"

    def _adjust(self, row: Any, index: int, *, is_real: bool) -> _Failure | None:
        code = next(self._adjustment_objections(row), "")
        if code:
            return _Failure(kind=ADJUSTMENT, code=code, index=index)
        if is_real:
            found = self.conversions[row["orderId"]]
            found.adjusted_at, found.adjustments = _time(row["adjustmentDateTime"]), found.adjustments + 1
            if row["adjustmentType"] == "RETRACTION":
                found.is_retracted = True
            else:
                found.value = row["restatementValue"]["adjustedValue"]
                found.currency = row["restatementValue"]["currencyCode"]
        return None

    def _adjustment_objections(self, row: Mapping[str, Any]) -> Iterator[str]:
        self.breaches += sorted(FORBIDDEN_FIELDS & row.keys())
        if "orderId" in row and "gclidDateTimePair" in row:
            yield "GCLID_DATE_TIME_PAIR_AND_ORDER_ID_BOTH_SET"
        is_restatement = row.get("adjustmentType") == "RESTATEMENT"
        if row.keys() - ADJUSTMENT_FIELDS or is_restatement != ("restatementValue" in row):
            yield "INVALID_ARGUMENT"
        yield from self._action_objections(row)
        found = self.conversions.get(row.get("orderId", ""))
        if found is None:
            yield "CONVERSION_NOT_FOUND"
            return
        if self._now() - max(found.happened_at, found.uploaded_at) < 24 * HOUR:
            yield "TOO_RECENT_CONVERSION"
        if self._now() - found.happened_at > 54 * DAY:
            yield "CONVERSION_EXPIRED"
        adjusted_at = _time(row["adjustmentDateTime"])
        if adjusted_at <= found.happened_at:
            yield "ADJUSTMENT_PRECEDES_CONVERSION"
        if found.is_retracted:
            yield "CONVERSION_ALREADY_RETRACTED"
        if adjusted_at == found.adjusted_at:
            yield "RESTATEMENT_ALREADY_EXISTS"
        if adjusted_at < found.adjusted_at:
            yield "MORE_RECENT_RESTATEMENT_FOUND"

    def _action_objections(self, row: Mapping[str, Any]) -> Iterator[str]:
        action = str(row.get("conversionAction")).removeprefix(f"customers/{self.account}/conversionActions/")
        if action not in self.actions:
            yield "NO_CONVERSION_ACTION_FOUND"
        elif self.actions[action] != "UPLOAD_CLICKS":
            yield "INVALID_CONVERSION_ACTION_TYPE"


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _answer(rows: list[Any], failures: list[_Failure], rows_name: str) -> Verdict:
    """Return the results in the order of the rows, empty for those that failed, and why these did."""
    failed = {failure.index for failure in failures}
    kept = ("orderId", "conversionAction")
    results = [
        {} if index in failed else {name: row[name] for name in kept if name in row} for index, row in enumerate(rows)
    ]
    body: dict[str, Any] = {"results": results}
    if failures:
        message = "Multiple errors in ‘details’. First error: " + failures[0].code
        body["partialFailureError"] = {"code": 3, "message": message, "details": [_failure(failures, rows_name)]}
    return Verdict(status=200, text=json.dumps(body), headers={"Content-Type": "application/json"})


def _failure(failures: list[_Failure], rows_name: str) -> dict[str, Any]:
    snake = {"conversions": "conversions", "conversionAdjustments": "conversion_adjustments"}.get(rows_name, "")
    errors = [failure.as_json(snake) for failure in failures]
    for error in errors:
        if error["errorCode"] == {"quotaError": "RESOURCE_EXHAUSTED"}:
            error["details"] = {"quotaErrorDetails": {"rateScope": "ACCOUNT", "retryDelay": "900s"}}
    return {"@type": "type.googleapis.com/google.ads.googleads.v26.errors.GoogleAdsFailure", "errors": errors}


def _error(status: int, code: str, message: str, failures: list[_Failure], rows_name: str) -> Verdict:
    details = [_failure(failures, rows_name)] if failures else []
    body = {"error": {"code": status, "message": message, "status": code, "details": details}}
    return Verdict(status=status, text=json.dumps(body), headers={"Content-Type": "application/json"})
