"""Every error of the API in one shape: {"error": {"code", "message", "field"}}."""

from typing import Any

import structlog
from django.db import InterfaceError, OperationalError
from psycopg_pool import PoolTimeout
from rest_framework.exceptions import APIException, MethodNotAllowed
from rest_framework.response import Response

log = structlog.get_logger(__name__)

_RETRY_AFTER_SECONDS = "5"


class WebhookError(APIException):
    """A message that is not recorded; the sender is told what to mend."""

    def __init__(self, status: int, code: str, message: str, *, field: str | None = None) -> None:
        super().__init__(message, code)
        self.status_code = status
        self.code = code
        self.message = message
        self.field = field

    def body(self) -> dict[str, Any]:
        return error_body(self.code, self.message, field=self.field)


def error_body(code: str, message: str, *, field: str | None = None) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "field": field}}


def error_response(status: int, code: str, message: str, *, field: str | None = None) -> Response:
    return Response(error_body(code, message, field=field), status=status)


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer what a view raised (REST framework's EXCEPTION_HANDLER); what it does not know stays a 500."""
    if isinstance(error, WebhookError):
        return error_response(error.status_code, error.code, error.message, field=error.field)
    if isinstance(error, MethodNotAllowed):
        return error_response(405, "method_not_allowed", "Webhooks are sent by POST.")
    if isinstance(error, (OperationalError, InterfaceError, PoolTimeout)):
        log.error("webhook_without_database", error=type(error).__name__)
        response = error_response(503, "unavailable", "Nothing was recorded: send it again in a few seconds.")
        response["Retry-After"] = _RETRY_AFTER_SECONDS
        return response
    if isinstance(error, APIException):
        return error_response(error.status_code, str(error.get_codes()), str(error.detail))
    return None
