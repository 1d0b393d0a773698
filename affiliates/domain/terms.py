"""What a first deposit earns under a partner's plan."""

from datetime import datetime

from affiliates.models import CommissionPlan, CommissionPlanVersion
from campaigns.domain.exchange import convert
from conversions.models import Conversion
from tracker_project.common.money import Money
from tracker_project.common.time import day_in_zone


def version_in_force(plan: CommissionPlan, *, at: datetime) -> CommissionPlanVersion | None:
    """Return the version of a plan that held at `at`; None before its first."""
    return plan.versions.filter(starts_at__lte=at).order_by("-starts_at").first()


def awaits_review(first: Conversion | None) -> bool:
    """Say whether review has yet to decide about a first deposit that would count: what stands stays until then."""
    return (
        first is not None
        and first.status == Conversion.Status.CONFIRMED
        and first.review_state == Conversion.Review.PENDING
    )


def can_earn(first: Conversion | None) -> bool:
    """Say whether a first deposit is of the kind that any plan pays for: real, confirmed, approved, by a partner."""
    return (
        first is not None
        and first.status == Conversion.Status.CONFIRMED
        and first.review_state == Conversion.Review.APPROVED
        and not first.is_test
        and first.partner_id is not None
    )


def earning_version(first: Conversion, plan: CommissionPlan) -> CommissionPlanVersion | None:
    """Return the version by which `plan` pays for a first deposit; None when it pays nothing for it.

    The deposit is compared with the plan's minimum in the plan's currency, at the rate of the deposit's UTC day.
    Raises `NoExchangeRate`.
    """
    version = version_in_force(plan, at=first.occurred_at)
    if version is None or first.amount is None or first.currency is None:
        return None
    deposit = Money(amount=first.amount, currency=first.currency)
    converted = convert(deposit, plan.currency, on=day_in_zone(first.occurred_at, "UTC"))
    return version if converted.amount >= version.minimum_deposit else None
