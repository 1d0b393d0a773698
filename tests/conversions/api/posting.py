"""Posting webhooks as a platform does, through Django's client."""

import json
import time
from typing import Any

from django.test import Client

from conversions.models import Platform
from conversions.signatures import sign
from tests.world import SECRET

REGISTRATION = {"event_id": "reg-1", "occurred_at": "2026-11-20T10:00:00Z", "player_id": "p-1"}
DEPOSIT = {
    "event_id": "dep-1",
    "transaction_id": "t-1",
    "status": "confirmed",
    "occurred_at": "2026-11-20T11:00:00+01:00",
    "player_id": "p-1",
    "amount": "100.00",
    "currency": "EUR",
}


def post(
    platform: Platform | str,
    event: str,
    body: dict[str, Any] | bytes,
    *,
    secret: str = SECRET,
    webhook_id: str | None = None,
    timestamp: int | None = None,
    content_type: str = "application/json",
    headers: dict[str, str] | None = None,
) -> Any:
    """Post a signed webhook and return the response; `platform` may be a path instead of a row."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    if webhook_id is None:
        webhook_id = f"msg-{body['event_id']}" if isinstance(body, dict) and "event_id" in body else "msg-1"
    timestamp = int(time.time()) if timestamp is None else timestamp
    address = f"/webhooks/{platform.slug}/{event}" if isinstance(platform, Platform) else platform
    signed = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secret, webhook_id, timestamp, raw),
    }
    return Client().post(address, raw, content_type=content_type, headers=signed | (headers or {}))


def error_of(response: Any) -> tuple[int, str, str | None]:
    """Return status, code and field of an error, whose message must say something."""
    error = response.json()["error"]
    assert len(error["message"]) > 10
    return response.status_code, error["code"], error["field"]
