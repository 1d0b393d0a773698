"""The rules by which AppsFlyer's server-to-server events are taken, and ours about what may never come.

An iOS app's id without its prefix, or an install that is not known, is answered 200 and recorded nowhere.
"""

import json
import re
import threading
from collections.abc import Mapping
from typing import Any

from tests.outside.meta_rules import Verdict

MAX_BYTES = 1024
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", re.ASCII)
INSTALLS = {True: re.compile(r"\d{13}-\d{7}", re.ASCII), False: re.compile(r"\d{13}-\d{19}", re.ASCII)}
FORBIDDEN = {"ip", "idfa", "idfv", "advertising_id", "oaid", "imei", "amazon_aid", "customer_user_id", "att"}


class AppsFlyerApps:
    """AppsFlyer's side: the events that each app recorded, those it took and dropped, and privacy breaches."""

    def __init__(self, *, keys: Mapping[str, str] | None = None) -> None:
        self.keys = keys
        self.recorded: list[dict[str, Any]] = []
        self.dropped: list[dict[str, Any]] = []
        self.breaches: list[str] = []
        self._lock = threading.Lock()

    def receive(self, app: str, headers: Mapping[str, str], body: str) -> Verdict:
        """Return AppsFlyer's answer to one event."""
        if not headers.get("authentication") or (
            self.keys is not None and self.keys.get(app) != headers["authentication"]
        ):
            return Verdict(status=401, text="unauthorized")
        if len(body.encode()) > MAX_BYTES:
            return Verdict(status=400, text="payload is too large")
        try:
            event = json.loads(body)
            value = event["eventValue"]
            if not isinstance(value, str) or (value and not isinstance(json.loads(value), dict)):
                raise ValueError
        except (ValueError, KeyError, TypeError):
            return Verdict(status=400, text="eventValue must be the text of a JSON object")
        if (
            not event.get("appsflyer_id")
            or not event.get("eventName")
            or not TIME.fullmatch(event.get("eventTime", ""))
        ):
            return Verdict(status=400, text="appsflyer_id, eventName or eventTime is missing")
        with self._lock:
            self.breaches += sorted(FORBIDDEN & event.keys())
            is_known = INSTALLS[app.startswith("id")].fullmatch(event["appsflyer_id"])
            (self.recorded if is_known else self.dropped).append(event)
        return Verdict(status=200, text="ok")
