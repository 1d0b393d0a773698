"""What people decide about an import: have it recorded, drop it, undo it."""

from datetime import datetime

import structlog
from django.contrib.auth.models import User
from django.db import transaction

from conversions.domain.imports.counting import count_rows
from conversions.models import Import
from tracker_project.common.hints import hint_after_commit

log = structlog.get_logger(__name__)

_State = Import.State


class NotDecidable(Exception):
    """The import is at another point by now; the text says at which."""

    def __init__(self, file: Import) -> None:
        super().__init__(f"The import is at another point by now: {file.get_state_display().lower()}.")


class ReasonMissing(ValueError):
    """Whoever undoes an import says why."""


def confirm_import(file: Import, *, actor: User, at: datetime) -> None:
    """Have a previewed import recorded; rows that cannot be read are left out. Confirming twice does no more.

    Raises `NotDecidable`.
    """
    _decide(
        file,
        {_State.PREVIEWED: _State.IMPORTING},
        confirmed_by=actor,
        confirmed_at=at,
        counts=count_rows(file, by="outcome"),
    )
    log.info("import_confirmed", imported_file=file.pk, actor=actor.pk)


def undo_import(file: Import, *, reason: str, actor: User, at: datetime) -> None:
    """Have what an import recorded taken back by further events, as far as the rules allow.

    Raises `ReasonMissing` and `NotDecidable`.
    """
    if not reason.strip():
        raise ReasonMissing("Say why: the reason stays with the import.")
    _decide(
        file,
        {_State.IMPORTED: _State.UNDOING},
        undone_by=actor,
        undo_reason=reason.strip()[:500],
        undo_asked_at=at,
        counts=count_rows(file, by="undo"),
    )
    log.info("import_undo_asked", imported_file=file.pk, actor=actor.pk)


@transaction.atomic
def discard_import(file: Import, *, actor: User, at: datetime) -> None:
    """Drop an import that was not confirmed: its rows go, and the file may be uploaded again. Raises `NotDecidable`."""
    _decide(file, {_State.PREVIEWING: _State.DISCARDED, _State.PREVIEWED: _State.DISCARDED}, finished_at=at)
    file.rows.all().delete()
    log.info("import_discarded", imported_file=file.pk, actor=actor.pk)


@transaction.atomic
def _decide(file: Import, ways: dict[Import.State, Import.State], **columns: object) -> None:
    current = Import.objects.select_for_update().get(pk=file.pk)
    if current.state not in ways:
        raise NotDecidable(current)
    Import.objects.filter(pk=file.pk).update(state=ways[_State(current.state)], **columns)
    file.refresh_from_db()
    hint_after_commit("import_waits")
