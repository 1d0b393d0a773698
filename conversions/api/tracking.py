"""Conversions for programs: recorded through the inbox, and listed."""

from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from attribution.models import CreditOutcome
from conversions.api.errors import WebhookError
from conversions.api.keys import ApiKeyAuthentication, MayRead, MayRecord
from conversions.api.listing import MOST_ROWS, TYPES, list_conversions
from conversions.api.receiving import media_type, read_body
from conversions.api.recording import Arrival, keep_refused, receive_each, receive_one, results_of
from conversions.api.serializers import (
    ConversionPageSerializer,
    ErrorSerializer,
    RecordedSerializer,
    ResultsSerializer,
    TrackSerializer,
)
from conversions.dialects.dialect import MAX_EVENTS
from conversions.dialects.own import KNOWN, parse_event
from conversions.dialects.reading import MalformedEvent
from conversions.domain.reported import Reported
from conversions.models import ApiKey
from tracker_project.common.strict_json import MalformedJson, parse_value

_ERRORS = {400: ErrorSerializer, 401: ErrorSerializer, 403: ErrorSerializer, 409: ErrorSerializer}
_FILTERS = [
    OpenApiParameter("type", str, description=f"One or more of {', '.join(TYPES)}, with commas between."),
    OpenApiParameter("status", str, description="Such as confirmed."),
    OpenApiParameter("player_id", str),
    OpenApiParameter("transaction_id", str),
    OpenApiParameter("campaign_id", int),
    OpenApiParameter("partner", str, description="The credited partner's tag."),
    OpenApiParameter("credit", str, enum=CreditOutcome.values),
    OpenApiParameter("is_test", bool),
    OpenApiParameter("occurred_from", OpenApiTypes.DATETIME),
    OpenApiParameter("occurred_before", OpenApiTypes.DATETIME),
    OpenApiParameter("limit", int, description=f"At most {MOST_ROWS}."),
    OpenApiParameter("cursor", str, description="What the page before gave as next."),
]


class TrackConversion(APIView):
    """Record leads, sales, installs, registrations, signups and deposits of the key's platform."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (MayRecord,)
    parser_classes = ()

    @extend_schema(
        operation_id="track_conversion",
        summary="Record an event, or an array of up to 1,000",
        request={"application/json": TrackSerializer},
        responses={
            200: RecordedSerializer,
            201: RecordedSerializer,
            202: RecordedSerializer,
            207: ResultsSerializer,
            413: ErrorSerializer,
            415: ErrorSerializer,
            **_ERRORS,
        },
    )
    def post(self, request: Request) -> Response:
        body = read_body(request)
        if media_type(request) != "application/json":
            raise WebhookError(415, "unsupported_media_type", "Send Content-Type: application/json.")
        arrival = Arrival(platform=_key(request).platform, address=request.path, at=timezone.now(), known=KNOWN)
        try:
            return _recorded(body, arrival)
        except WebhookError as error:
            keep_refused(arrival, status=error.status_code, answer=error.body())
            raise


class ConversionList(APIView):
    """The key's platform's conversions, newest first."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (MayRead,)

    @extend_schema(
        operation_id="list_conversions",
        summary="List conversions, newest first",
        parameters=_FILTERS,
        responses={200: ConversionPageSerializer, 400: ErrorSerializer, 401: ErrorSerializer, 403: ErrorSerializer},
    )
    def get(self, request: Request) -> Response:
        page = list_conversions(_key(request).platform_id, request.query_params)
        return Response({"results": page.rows, "next": page.cursor or None})


def _recorded(body: bytes, arrival: Arrival) -> Response:
    def parse(fields: dict[str, Any]) -> Reported:
        if fields.get("type") not in TYPES:
            raise MalformedEvent("unknown_event", f"type must be one of {', '.join(TYPES)}.", "type")
        return parse_event(fields, default_status=arrival.platform.default_status, at=arrival.at)

    try:
        value = parse_value(body)
    except MalformedJson as error:
        raise WebhookError(400, "malformed_json", str(error)) from error
    if not isinstance(value, list):
        outcome = receive_one(arrival, value, parse)
        return Response(outcome.answer, status=outcome.status)
    if not 1 <= len(value) <= MAX_EVENTS:
        raise WebhookError(400, "wrong_length", f"An array holds 1 to {MAX_EVENTS} events.")
    return Response({"results": results_of(receive_each(arrival, value, parse))}, status=207)


def _key(request: Request) -> ApiKey:
    key: ApiKey = request.auth  # type: ignore[assignment]
    return key
