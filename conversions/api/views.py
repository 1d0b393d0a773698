"""Signed webhooks: verified over their raw bytes, recorded in one transaction, answered when durable."""

from abc import abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from conversions.api.errors import WebhookError
from conversions.api.receiving import check_address, is_sample, media_type, read_body
from conversions.api.recording import Arrival, keep_refused, receive_each, receive_one, results_of
from conversions.api.serializers import (
    DepositSerializer,
    ErrorSerializer,
    RecordedSerializer,
    RegistrationSerializer,
    ResultsSerializer,
)
from conversions.dialects.dialect import MAX_BODY_BYTES, MAX_EVENTS
from conversions.dialects.own import KNOWN, parse_deposit, parse_event, parse_registration
from conversions.domain.reported import Reported
from conversions.domain.requests import keep_unproven
from conversions.models import Platform
from conversions.signatures import BadSignature, verify
from tracker_project.common.prepared import columns_of, fetch, made
from tracker_project.common.strict_json import MalformedJson, parse_object, parse_value

_MAX_ID_CHARACTERS = 200
_ACTIVE = f"SELECT {', '.join(columns_of(Platform))} FROM platforms WHERE is_active"  # noqa: S608
_SENDER_BY_SLUG, _DEFAULT_SENDER = f"{_ACTIVE} AND slug = %s", f"{_ACTIVE} AND is_default"


class Webhook(APIView):
    """Signed messages of a platform, about one event each."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = ()
    longest_body = MAX_BODY_BYTES

    def post(self, request: Request, platform: str | None = None) -> Response:
        at = timezone.now()
        sender, body = self.read_proven(request, _sender(platform), at=at)
        arrival = Arrival(platform=sender, address=request.path, at=at, known=KNOWN, is_sample=is_sample(request))
        try:
            return self.receive(body, arrival, webhook_id=request.headers["webhook-id"])
        except WebhookError as error:
            keep_refused(arrival, status=error.status_code, answer=error.body())
            raise

    def read_proven(self, request: Request, sender: Platform, *, at: datetime) -> tuple[Platform, bytes]:
        """Return the platform by whose secret the message is signed, the sender or his sandbox, and the body."""
        try:
            check_address(request, sender.allowed_addresses)
            body = _read_json_body(request, at_most=self.longest_body)
            return _signing_platform(request, sender, body, at=at), body
        except WebhookError as error:
            keep_unproven(
                sender,
                address=request.path,
                status=error.status_code,
                answer=error.body(),
                at=at,
                is_sample=is_sample(request),
            )
            raise

    def receive(self, body: bytes, arrival: Arrival, *, webhook_id: str) -> Response:
        fields = _parsed(parse_object, body)
        outcome = receive_one(arrival, fields, lambda read: self.parse(read, arrival), webhook_id=webhook_id)
        return Response(outcome.answer, status=outcome.status)

    @abstractmethod
    def parse(self, fields: dict[str, Any], arrival: Arrival) -> Reported: ...


HEADERS = [
    OpenApiParameter("webhook-id", str, OpenApiParameter.HEADER, required=True),
    OpenApiParameter("webhook-timestamp", int, OpenApiParameter.HEADER, required=True),
    OpenApiParameter("webhook-signature", str, OpenApiParameter.HEADER, required=True),
]
_ANSWERS = {
    **dict.fromkeys((200, 201, 202), RecordedSerializer),
    **dict.fromkeys((400, 401, 403, 404, 409, 413, 415, 503), ErrorSerializer),
}


@extend_schema_view(
    post=extend_schema(
        operation_id="report_registration",
        summary="Report a registration (signed, Standard Webhooks)",
        parameters=HEADERS,
        request={"application/json": RegistrationSerializer},
        responses=_ANSWERS,
    )
)
class RegistrationWebhook(Webhook):
    def parse(self, fields: dict[str, Any], arrival: Arrival) -> Reported:
        return parse_registration(fields, at=arrival.at)


@extend_schema_view(
    post=extend_schema(
        operation_id="report_deposit",
        summary="Report a deposit or a new status of one (signed, Standard Webhooks)",
        parameters=HEADERS,
        request={"application/json": DepositSerializer},
        responses=_ANSWERS,
    )
)
class DepositWebhook(Webhook):
    def parse(self, fields: dict[str, Any], arrival: Arrival) -> Reported:
        return parse_deposit(fields, default_status=arrival.platform.default_status, at=arrival.at)


@extend_schema_view(
    post=extend_schema(
        operation_id="report_events",
        summary="Report events of any kind, one or an array (signed, Standard Webhooks)",
        parameters=HEADERS,
        request={"application/json": OpenApiTypes.OBJECT},
        responses=_ANSWERS | {207: ResultsSerializer},
    )
)
class EventsWebhook(Webhook):
    """Events of every kind, each with its `type`: one object, or an array of them."""

    def receive(self, body: bytes, arrival: Arrival, *, webhook_id: str) -> Response:
        value = _parsed(parse_value, body)
        if not isinstance(value, list):
            return super().receive(body, arrival, webhook_id=webhook_id)
        if not 1 <= len(value) <= MAX_EVENTS:
            raise WebhookError(400, "wrong_length", f"An array holds 1 to {MAX_EVENTS} events.")
        outcomes = receive_each(arrival, value, lambda read: self.parse(read, arrival), message_id=webhook_id)
        return Response({"results": results_of(outcomes)}, status=207)

    def parse(self, fields: dict[str, Any], arrival: Arrival) -> Reported:
        return parse_event(fields, default_status=arrival.platform.default_status, at=arrival.at)


@extend_schema(exclude=True)
class NoSuchWebhook(APIView):
    """Whatever else stands under /webhooks/."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = ()

    def post(self, request: Request, rest: str) -> Response:
        raise WebhookError(
            404,
            "unknown_event",
            "Events are posted to /webhooks/<platform>/registration, /deposit, /events or /totals.",
        )


