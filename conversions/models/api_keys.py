"""Keys of programs that record and read conversions of one platform through the API."""

from django.db import models
from django.db.models import Q

from conversions.models.intake import Platform


class ApiKey(models.Model):
    """What one program shows to record or read a platform's conversions; kept as its SHA-256 alone."""

    name = models.CharField(max_length=100, unique=True)
    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="api_keys")
    key_hash = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256 of the key.")
    may_record = models.BooleanField(default=True, help_text="POST /conversions/track")
    may_read = models.BooleanField(default=True, help_text="GET /conversions/")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "api_keys"
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(condition=Q(key_hash__regex=r"^[0-9a-f]{64}$"), name="api_key_is_kept_as_its_hash")
        ]

    def __str__(self) -> str:
        return self.name
