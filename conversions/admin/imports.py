"""Admin of imports: upload, look at the preview, confirm, undo."""

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from conversions.admin.endpoints import dropped_in_words
from conversions.admin.import_upload import UploadForm
from conversions.admin.import_words import STATE_COLOURS, consequence_of, counts_in_words, known_in_words, top_of
from conversions.domain.imports.deciding import NotDecidable, confirm_import, discard_import, undo_import
from conversions.domain.imports.staging import FileKnown, stage_file
from conversions.domain.imports.working import claim, work_on
from conversions.imports.downloads import rows_csv, template_csv, template_xlsx
from conversions.imports.tables import UnreadableFile
from conversions.models import Import
from tracker_project.common.pages import (
    FactPage,
    ReasonForm,
    ask_first,
    button,
    change_address,
    found,
    label,
    list_address,
)

_State = Import.State
# Small files are through before the page comes back; the rest is the workers'.
_MOMENT = timedelta(seconds=3)
_COLUMNS = ("platform", "endpoint", "layout", "decimal_mark", "date_order", "time_zone")


@admin.register(Import)
class ImportAdmin(FactPage):
    purpose = (
        "Lists of events from outside, and rejection reports of measurement partners. They go the way of webhooks: "
        "nothing is recorded twice, and a preview shows what each row would come to."
    )
    empty = "Download the template, fill it, and upload it with the button above."
    list_before_template = "tracker/imports_before.html"
    change_form_before_template = "tracker/import_top.html"
    list_display = ["uploaded_at", "file_link", "platform", "layout", "state_label", "rows_in_all", "came_to", "who"]
    list_filter = ["state", "layout", "platform", "origin"]
    list_select_related = ["platform", "uploaded_by"]
    ordering = ["-id"]
    actions_detail = ["confirm", "discard", "undo"]

    def get_fields(self, request: HttpRequest, obj: Import | None = None) -> list[Any]:
        fields: list[Any] = [
            ("platform", "endpoint") if obj and obj.endpoint_id else "platform",
            ("layout", "origin"),
            ("file_name", "size"),
            ("how_it_was_read", "not_read"),
            ("who", "uploaded_at"),
        ]
        if obj and obj.confirmed_at:
            fields += ["confirmed_by", ("confirmed_at", "finished_at")]
        if obj and obj.undo_asked_at:
            fields += [("undone_by", "undone_at"), "undo_reason"]
        return [*fields, "sha_256"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("conversions.add_import"))

    def has_confirm_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("conversions.confirm_import"))

    def has_discard_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.has_add_permission(request)

    def has_undo_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("conversions.undo_import"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        file = self.get_object(request, str(object_id))
        offered = {
            _State.PREVIEWING: ["discard"],
            _State.PREVIEWED: ["confirm", "discard"],
            _State.IMPORTED: ["undo"],
        }.get(_State(file.state), []) if file else []  # fmt: skip
        return [each for each in super().get_actions_detail(request, object_id) if each.path in offered]  # type: ignore[misc]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("template.csv", view(self.download_template), {"kind": "csv"}, name="import_template_csv"),
            path("template.xlsx", view(self.download_template), {"kind": "xlsx"}, name="import_template_xlsx"),
            path("<int:object_id>/rows.csv", view(self.download_rows), name="import_rows_csv"),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            answer = self._take(request, form)
            if answer is not None:
                return answer
        context = {
            **self.admin_site.each_context(request),
            "title": "Upload a list",
            "form": form,
            "back": list_address(Import),
        }
        return TemplateResponse(request, "tracker/import_upload.html", context)

    def _take(self, request: HttpRequest, form: UploadForm) -> HttpResponse | None:
        """Stage the uploaded file and lead to its preview; None, with the error in the form, where that fails."""
        cleaned, at = form.cleaned_data, timezone.now()
        columns = {
            name: cleaned[name]
            for name in ("platform", "endpoint", "layout", "decimal_mark", "date_order", "time_zone")
        }
        file = Import(**columns, file_name=cleaned["file"].name, uploaded_by=_person(request), uploaded_at=at)
        try:
            stage_file(cleaned["file"].read(), file, at=at, encoding=cleaned["encoding"])
        except UnreadableFile as error:
            form.add_error("file", str(error))
            return None
        except FileKnown as known:
            messages.warning(request, known_in_words(known.earlier))
            return redirect(change_address(known.earlier))
        self.log_addition(request, file, "Uploaded it.")
        _work_for_a_moment(file)
        return redirect(change_address(file))

    def download_template(self, request: HttpRequest, kind: str) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        content: str | bytes = template_csv() if kind == "csv" else template_xlsx()
        types = {"csv": "text/csv", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
        return HttpResponse(content, content_type=types[kind], headers=_attachment(f"events.{kind}"))

    def download_rows(self, request: HttpRequest, object_id: int) -> StreamingHttpResponse:
        file = found(self, request, str(object_id))
        if not self.has_view_permission(request, file):
            raise PermissionDenied
        name = f"import-{file.uploaded_at:%Y-%m-%d}-rows.csv"
        return StreamingHttpResponse(rows_csv(file), content_type="text/csv", headers=_attachment(name))

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        file = self.get_object(request, object_id)
        context = top_of(file) if file else {}
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    @button("Record them…", path="confirm", icon="check", permission="confirm")
    def confirm(self, request: HttpRequest, object_id: str) -> HttpResponse:
        file = found(self, request, object_id)
        if request.method == "POST":
            return self._decided(request, file, "Confirmed it.", confirm_import)
        return ask_first(
            self,
            request,
            file,
            title="Record the list",
            consequence=consequence_of(file),
            button="Record them",
        )

    @button("Discard…", path="discard", icon="delete", permission="discard")
    def discard(self, request: HttpRequest, object_id: str) -> HttpResponse:
        file = found(self, request, object_id)
        if request.method == "POST":
            return self._decided(request, file, "Discarded it.", discard_import)
        return ask_first(
            self,
            request,
            file,
            title="Discard the list",
            consequence="Its rows are dropped; nothing was recorded of them. The file may be uploaded again.",
            button="Discard it",
        )

    @button("Undo…", path="undo", icon="undo", permission="undo")
    def undo(self, request: HttpRequest, object_id: str) -> HttpResponse:
        file = found(self, request, object_id)
        form = ReasonForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            return self._decided(
                request,
                file,
                f"Undid it: {form.cleaned_data['reason']}",
                undo_import,
                reason=form.cleaned_data["reason"],
            )
        return ask_first(
            self,
            request,
            file,
            title="Undo the import",
            consequence=(
                "Deposits that only this list reported become void, registrations and other steps rejected; "
                "commissions and postbacks follow by the ordinary rules, in the period that is open now. Nothing is "
                "deleted. What others reported too stays, and so do refunds, chargebacks and withdrawals; each row "
                "says why. This cannot be undone: the same events are not recorded again."
            ),
            button="Undo the import",
            form=form,
        )

    def _decided(self, request: HttpRequest, file: Import, log: str, decide: Any, **more: Any) -> HttpResponse:
        try:
            decide(file, actor=_person(request), at=timezone.now(), **more)
        except NotDecidable as error:
            self.message_user(request, str(error), messages.WARNING)
            return redirect(change_address(file))
        self.log_change(request, file, log)
        _work_for_a_moment(file)
        return redirect(change_address(file))

    @admin.display(description="File")
    def file_link(self, file: Import) -> str:
        return file.file_name

    @label("State", STATE_COLOURS)
    def state_label(self, file: Import) -> str:
        return file.get_state_display()

    @admin.display(description="Rows")
    def rows_in_all(self, file: Import) -> str:
        return f"{file.rows_count:,}"

    @admin.display(description="Came to")
    def came_to(self, file: Import) -> str:
        return counts_in_words(file)

    @admin.display(description="Brought by")
    def who(self, file: Import) -> str:
        return str(file.uploaded_by or "fetched by itself")

    @admin.display(description="Size")
    def size(self, file: Import) -> str:
        return f"{file.size_bytes / 1024:,.1f} KiB"

    @admin.display(description="Read as")
    def how_it_was_read(self, file: Import) -> str:
        marks = {Import.DecimalMark.POINT: "decimal point", Import.DecimalMark.COMMA: "decimal comma"}
        mark = marks[Import.DecimalMark(file.decimal_mark)]
        return f"{file.encoding.upper()}; {mark}; times without an offset in {file.time_zone}"

    @admin.display(description="SHA-256 of the file")
    def sha_256(self, file: Import) -> str:
        return str(file.digest)

    @admin.display(description="Columns that are not read")
    def not_read(self, file: Import) -> str:
        return dropped_in_words(file.unread_columns) if file.unread_columns else "none"


def _work_for_a_moment(file: Import) -> None:
    """Do what is waiting, for as long as a person waits gladly; what is left goes on by itself."""
    held = claim(file, at=timezone.now())
    if held is not None:
        work_on(held, clock=timezone.now, until=timezone.now() + _MOMENT)


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def _attachment(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
