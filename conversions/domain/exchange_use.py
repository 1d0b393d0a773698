"""Which exchange rates have been used: those stay as they are."""

from datetime import UTC, date, datetime, time, timedelta

from django.db.models import F, Q

from campaigns.models import Cost, ExchangeRate
from conversions.models import Conversion, Revenue

# A row's day is one of its campaign's zone or of UTC: zones are at most 14 hours apart from it.
_SLACK = timedelta(days=1)


def is_exchange_rate_used(rate: ExchangeRate) -> bool:
    """Say whether any amount was converted while this was the last known rate of its currency."""
    later = ExchangeRate.objects.filter(currency=rate.currency, on_date__gt=rate.on_date).order_by("on_date").first()
    first, end = rate.on_date, later.on_date if later else date.max
    costs = Cost.objects.filter(on_date__gte=first, on_date__lt=end).exclude(original_currency=F("currency"))
    if costs.filter(Q(currency=rate.currency) | Q(original_currency=rate.currency)).exists():
        return True
    starts_at = datetime.combine(first, time(), UTC) - _SLACK
    occurred = Q(occurred_at__gte=starts_at)
    if later:
        occurred &= Q(occurred_at__lt=datetime.combine(end, time(), UTC) + _SLACK)
    conversions = Conversion.objects.filter(occurred).exclude(currency=F("reporting_currency"))
    if conversions.filter(Q(currency=rate.currency) | Q(reporting_currency=rate.currency)).exists():
        return True
    revenues = Revenue.objects.filter(conversion__in=Conversion.objects.filter(occurred, is_first_deposit=True))
    revenues = revenues.exclude(original_currency=F("currency"))
    return revenues.filter(Q(currency=rate.currency) | Q(original_currency=rate.currency)).exists()
