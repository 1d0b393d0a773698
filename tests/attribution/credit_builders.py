"""Builders of rules of credit."""

from datetime import timedelta
from typing import Any

from attribution.models import CreditRule
from tests.world import NOON


def make_rule(**columns: Any) -> CreditRule:
    """Make a version in force from sixty days before the tests' noon on."""
    defaults = {"version": 1, "starts_at": NOON - timedelta(days=60), "created_at": NOON - timedelta(days=60)}
    return CreditRule.objects.create(**defaults | columns)
