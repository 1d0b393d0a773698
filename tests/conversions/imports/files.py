"""Builders of uploaded files, and the stages that they go through."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User

from conversions.domain.imports.deciding import confirm_import, undo_import
from conversions.domain.imports.staging import stage_file
from conversions.domain.imports.working import work_on_imports
from conversions.models import Import, ImportRow, Platform
from tests.conversions.builders import LATER

HEADER = "type,occurred_at,player_id,transaction_id,deposit_transaction_id,status,amount,currency"


def the_uploader() -> User:
    return User.objects.get_or_create(username="uploader")[0]


def stage(content: bytes | str, platform: Platform, *, encoding: str = "", **columns: Any) -> Import:
    """Stage an upload of our template, or of another layout that `columns` name."""
    defaults: dict[str, Any] = {"layout": "events", "file_name": "list.csv", "uploaded_by": the_uploader()}
    file = Import(platform=platform, uploaded_at=LATER, **defaults | columns)
    raw = content.encode() if isinstance(content, str) else content
    return stage_file(raw, file, at=LATER, encoding=encoding)


def preview(content: bytes | str, platform: Platform, **columns: Any) -> Import:
    file = stage(content, platform, **columns)
    work()
    file.refresh_from_db()
    return file


def record(content: bytes | str, platform: Platform, **columns: Any) -> Import:
    file = preview(content, platform, **columns)
    confirm_import(file, actor=the_uploader(), at=LATER)
    work()
    file.refresh_from_db()
    return file


def undo(file: Import, *, reason: str = "the wrong month") -> Import:
    undo_import(file, reason=reason, actor=the_uploader(), at=LATER)
    work()
    file.refresh_from_db()
    return file


def work() -> None:
    """Work on all imports until nothing is left, an hour after they came."""
    work_on_imports(clock=lambda: LATER + timedelta(hours=1), for_seconds=1)


def lines(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows]) + "\n"


def verdicts(file: Import) -> list[str]:
    return list(file.rows.order_by("number").values_list("verdict", flat=True))


def outcomes(file: Import) -> list[str]:
    return list(file.rows.order_by("number").values_list("outcome", flat=True))


def row(file: Import, number: int) -> ImportRow:
    return file.rows.get(number=number)