def _sender(slug: str | None) -> Platform:
    rows = fetch(_SENDER_BY_SLUG, [slug]) if slug else fetch(_DEFAULT_SENDER, [])  # at most one, by constraint
    if not rows:
        name = f"called {slug}" if slug else "marked default"
        raise WebhookError(404, "unknown_platform", f"No active platform is {name}.")
    return made(Platform, columns_of(Platform), rows[0])


def _parsed(parse: Callable[[bytes], Any], body: bytes) -> Any:
    try:
        return parse(body)
    except MalformedJson as error:
        raise WebhookError(400, "malformed_json", str(error)) from error


def _read_json_body(request: Request, *, at_most: int) -> bytes:
    body = read_body(request, at_most=at_most)
    if media_type(request) != "application/json":
        raise WebhookError(415, "unsupported_media_type", "Send Content-Type: application/json.")
    return body


def _signing_platform(request: Request, platform: Platform, body: bytes, *, at: datetime) -> Platform:
    """Return the platform whose secret signed the message; raises `WebhookError` where none did."""
    try:
        _check_signature(request, platform, body, at=at)
    except WebhookError as error:
        sandbox = Platform.objects.filter(sandbox_of=platform, is_active=True).select_related("brand").first()
        if sandbox is None or error.code != "bad_signature":
            raise
        _check_signature(request, sandbox, body, at=at)
        return sandbox
    return platform


def _check_signature(request: Request, platform: Platform, body: bytes, *, at: datetime) -> None:
    webhook_id = request.headers.get("webhook-id", "")
    try:
        verify(
            [secret for secret in (platform.secret, platform.previous_secret) if secret],
            webhook_id=webhook_id,
            timestamp=request.headers.get("webhook-timestamp", ""),
            signature=request.headers.get("webhook-signature", ""),
            body=body,
            at=at,
        )
    except BadSignature as error:
        raise WebhookError(401, error.code, str(error)) from error
    if len(webhook_id) > _MAX_ID_CHARACTERS or not webhook_id.isprintable():
        raise WebhookError(400, "bad_webhook_id", f"webhook-id has at most {_MAX_ID_CHARACTERS} printable characters.")
