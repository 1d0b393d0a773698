"""The hosts on which clicks arrive."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from campaigns.models.running import TrackingLink


class TrackingDomain(models.Model):
    """A host that serves clicks only: what answers at its root, and at paths that it does not know."""

    class UnknownPath(models.TextChoices):
        NOT_FOUND = "not_found", "A page says that there is nothing here"
        ROOT = "root", "The same as at the root"
        REDIRECT = "redirect", "A redirect to the address below"

    host = models.CharField(
        max_length=253,
        unique=True,
        validators=[RegexValidator(r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?\Z", "Write the host alone, in small letters.")],
        help_text="Such as go.example.com, without https:// and port.",
    )
    root_link = models.ForeignKey(
        TrackingLink,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="domains",
        help_text="The link whose campaign answers at the root. Empty: the page for unknown paths.",
    )
    unknown_path = models.CharField(max_length=10, choices=UnknownPath, default=UnknownPath.NOT_FOUND)
    unknown_url = models.URLField(blank=True, help_text="Where unknown paths lead, if they lead anywhere.")
    is_active = models.BooleanField(default=True)
    notes = models.TextField(blank=True)

    class Meta:
        db_table = "tracking_domains"
        constraints = [
            models.CheckConstraint(condition=Q(host=Lower(F("host"))), name="tracking_domain_is_in_small_letters"),
            models.CheckConstraint(
                condition=Q(unknown_path__in=["not_found", "root", "redirect"]), name="unknown_path_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(unknown_path="redirect") | Q(unknown_url__regex=r"^https?://"),
                name="unknown_path_redirect_has_an_address",
            ),
            models.CheckConstraint(
                condition=~Q(unknown_path="root") | Q(root_link__isnull=False), name="unknown_path_root_has_a_link"
            ),
        ]

    def __str__(self) -> str:
        return self.host
