"""Postbacks of trackers, networks and platforms: one address an endpoint, by GET or POST, in the endpoint's dialect."""

from datetime import datetime
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from conversions.api.errors import WebhookError
from conversions.api.receiving import check_address, media_type, read_body
from conversions.api.recording import Arrival, keep_refused, receive_each, receive_one, results_of
from conversions.api.serializers import ErrorSerializer, RecordedSerializer, ResultsSerializer
from conversions.dialects.dialect import Dialect, Message, NotAuthentic
from conversions.dialects.reading import MalformedEvent
from conversions.dialects.registry import dialect_of, known_fields, parse
from conversions.domain.endpoint_keys import hash_key
from conversions.domain.reported import Reported
from conversions.domain.requests import keep_unproven
from conversions.models import Endpoint
from tracker_project.common.strict_json import MalformedJson, parse_object

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_LONGEST_PATH_KEY = 200
_ANSWERS = {
    **dict.fromkeys((200, 201, 202), RecordedSerializer),
    207: ResultsSerializer,
    **dict.fromkeys((400, 401, 403, 404, 409, 413), ErrorSerializer),
}


class PostbackEndpoint(APIView):
    """Whatever an endpoint's sender sends; the answer is JSON, or the text that the dialect's sender wants."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = ()

    @extend_schema(
        operation_id="postback_by_get",
        summary="Report an event in the endpoint's dialect, its parameters in the address",
        request=None,
        responses=_ANSWERS,
    )
    def get(self, request: Request, name: str, key: str = "") -> HttpResponseBase:
        return self._receive(request, name, key)

    @extend_schema(
        operation_id="postback_by_post",
        summary="Report events in the endpoint's dialect, as a form or JSON",
        request={"application/json": OpenApiTypes.OBJECT, "application/x-www-form-urlencoded": OpenApiTypes.OBJECT},
        responses=_ANSWERS,
    )
    def post(self, request: Request, name: str, key: str = "") -> HttpResponseBase:
        return self._receive(request, name, key)

    def _receive(self, request: Request, name: str, key: str) -> HttpResponseBase:
        endpoint, key = _endpoint(name, key)
        dialect = dialect_of(endpoint)
        arrival = arrival_at(endpoint, at=timezone.now())
        try:
            message = _proven_message(request, key, dialect, endpoint)
        except WebhookError as error:
            keep_unproven(
                endpoint.platform,
                endpoint=endpoint,
                address=arrival.address,
                status=error.status_code,
                answer=error.body(),
                at=arrival.at,
            )
            raise
        try:
            return _answered(arrival, endpoint, dialect, message)
        except WebhookError as error:
            keep_refused(arrival, status=error.status_code, answer=error.body())
            raise


def arrival_at(endpoint: Endpoint, *, at: datetime) -> Arrival:
    """Return where a request to an endpoint arrives."""
    return Arrival(
        platform=endpoint.platform,
        endpoint=endpoint,
        address=f"/postback/{endpoint.slug}",
        at=at,
        known=known_fields(endpoint),
        secrets=dialect_of(endpoint).secrets,
    )


def _answered(arrival: Arrival, endpoint: Endpoint, dialect: Dialect, message: Message) -> HttpResponseBase:
    def read(fields: dict[str, Any]) -> Reported:
        return parse(fields, endpoint, at=arrival.at)

    elements = elements_of(message, endpoint)
    is_one = len(elements) == 1 and dialect.answers_one
    if dialect.is_array and not is_one:
        outcomes = receive_each(arrival, elements, read)
        if dialect.answer is not None:
            return HttpResponse(dialect.answer({}), content_type="text/plain")
        return Response({"results": results_of(outcomes)}, status=dialect.array_status)
    outcome = receive_one(arrival, elements[0], read)
    wanted = dialect.answer(outcome.scrubbed.content) if dialect.answer else ""
    if wanted and outcome.status < 300:
        return HttpResponse(wanted, status=200, content_type="text/plain")
    return Response(outcome.answer, status=outcome.status)


def elements_of(message: Message, endpoint: Endpoint) -> list[Any]:
    """Return the events that a message holds; raises a 400 where they cannot be found."""
    dialect = dialect_of(endpoint)
    try:
        elements = dialect.read(message, endpoint)
    except MalformedJson as error:
        raise WebhookError(400, "malformed_json", str(error)) from error
    except MalformedEvent as error:
        raise WebhookError(400, error.code, str(error), field=error.field or None) from error
    if not 1 <= len(elements) <= dialect.most_events:
        raise WebhookError(400, "wrong_length", f"A message holds 1 to {dialect.most_events} events.")
    return elements


def _endpoint(name: str, key: str) -> tuple[Endpoint, str]:
    """Return the endpoint that is called `name`, or whose key `name` is, and the key that the path shows."""
    endpoints = Endpoint.objects.filter(is_active=True, platform__is_active=True).select_related("platform__brand")
    endpoint = endpoints.filter(slug=name).first()  # at most one, by constraint
    if endpoint is not None:
        return endpoint, key[:_LONGEST_PATH_KEY]
    # Found by its hash: how long that takes tells nothing about the key.
    endpoint = endpoints.filter(key_hash=hash_key(name)).first()  # at most one, by constraint
    endpoint = endpoint or endpoints.filter(previous_key_hash=hash_key(name)).order_by("pk").first()
    if endpoint is None:
        raise WebhookError(404, "unknown_endpoint", "No active endpoint has this name or key.")
    return endpoint, name


def _proven_message(request: Request, key: str, dialect: Dialect, endpoint: Endpoint) -> Message:
    """Return the message once its sender has proven himself; raises `WebhookError`."""
    check_address(request, endpoint.allowed_addresses)
    message = _message(request, key, dialect)
    try:
        dialect.authenticate(message, endpoint)
    except NotAuthentic as error:
        raise WebhookError(401, error.code, str(error)) from error
    return message


def _message(request: Request, path_key: str, dialect: Dialect) -> Message:
    body = read_body(request, at_most=dialect.longest_body)
    kind = media_type(request)
    try:
        parameters = _single_values(request.query_params)
        if kind == _FORM and body:
            parameters |= _single_values(QueryDict(body))
    except SuspiciousOperation as error:
        raise WebhookError(400, "too_many_fields", "There are too many parameters.") from error
    except (UnicodeError, ValueError) as error:
        raise WebhookError(400, "malformed_form", "The parameters cannot be read.") from error
    if kind == _JSON and body and not dialect.is_json:
        parameters |= _flat_object(body)
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Message(parameters=parameters, headers=headers, body=body, media_type=kind, path_key=path_key)


def _single_values(given: QueryDict) -> dict[str, Any]:
    """Return each parameter's one value; raises a 400 for one that is there twice and says two things."""
    for name in given:
        if len(set(given.getlist(name))) > 1:
            raise WebhookError(400, "doubled", "A parameter stands there twice with two values.")
    return {name: given[name] for name in given}


def _flat_object(body: bytes) -> dict[str, Any]:
    try:
        return parse_object(body)
    except MalformedJson as error:
        raise WebhookError(400, "malformed_json", str(error)) from error
