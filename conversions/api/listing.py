"""Conversions of all types in one list, newest first: filtered, read page by page from where the last one ended."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import django_filters
from django.core.exceptions import ValidationError
from django.db.models import CharField, F, Q, QuerySet, Value
from django_filters.fields import IsoDateTimeField

from attribution.models import CreditOutcome
from conversions.api.errors import WebhookError
from conversions.models import Conversion, Install, Milestone
from conversions.models.players import Credited

TYPES = ("deposit", "install", "lead", "registration", "sale", "signup")
MOST_ROWS = 500
_ROWS = 100


class _InstantField(IsoDateTimeField):  # type: ignore[misc]
    """An instant in UTC: Postgres takes fewer offsets than ISO 8601 has."""

    def to_python(self, value: Any) -> datetime | None:
        at = super().to_python(value)
        try:
            return at.astimezone(UTC) if at else None
        except OverflowError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


class _InstantFilter(django_filters.IsoDateTimeFilter):  # type: ignore[misc]
    field_class = _InstantField


class ConversionFilter(django_filters.FilterSet):  # type: ignore[misc]
    """What the list may be narrowed by; the same for all types."""

    status = django_filters.CharFilter(field_name="said_status", help_text="Such as confirmed.")
    player_id = django_filters.CharFilter(field_name="player_key", help_text="The platform's own id, whole.")
    transaction_id = django_filters.CharFilter(field_name="transaction_key", help_text="Whole.")
    campaign_id = django_filters.NumberFilter(field_name="campaign_id", max_value=2**31)
    partner = django_filters.CharFilter(field_name="partner__tag", help_text="The credited partner's tag.")
    credit = django_filters.ChoiceFilter(field_name="credit_outcome", choices=CreditOutcome.choices)
    is_test = django_filters.BooleanFilter(field_name="is_test")
    occurred_from = _InstantFilter(field_name="at", lookup_expr="gte")
    occurred_before = _InstantFilter(field_name="at", lookup_expr="lt")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a page ended: the last row's instant, type and key."""

    at: datetime
    kind: str
    pk: int


@dataclass(frozen=True, kw_only=True)
class ListPage:
    """One page of rows, and where the next one begins; empty at the end."""

    rows: list[dict[str, Any]]
    cursor: str


def list_conversions(platform_id: int, parameters: Mapping[str, Any]) -> ListPage:
    """Return one page of a platform's conversions; raises a 400 for a parameter that says nothing."""
    kinds = _types(parameters.get("type", ""))
    limit = _limit(parameters.get("limit", ""))
    after = _place(parameters.get("cursor", ""))
    rows: list[dict[str, Any]] = []
    for kind in kinds:
        filtered = ConversionFilter(parameters, queryset=_facts(kind).filter(platform_id=platform_id))
        if not filtered.is_valid():
            name, errors = next(iter(filtered.errors.items()))
            raise WebhookError(400, "bad_filter", f"{name}: {errors[0]}", field=str(name))
        rows += _page(filtered.qs, kind, after)[: limit + 1]
    rows.sort(key=lambda row: (-row["occurred_at"].timestamp(), row["type"], -row["id"]))
    is_more = len(rows) > limit
    return ListPage(rows=rows[:limit], cursor=_cursor(rows[limit - 1]) if is_more else "")


def _facts(kind: str) -> QuerySet[Any]:
    """Return a type's rows under the names that all types share."""
    facts: QuerySet[Any]
    if kind in Conversion.Kind.values:
        facts = Conversion.objects.filter(kind=kind).annotate(
            at=F("occurred_at"), said_status=F("status"), transaction_key=F("transaction_id"), money=F("amount")
        )
    elif kind in Milestone.Kind.values:
        facts = Milestone.objects.filter(kind=kind).annotate(
            at=F("occurred_at"), said_status=F("status"), transaction_key=F("key"), money=F("revenue")
        )
    else:
        facts = Install.objects.annotate(
            at=F("installed_at"),
            said_status=F("activity"),
            transaction_key=Value(""),
            money=Value(None, output_field=CharField()),
        )
    return facts.annotate(player_key=F("player__player_id"))


def _page(facts: QuerySet[Any], kind: str, after: Place | None) -> list[dict[str, Any]]:
    if after is not None:
        same = Q(at=after.at, pk__lt=after.pk) if kind == after.kind else Q(at=after.at) & Q(pk__gt=0)
        is_later_type = kind >= after.kind
        facts = facts.filter(Q(at__lt=after.at) | (same if is_later_type else Q(pk__in=[])))
    rows = facts.select_related("campaign", "partner", "player").order_by("-at", "-pk")[: MOST_ROWS + 1]
    return [_row(fact, kind) for fact in rows]


def _row(fact: Any, kind: str) -> dict[str, Any]:
    credited: Credited = fact
    transaction_id = fact.transaction_key or ""
    return {
        "type": kind,
        "id": fact.pk,
        "occurred_at": fact.at,
        "status": fact.said_status,
        "player_id": fact.player.player_id if fact.player else None,
        "transaction_id": transaction_id.removeprefix("t:") or None,
        "amount": None if fact.money is None else f"{fact.money.normalize():f}",
        "currency": getattr(fact, "currency", None),
        "first_deposit": bool(getattr(fact, "is_first_deposit", False)),
        "campaign_id": credited.campaign_id,
        "campaign": credited.campaign.name if credited.campaign else None,
        "partner": credited.partner.tag if credited.partner else None,
        "credit": credited.credit_outcome,
        "is_test": fact.is_test,
    }


def _types(given: str) -> list[str]:
    types = [part.strip() for part in str(given).split(",") if part.strip()]
    unknown = [each for each in types if each not in TYPES]
    if unknown:
        raise WebhookError(400, "bad_filter", f"type must be of {', '.join(TYPES)}.", field="type")
    return types or list(TYPES)


def _limit(given: str) -> int:
    if not given:
        return _ROWS
    if not (str(given).isascii() and str(given).isdigit() and 1 <= int(given) <= MOST_ROWS):
        raise WebhookError(400, "bad_filter", f"limit must be 1 to {MOST_ROWS}.", field="limit")
    return int(given)


def _cursor(row: dict[str, Any]) -> str:
    place = [row["occurred_at"].isoformat(), row["type"], row["id"]]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _place(cursor: str) -> Place | None:
    if not cursor:
        return None
    try:
        at, kind, pk = json.loads(base64.urlsafe_b64decode(str(cursor)))
        return Place(at=datetime.fromisoformat(at).astimezone(UTC), kind=str(kind), pk=int(pk))
    except (binascii.Error, UnicodeError, ValueError, TypeError, OverflowError) as error:
        raise WebhookError(400, "bad_filter", "cursor is not one that we gave.", field="cursor") from error
