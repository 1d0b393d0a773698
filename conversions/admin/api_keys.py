"""Admin of the keys of programs."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from conversions.domain.endpoint_keys import hash_key, new_key
from conversions.models import ApiKey
from tracker_project.common.pages import Page, change_address, copyable


@admin.register(ApiKey)
class ApiKeyAdmin(Page):
    purpose = "Keys of programs that record or read a platform's conversions. Only a key's hash is kept."
    empty = "Add a key for each program that uses the API; its description is at /api/docs/."
    list_display = ["name", "platform", "may_record", "may_read", "is_active", "created_at"]
    list_filter = ["is_active", "platform"]
    list_select_related = ["platform"]
    search_fields = ["name"]
    autocomplete_fields = ["platform"]
    ordering = ["name"]
    fields = ["name", "platform", ("may_record", "may_read"), "is_active"]

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if not change:
            request.new_api_key = new_key()  # type: ignore[attr-defined]
            obj.key_hash = hash_key(request.new_api_key)  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: Any = None) -> HttpResponse:
        if "_popup" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Key of {obj}",
            "key": copyable(request.new_api_key),  # type: ignore[attr-defined]
            "intro": "The program sends it as Authorization: Bearer. The API is described here:",
            "address": copyable(f"{settings.PUBLIC_WEB_URL}/api/docs/"),
            "advice": "A program that loses its key gets a new row here; switch the old one off.",
            "back": change_address(obj),
        }
        # The admin's views are never cached, so the key is in nobody's history.
        return TemplateResponse(request, "tracker/key_shown_once.html", context)
