"""Lines that the edges stored and that became no row, and the action that tries them again."""

from typing import cast

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from attribution.domain.set_aside import StillRefused, retry_set_aside
from attribution.models import SetAsideClick
from tracker_project.common.pages import FactPage

_MOST_REASONS = 3


@admin.register(SetAsideClick)
class SetAsideClickAdmin(FactPage):
    purpose = (
        "Stored lines that are no click of any day we keep, such as one whose clock was far off. Mend the reason, and "
        "try them again."
    )
    empty = "Good: every line that the edges stored became a click."
    list_display = ["created_at", "reason", "line"]
    ordering = ["-id"]
    actions = ["try_again"]

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("attribution.change_setasideclick")

    @admin.action(description="Try again", permissions=["retry"])
    def try_again(self, request: HttpRequest, rows: QuerySet[SetAsideClick]) -> None:
        stored, reasons = 0, dict[str, int]()
        for row in rows.order_by("id"):
            try:
                retry_set_aside(row, actor=cast(User, request.user))
                stored += 1
            except StillRefused as refused:
                reasons[str(refused)] = reasons.get(str(refused), 0) + 1
        if stored:
            self.message_user(request, f"{stored:,} stored.")
        for reason, number in list(reasons.items())[:_MOST_REASONS]:
            self.message_user(request, f"{number:,} still set aside: {reason}", messages.WARNING)
