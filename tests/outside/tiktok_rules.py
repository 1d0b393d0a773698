"""The rules by which TikTok's Events API takes or refuses events, and ours about what may never come.

Answers are HTTP 200 whatever happened; the code inside says it. One event of a few that is wrong is a partial failure.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.outside.meta_rules import Verdict

DAY = 24 * 3600
MAX_EVENTS = 1000
MAX_AGE_SECONDS = 7 * DAY
DEDUPLICATION_SECONDS = 2 * DAY
SOURCES = {"web", "app", "offline", "crm"}
# What TikTok takes and we never send.
FORBIDDEN_USER = {"email", "phone", "ip", "user_agent", "idfa", "idfv", "gaid", "locale", "att_status", "ttp"}
HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


class TikTokPixels:
    """TikTok's side: the events that each pixel accepted, those it dropped as repeats, tests, and privacy breaches.

    `tokens` names the token of each pixel; None takes any pixel with any token.
    """

    def __init__(self, *, tokens: Mapping[str, str] | None = None, now: Callable[[], float] = time.time) -> None:
        self.tokens = tokens
        self.accepted: list[dict[str, Any]] = []
        self.repeats: list[dict[str, Any]] = []
        self.tests: list[dict[str, Any]] = []
        self.refusals: list[str] = []
        self.breaches: list[str] = []
        self._now = now
        self._seen: dict[tuple[str, str, str], float] = {}
        self._lock = threading.Lock()

    def receive(self, headers: Mapping[str, str], body: str) -> Verdict:
        """Return TikTok's answer to one request."""
        try:
            request = json.loads(body)
        except ValueError:
            return _answer(40002, "Invalid JSON.")
        pixel = str(request.get("event_source_id"))
        if self.tokens is not None and self.tokens.get(pixel, "") != headers.get("access-token"):
            return _answer(40001, "No permission to operate the pixel.")
        if not headers.get("access-token"):
            return _answer(40105, "Access token is incorrect or has been revoked.")
        events = request.get("data")
        if request.get("event_source") not in SOURCES or not isinstance(events, list) or not events:
            return _answer(40002, "event_source and data are required.")
        if len(events) > MAX_EVENTS:
            return _answer(40002, "data has more than 1000 events.")
        wrong = {position: problem for position, event in enumerate(events) for problem in self._problems(event)}
        with self._lock:
            self.refusals += wrong.values()
        self._take(pixel, [event for position, event in enumerate(events) if position not in wrong], request)
        if wrong and len(wrong) == len(events):
            return _answer(40002, "; ".join(sorted(set(wrong.values()))))
        return _answer(20001, "Partial success.") if wrong else _answer(0, "OK")

    def _problems(self, event: Any) -> Iterator[str]:
        user = event.get("user") or {} if isinstance(event, dict) else {}
        if not isinstance(event, dict) or not event.get("event") or not isinstance(event.get("event_time"), int):
            yield "event and event_time are required"
            return
        with self._lock:
            self.breaches += sorted(FORBIDDEN_USER & user.keys())
        if not HASH.fullmatch(str(user.get("external_id", "0" * 64))):
            yield "external_id must be hashed"
        if not user.get("ttclid") and not user.get("external_id"):
            yield "user has nothing to match by"
        if event["event_time"] > self._now() + 60 or self._now() - event["event_time"] > MAX_AGE_SECONDS:
            yield "event_time is out of range"
        properties = event.get("properties") or {}
        value = properties.get("value")
        if value is not None and (not isinstance(value, int | float) or isinstance(value, bool) or value < 0):
            yield "value must be a number"
        if value is not None and not CURRENCY.fullmatch(str(properties.get("currency"))):
            yield "currency is required with value"

    def _take(self, pixel: str, events: list[dict[str, Any]], request: Mapping[str, Any]) -> None:
        now = self._now()
        with self._lock:
            if request.get("test_event_code"):
                self.tests += events
            for event in events:
                key = (pixel, str(event["event"]), str(event.get("event_id")))
                is_repeat = now - self._seen.get(key, float("-inf")) < DEDUPLICATION_SECONDS
                (self.repeats if is_repeat else self.accepted).append(event)
                if not is_repeat:
                    self._seen[key] = now


def _answer(code: int, message: str) -> Verdict:
    body = {"code": code, "message": message, "request_id": "202611221200000102", "data": {}}
    return Verdict(status=200, text=json.dumps(body), headers={"Content-Type": "application/json"})
