"""A casino that posts signed webhooks to the real addresses through Django's test client."""

import itertools
import json
import time
from dataclasses import dataclass
from typing import Any

from django.test import Client

from conversions.models import Platform
from tests.outside.casino import signature_headers

_numbers = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the casino is answered."""

    status: int
    body: dict[str, Any]

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = self.body["error"]
        return error


class Webhooks:
    """One platform's sender; each message gets an event id and a message id of its own unless told otherwise."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self._client = Client(raise_request_exception=True)

    def register(self, player_id: str = "p-1", **fields: Any) -> Answer:
        """Report a registration; a field given as None is left out."""
        return self.post("registration", registration(player_id, **fields))

    def deposit(self, transaction_id: str, player_id: str = "p-1", **fields: Any) -> Answer:
        """Report a deposit, confirmed and of 50 EUR unless told otherwise; a field given as None is left out."""
        return self.post("deposit", deposit(transaction_id, player_id, **fields))

    def post(self, event: str, payload: dict[str, Any], *, webhook_id: str | None = None) -> Answer:
        return self.post_raw(event, json.dumps(payload).encode(), webhook_id=webhook_id)

    def post_raw(
        self,
        event: str,
        body: bytes,
        *,
        webhook_id: str | None = None,
        secret: str | None = None,
        content_type: str = "application/json",
        path: str | None = None,
        changed_headers: dict[str, str] | None = None,
    ) -> Answer:
        """Sign and post any bytes, with headers changed after signing."""
        webhook_id = webhook_id or f"msg-{next(_numbers)}"
        signed = signature_headers(secret or self.platform.secret, webhook_id, int(time.time()), body)
        answer = self._client.generic(
            "POST",
            path or f"/webhooks/{self.platform.slug}/{event}",
            body,
            content_type=content_type,
            headers=signed | (changed_headers or {}),
        )
        return Answer(status=answer.status_code, body=json.loads(answer.content))


def registration(player_id: str = "p-1", **fields: Any) -> dict[str, Any]:
    """Return the body of a registration at 10:00."""
    defaults = {
        "event_id": f"e-{next(_numbers)}",
        "occurred_at": "2026-11-22T10:00:00Z",
        "player_id": player_id,
        "country": "MT",
        "consent": {"ad_user_data": True, "ad_personalization": True},
    }
    return {name: value for name, value in (defaults | fields).items() if value is not None}


def deposit(transaction_id: str, player_id: str = "p-1", **fields: Any) -> dict[str, Any]:
    """Return the body of a confirmed deposit of 50 EUR at 10:30."""
    defaults = {
        "event_id": f"e-{next(_numbers)}",
        "transaction_id": transaction_id,
        "status": "confirmed",
        "occurred_at": "2026-11-22T10:30:00Z",
        "player_id": player_id,
        "amount": "50.00",
        "currency": "EUR",
    }
    return {name: value for name, value in (defaults | fields).items() if value is not None}
