"""Which layout a file has: what its columns are called, which of them are read, and what its rows say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from conversions.dialects.registry import dialect_of, known_fields
from conversions.domain.reported import Reported
from conversions.imports import reports, template
from conversions.models import Endpoint, Import

_NOT_READ_ELSEWHERE = frozenset({"blocked_sub_reason"})


class _Parse(Protocol):
    def __call__(self, cells: Mapping[str, str], file: Import, *, at: datetime) -> Reported: ...


@dataclass(frozen=True, kw_only=True)
class FileLayout:
    """One layout; `required` are columns without which a file is another one, `dialect` that of its endpoint."""

    parse: _Parse
    required: tuple[str, ...]
    name_of: Callable[[str], str] = str
    dialect: str = ""


LAYOUTS: dict[str, FileLayout] = {
    Import.Layout.EVENTS: FileLayout(parse=template.parse_row, required=template.REQUIRED),
    Import.Layout.APPSFLYER: FileLayout(
        parse=reports.parse_appsflyer_row,
        required=("appsflyer_id", "install_time"),
        name_of=reports.appsflyer_name,
        dialect=Endpoint.Dialect.APPSFLYER,
    ),
    Import.Layout.ADJUST: FileLayout(
        parse=reports.parse_adjust_row,
        required=("adid", "activity_kind"),
        name_of=reports.adjust_name,
        dialect=Endpoint.Dialect.ADJUST,
    ),
}


def known_columns(file: Import) -> tuple[frozenset[str], frozenset[str]]:
    """Return the columns of a file that are read, and those among them that are read and kept nowhere."""
    if file.endpoint is None:
        return template.NAMES, frozenset()
    secrets = dialect_of(file.endpoint).secrets
    return known_fields(file.endpoint) | _NOT_READ_ELSEWHERE, secrets
