"""How the deposits of earlier players grew, by which those of new ones are predicted."""

from django.db import models
from django.db.models import Q

from campaigns.models import Brand
from tracker_project.common.fields import AmountField


class ValueCurvePoint(models.Model):
    """What a brand's earlier players had deposited so many days after their first deposit, all together.

    Day 0 is the first deposit alone. Amounts are in the reporting currency. A brand's points are rewritten together.
    """

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="+")
    day = models.PositiveSmallIntegerField()
    players = models.PositiveIntegerField()
    amount = AmountField()
    computed_at = models.DateTimeField()

    class Meta:
        db_table = "value_curve_points"
        constraints = [
            models.UniqueConstraint(fields=["brand", "day"], name="one_value_curve_point_per_brand_and_day"),
            models.CheckConstraint(condition=Q(amount__gt=0, players__gt=0), name="value_curve_point_is_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.brand}, day {self.day}: {self.amount}"
