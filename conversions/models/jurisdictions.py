"""Where players live of whom no advertising platform and no partner may hear."""

from django.db import models
from django.db.models import Q

from campaigns.models.catalogue import validate_country
from campaigns.models.permits import validate_region


class ProhibitedJurisdiction(models.Model):
    """One country, or region of one, whose players never cause a new signal to anybody."""

    country = models.CharField(max_length=2, validators=[validate_country], help_text="Two capitals, as in US.")
    region = models.CharField(
        max_length=3,
        blank=True,
        validators=[validate_region],
        help_text="The end of the ISO 3166-2 code, such as WA. Empty: the whole country.",
    )
    reason = models.CharField(max_length=200, blank=True, help_text="For colleagues, such as the law. Never sent.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "prohibited_jurisdictions"
        constraints = [
            models.UniqueConstraint(fields=["country", "region"], name="one_row_per_prohibited_jurisdiction"),
            models.CheckConstraint(
                condition=Q(country__regex=r"^[A-Z]{2}$", region__regex=r"^([A-Z0-9]{1,3})?$"),
                name="prohibited_jurisdiction_is_a_place",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.country}-{self.region}" if self.region else self.country
