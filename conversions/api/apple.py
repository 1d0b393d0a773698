"""Where Apple's devices post: verified, recorded and answered 200; anything else is refused and nothing is stored."""

from abc import abstractmethod
from typing import Any

import structlog
from django.conf import settings
from django.utils import timezone
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from conversions.api.errors import WebhookError
from conversions.apple.adattributionkit import read_adattributionkit
from conversions.apple.recording import ContradictingPostback, record_app_postback
from conversions.apple.reported import MalformedPostback, ReportedPostback, UnverifiedPostback
from conversions.apple.skadnetwork import read_skadnetwork
from tracker_project.common.strict_json import MalformedJson, parse_object

log = structlog.get_logger(__name__)

MAX_BODY_BYTES = 64 * 1024
# A body too long is read to its end, up to here, so that the sender reads our answer rather than a broken pipe.
_MAX_DRAINED_BYTES = 8 * 1024 * 1024


class ApplePostback(APIView):
    """One framework's postbacks. The signature says who sent it, so neither address nor media type matters."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = ()

    def post(self, request: Request) -> Response:
        at = timezone.now()
        try:
            record_app_postback(self.read(parse_object(_read_body(request))), at=at)
        except MalformedJson as error:
            raise _refusal(400, "malformed_json", str(error)) from error
        except MalformedPostback as error:
            raise _refusal(400, error.code, str(error), field=error.field) from error
        except UnverifiedPostback as error:
            raise _refusal(401, error.code, str(error), field=error.field) from error
        except ContradictingPostback as error:
            raise _refusal(409, "postback_conflict", f"{error}; the first report stands.", field=error.field) from error
        return Response({"status": "recorded"})

    @abstractmethod
    def read(self, body: dict[str, Any]) -> ReportedPostback: ...


class SKAdNetworkPostback(ApplePostback):
    def read(self, body: dict[str, Any]) -> ReportedPostback:
        return read_skadnetwork(body)


class AdAttributionKitPostback(ApplePostback):
    def read(self, body: dict[str, Any]) -> ReportedPostback:
        return read_adattributionkit(body, allow_development=settings.APPLE_DEVELOPMENT_POSTBACKS)


def _read_body(request: Request) -> bytes:
    body: bytes = request._request.read(MAX_BODY_BYTES + 1)
    if len(body) > MAX_BODY_BYTES:
        drained = 0
        while drained < _MAX_DRAINED_BYTES and (chunk := request._request.read(65536)):
            drained += len(chunk)
        raise _refusal(413, "too_large", f"A body has at most {MAX_BODY_BYTES // 1024} KiB.")
    return body


def _refusal(status: int, code: str, message: str, *, field: str | None = None) -> WebhookError:
    log.info("app_postback_refused", code=code, field=field)
    return WebhookError(status, code, message, field=field)
