"""Lines that the edges stored and that became no click."""

from django.contrib import admin

from attribution.models import SetAsideClick
from tracker_project.common.pages import FactPage


@admin.register(SetAsideClick)
class SetAsideClickAdmin(FactPage):
    purpose = "Stored lines that are no click of any day we keep, such as one whose clock was far off."
    empty = "Good: every line that the edges stored became a click."
    list_display = ["created_at", "reason", "line"]
    ordering = ["-id"]
