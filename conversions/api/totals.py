"""Where a platform posts its own count of a day, signed like everything else that it posts."""

from decimal import Decimal
from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.response import Response

from conversions.api.errors import WebhookError
from conversions.api.recording import Arrival
from conversions.api.serializers import ErrorSerializer
from conversions.api.views import HEADERS, Webhook
from conversions.dialects.reading import MalformedEvent
from conversions.dialects.totals import KNOWN, MAX_BODY_BYTES, parse_totals
from conversions.domain.day_comparison import Beside, compare_days
from conversions.domain.day_reports import COUNTED, DayRecorded, DayReportConflict, record_day_report
from conversions.domain.privacy import Scrubbed, scrub
from conversions.domain.reported import Reported, plain_amount
from conversions.domain.requests import keep_request
from conversions.models import DayReport
from tracker_project.common.strict_json import MalformedJson, parse_object


class TotalsSerializer(serializers.Serializer[object]):
    event_id = serializers.CharField(max_length=200, help_text="Your id of this count: a repeat changes nothing.")
    on_date = serializers.DateField(help_text="The day, in the time zone that the operator set for you.")
    counted_at = serializers.DateTimeField(help_text="When you counted: of a day's counts the latest stands.")
    registrations = serializers.IntegerField(required=False)
    first_deposits = serializers.IntegerField(required=False)
    deposits = serializers.IntegerField(required=False, help_text="Whose money was confirmed.")
    deposit_amounts = serializers.DictField(
        child=serializers.CharField(), required=False, help_text='By currency, as in {"EUR": "120.00"}.'
    )
    registration_ids = serializers.ListField(child=serializers.CharField(), required=False, help_text="Players' ids.")
    first_deposit_ids = serializers.ListField(child=serializers.CharField(), required=False, help_text="Players' ids.")
    deposit_ids = serializers.ListField(child=serializers.CharField(), required=False, help_text="Transactions' ids.")


class DifferenceSerializer(serializers.Serializer[object]):
    figure = serializers.CharField()
    currency = serializers.CharField(allow_null=True)
    you = serializers.CharField()
    we = serializers.CharField()


class TotalsAnswerSerializer(serializers.Serializer[object]):
    status = serializers.CharField(help_text="recorded, or superseded where a later count stands already.")
    differences = DifferenceSerializer(many=True, help_text="Of what you said and we recorded by now.")


@extend_schema_view(
    post=extend_schema(
        operation_id="report_totals",
        summary="Report your own count of a day, so that what is missing is found (signed, Standard Webhooks)",
        parameters=HEADERS,
        request={"application/json": TotalsSerializer},
        responses={
            200: TotalsAnswerSerializer,
            201: TotalsAnswerSerializer,
            **dict.fromkeys((400, 401, 403, 404, 409, 413, 415, 503), ErrorSerializer),
        },
    )
)
class TotalsWebhook(Webhook):
    longest_body = MAX_BODY_BYTES

    def receive(self, body: bytes, arrival: Arrival, *, webhook_id: str) -> Response:
        try:
            scrubbed = scrub(parse_object(body), known=KNOWN)
        except MalformedJson as error:
            raise WebhookError(400, "malformed_json", str(error)) from error
        with transaction.atomic():
            recorded = _recorded(scrubbed, arrival)
            status = 200 if recorded.is_repeat else 201
            answer = _answer(recorded.report)
            _keep(scrubbed, arrival, status=status, answer=answer)
        return Response(answer, status=status)

    def parse(self, fields: dict[str, Any], arrival: Arrival) -> Reported:
        raise NotImplementedError("A count of a day is no event.")


def _recorded(scrubbed: Scrubbed, arrival: Arrival) -> DayRecorded:
    try:
        reported = parse_totals(scrubbed.fields, at=arrival.at)
        return record_day_report(reported, platform=arrival.platform, at=arrival.at)
    except MalformedEvent as error:
        raise WebhookError(400, error.code, str(error), field=error.field or None) from error
    except DayReportConflict as error:
        raise WebhookError(409, "totals_conflict", f"{error}; the first report stands.", field=error.field) from error


def _answer(report: DayReport) -> dict[str, Any]:
    (comparison,) = compare_days([report])
    differences = [_difference(figure) for figure in comparison.figures if figure.difference]
    return {"status": "recorded" if report.is_current else "superseded", "differences": differences}


def _difference(figure: Beside) -> dict[str, str | None]:
    if figure.currency:
        return {
            "figure": "deposit_amounts",
            "currency": figure.currency,
            "you": _plain(figure.said),
            "we": _plain(figure.ours),
        }
    return {"figure": figure.name, "currency": None, "you": str(figure.said), "we": str(figure.ours)}


def _plain(amount: Decimal | int | None) -> str:
    return plain_amount(Decimal(amount or 0))


def _keep(scrubbed: Scrubbed, arrival: Arrival, *, status: int, answer: dict[str, Any]) -> None:
    """Keep the request, with the lengths of its lists in the place of the ids."""
    lengths = {ids: f"{len(scrubbed.fields[ids])} ids" for ids in COUNTED.values() if scrubbed.fields.get(ids)}
    amounts = {"deposit_amounts": scrubbed.fields["deposit_amounts"]} if scrubbed.fields.get("deposit_amounts") else {}
    keep_request(
        [Scrubbed(fields={}, content=scrubbed.content | lengths | amounts, dropped=scrubbed.dropped)],
        platform=arrival.platform,
        endpoint=None,
        address=arrival.address,
        status=status,
        answer=answer,
        at=arrival.at,
    )
