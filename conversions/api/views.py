"""Signed webhooks: verified over their raw bytes, recorded in one transaction, answered when durable."""

from abc import abstractmethod
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from conversions.api.errors import WebhookError
from conversions.dialects.own import MalformedEvent, parse_deposit, parse_registration
from conversions.domain.inbox import ConversionConflict, Recorded
from conversions.domain.recording import record_deposit, record_registration
from conversions.models import Platform
from conversions.signatures import BadSignature, verify
from tracker_project.common.addresses import client_address, is_in, parse_networks
from tracker_project.common.strict_json import MalformedJson, parse_object

MAX_BODY_BYTES = 256 * 1024
# A body too long is read to its end, up to here, so that the sender reads our answer rather than a broken pipe.
_MAX_DRAINED_BYTES = 32 * 1024 * 1024
_MAX_ID_CHARACTERS = 200


class Webhook(APIView):
    """One kind of event, posted by a platform; nothing is stored of a message that is not accepted."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = ()

    def post(self, request: Request, platform: str | None = None) -> Response:
        at = timezone.now()
        sender = _sender(platform)
        _check_address(request, sender)
        body = _read_body(request)
        _check_signature(request, sender, body, at=at)
        try:
            recorded = self.record(parse_object(body), sender, webhook_id=request.headers["webhook-id"], at=at)
        except MalformedJson as error:
            raise WebhookError(400, "malformed_json", str(error)) from error
        except MalformedEvent as error:
            raise WebhookError(400, error.code, str(error), field=error.field) from error
        except ConversionConflict as error:
            raise WebhookError(409, error.code, f"{error}; the first report stands.", field=error.field) from error
        return Response(recorded.answer, status=200 if recorded.is_repeat else 201)

    @abstractmethod
    def record(self, body: dict[str, Any], platform: Platform, *, webhook_id: str, at: datetime) -> Recorded: ...


class RegistrationWebhook(Webhook):
    def record(self, body: dict[str, Any], platform: Platform, *, webhook_id: str, at: datetime) -> Recorded:
        return record_registration(parse_registration(body, at=at), platform=platform, webhook_id=webhook_id, at=at)


class DepositWebhook(Webhook):
    def record(self, body: dict[str, Any], platform: Platform, *, webhook_id: str, at: datetime) -> Recorded:
        reported = parse_deposit(body, default_status=platform.default_status, at=at)
        return record_deposit(reported, platform=platform, webhook_id=webhook_id, at=at)


class NoSuchWebhook(APIView):
    """Whatever else stands under /webhooks/."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = ()

    def post(self, request: Request, rest: str) -> Response:
        raise WebhookError(404, "unknown_event", "Events are posted to /webhooks/<platform>/registration or /deposit.")


def _sender(slug: str | None) -> Platform:
    platforms = Platform.objects.filter(is_active=True).select_related("brand")
    platform = platforms.filter(**{"slug": slug} if slug else {"is_default": True}).first()  # at most one
    if platform is None:
        name = f"called {slug}" if slug else "marked default"
        raise WebhookError(404, "unknown_platform", f"No active platform is {name}.")
    return platform


def _check_address(request: Request, platform: Platform) -> None:
    if not platform.allowed_addresses:
        return
    address = client_address(
        request.META.get("REMOTE_ADDR", ""),
        request.headers.get("X-Forwarded-For", ""),
        parse_networks(settings.TRUSTED_PROXIES),
    )
    if address is None or not is_in(address, parse_networks(platform.allowed_addresses)):
        raise WebhookError(403, "address_not_allowed", "This address may not post for the platform.")


def _read_body(request: Request) -> bytes:
    media_type = (request.content_type or "").partition(";")[0].strip().lower()
    body: bytes = request._request.read(MAX_BODY_BYTES + 1)
    if len(body) > MAX_BODY_BYTES:
        drained = 0
        while drained < _MAX_DRAINED_BYTES and (chunk := request._request.read(65536)):
            drained += len(chunk)
        raise WebhookError(413, "too_large", f"A body has at most {MAX_BODY_BYTES // 1024} KiB.")
    if media_type != "application/json":
        raise WebhookError(415, "unsupported_media_type", "Send Content-Type: application/json.")
    return body


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
