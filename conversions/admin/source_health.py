"""Admin of when each source was heard, and of the links that developers were given."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from conversions.admin.platform_health import developer_address
from conversions.domain.developer_links import is_open, revoke_link, token_of
from conversions.domain.rhythm import in_words
from conversions.models import DeveloperLink, SourceWatch
from tracker_project.common.pages import (
    NOTHING,
    FactPage,
    ask_first,
    button,
    change_address,
    copyable,
    found,
    label,
    link_to,
)


class SilentFilter(admin.SimpleListFilter):
    title = "silent"
    parameter_name = "silent"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Silent against their rhythm")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[SourceWatch]) -> QuerySet[SourceWatch]:
        return queryset.exclude(alarm="") if self.value() == "yes" else queryset


@admin.register(SourceWatch)
class SourceWatchAdmin(FactPage):
    purpose = (
        "When each platform and endpoint was heard last. One that falls silent against its own week, hour by hour, is "
        "pointed out; it recovers by itself with the next message. Tests and refused messages are no signs of life."
    )
    empty = "Nothing has come yet. A source stands here five minutes after its first message."
    list_display = ["source_name", "platform", "state", "last_heard_at", "silence", "first_heard_at"]
    list_filter = [SilentFilter, "platform"]
    list_select_related = ["platform", "endpoint"]
    ordering = ["-last_heard_at"]
    fields = [("source_page", "state"), ("last_heard_at", "first_heard_at"), "alarm"]

    @admin.display(description="Source")
    def source_name(self, watch: SourceWatch) -> str:
        return watch.endpoint.name if watch.endpoint else "Signed webhooks"

    @admin.display(description="Source")
    def source_page(self, watch: SourceWatch) -> Any:
        return link_to(watch.source)

    @label("State", {"Heard": "success", "Silent": "danger", "Switched off": "info"})
    def state(self, watch: SourceWatch) -> str:
        if not watch.source.is_active or not watch.platform.is_active:
            return "Switched off"
        return "Silent" if watch.alarm else "Heard"

    @admin.display(description="Silent for")
    def silence(self, watch: SourceWatch) -> str:
        return watch.alarm or in_words(timezone.now() - watch.last_heard_at)


@admin.register(DeveloperLink)
class DeveloperLinkAdmin(FactPage):
    purpose = "Links by which casinos' developers see their own requests with our answers, without signing in here."
    empty = "None was given. Open a platform and press “Link for the developer…”."
    list_display = ["given_to", "platform", "state", "expires_at", "last_opened_at", "created_by"]
    list_filter = ["platform"]
    list_select_related = ["platform", "created_by"]
    ordering = ["-pk"]
    fields = [
        ("given_to", "platform"),
        "state",
        "address",
        ("created_at", "created_by"),
        ("expires_at", "last_opened_at"),
    ]
    actions_detail = ["revoke"]

    def has_end_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("conversions.change_platform"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        link = self.get_object(request, str(object_id))
        is_given = link is not None and is_open(link, at=timezone.now())
        return super().get_actions_detail(request, object_id) if is_given else []  # type: ignore[misc]

    @label("State", {"Open": "success", "Ended": "info", "Taken back": "danger"})
    def state(self, link: DeveloperLink) -> str:
        if link.revoked_at is not None:
            return "Taken back"
        return "Open" if is_open(link, at=timezone.now()) else "Ended"

    @admin.display(description="Address")
    def address(self, link: DeveloperLink) -> str:
        return copyable(developer_address(token_of(link))) if is_open(link, at=timezone.now()) else NOTHING

    @button("Take it back…", path="revoke", icon="link_off", permission="end")
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        link = found(self, request, object_id)
        if request.method == "POST":
            revoke_link(link, at=timezone.now())
            self.log_change(request, link, "Took the link back.")
            self.message_user(request, "The link shows nothing any more.")
            return redirect(change_address(link))
        return ask_first(
            self,
            request,
            link,
            title="Take the link back",
            consequence="Whoever has it sees nothing from now on. This cannot be undone; you can give a new one.",
            button="Take it back",
        )
