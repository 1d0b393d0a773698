"""The casino's platform: what it reports of its players, signed by Standard Webhooks, over HTTP."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import requests

from tests.outside.setup import Demo, TrackerUnreachable

ANSWER_SECONDS = 15


@dataclass(frozen=True, kw_only=True)
class Registration:
    """A player has registered; what is None is left out of the message."""

    event_id: str
    occurred_at: datetime
    player_id: str
    click_id: str | None = None
    promo_code: str | None = None
    partner_tag: str | None = None
    country: str | None = None
    has_consent: bool | None = True
    is_test: bool = False

    @property
    def event(self) -> str:
        return "registration"

    def payload(self) -> dict[str, Any]:
        consent = None
        if self.has_consent is not None:
            consent = {"ad_user_data": self.has_consent, "ad_personalization": self.has_consent}
        fields = {
            "event_id": self.event_id,
            "occurred_at": as_text(self.occurred_at),
            "player_id": self.player_id,
            "click_id": self.click_id,
            "promo_code": self.promo_code,
            "partner_tag": self.partner_tag,
            "country": self.country,
            "consent": consent,
            "is_test": self.is_test or None,
        }
        return {name: field for name, field in fields.items() if field is not None}


@dataclass(frozen=True, kw_only=True)
class Deposit:
    """A deposit has the status that the message says; several messages may tell of one transaction."""

    event_id: str
    transaction_id: str
    status: str
    occurred_at: datetime
    player_id: str
    amount: Decimal
    currency: str = "EUR"
    product: str | None = None
    is_test: bool = False

    @property
    def event(self) -> str:
        return "deposit"

    def payload(self) -> dict[str, Any]:
        fields = {
            "event_id": self.event_id,
            "transaction_id": self.transaction_id,
            "status": self.status,
            "occurred_at": as_text(self.occurred_at),
            "player_id": self.player_id,
            "amount": f"{self.amount:f}",
            "currency": self.currency,
            "product": self.product,
            "is_test": self.is_test or None,
        }
        return {name: field for name, field in fields.items() if field is not None}


Report = Registration | Deposit


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the tracker answered; `body` is empty when it was no JSON object."""

    status: int
    body: dict[str, Any]

    @property
    def error_code(self) -> str:
        error = self.body.get("error")
        return str(error.get("code", "")) if isinstance(error, dict) else ""


class Casino:
    """One keep-alive connection of the casino to the tracker; not for several threads at once."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._session = requests.Session()

    def close(self) -> None:
        self._session.close()

    def report(self, report: Report, *, to_default_platform: bool = False) -> Answer:
        """Post a registration or deposit under a message id of its own."""
        body = json.dumps(report.payload()).encode()
        return self.post_raw(report.event, body, to_default_platform=to_default_platform)

    def post_raw(
        self,
        event: str,
        body: bytes,
        *,
        secret: str | None = None,
        webhook_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        to_default_platform: bool = False,
    ) -> Answer:
        """Sign and post any bytes; raise TrackerUnreachable when no answer comes."""
        webhook_id = webhook_id or f"msg_{time.time_ns()}_{hashlib.sha256(body).hexdigest()[:12]}"
        platform = "" if to_default_platform else f"{self._demo.platform_slug}/"
        url = f"{self._demo.web_url}/webhooks/{platform}{event}"
        signed = signature_headers(secret or self._demo.secret, webhook_id, int(time.time()), body)
        try:
            answer = self._session.post(
                url,
                data=body,
                headers={"content-type": "application/json", **signed, **(headers or {})},
                timeout=ANSWER_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise TrackerUnreachable(
                f"The tracker's web process does not answer at {self._demo.web_url} ({type(error).__name__}): "
                "run ./restarter.sh, then ./restarter.sh status."
            ) from error
        return Answer(status=answer.status_code, body=_json_object(answer.content))


def signature_headers(secret: str, webhook_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the three headers of a Standard Webhooks message, computed as its specification says."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = webhook_id.encode() + b"." + str(timestamp).encode() + b"." + body
    proof = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {"webhook-id": webhook_id, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{proof}"}


def as_text(at: datetime) -> str:
    """Return an instant in RFC 3339, in UTC, to the microsecond."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _json_object(content: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(content)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
