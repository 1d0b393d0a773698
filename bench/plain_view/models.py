"""The one row that the plain view saves."""

from django.db import models


class PlainClick(models.Model):
    """A click as a first version of a tracker would keep it. Never changes."""

    code = models.CharField(max_length=32)
    address = models.GenericIPAddressField()
    user_agent = models.TextField()
    referrer = models.TextField()
    query = models.TextField()
    clicked_at = models.DateTimeField(auto_now_add=True)

    objects: "models.Manager[PlainClick]" = models.Manager()

    class Meta:
        app_label = "plain_view"
        db_table = "plain_clicks"

    def __str__(self) -> str:
        return self.code
