"""Exports for spreadsheets: text that would start a formula is disarmed, numbers and instants are plain."""

import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from import_export.fields import Field
from import_export.resources import Resource
from import_export.widgets import Widget

# What makes a spreadsheet read a cell as a formula, or its neighbour as one (OWASP: CSV injection).
_FORMULA_SIGNS = frozenset("=+-@")
_BREAKS = frozenset("\t\r\n\0")


def disarm_text(text: str) -> str:
    """Return `text` with an apostrophe before it where a spreadsheet would calculate rather than show it.

    Full-width and small forms of the signs count as well, and so do signs behind blanks or invisible characters.
    """
    if text[:1] in _BREAKS and text:
        return f"'{text}"
    shown = next((character for character in text if not _is_blank(character)), "")
    return f"'{text}" if unicodedata.normalize("NFKC", shown) in _FORMULA_SIGNS else text


def plain_number(number: Decimal) -> str:
    """Return a number with a point and neither exponent nor thousands separators, as every program reads it."""
    return f"{number:f}"


def utc_instant(at: datetime) -> str:
    """Return an instant as ISO 8601 in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


class PlainField(Field):  # type: ignore[misc]
    """A column of numbers, dates or instants that we write ourselves: exported as it is."""


class SafeResource(Resource):  # type: ignore[misc]
    """A resource whose text cells are disarmed; only a `PlainField` is taken at its word."""

    def export_field(self, field: Field, instance: Any, **kwargs: Any) -> Any:
        cell = super().export_field(field, instance, **kwargs)
        if isinstance(field, PlainField) or not isinstance(cell, str):
            return cell
        return disarm_text(cell)


class InstantWidget(Widget):  # type: ignore[misc]
    """Shows an instant in UTC; nothing where there is none."""

    def render(self, value: datetime | None, obj: Any = None, **kwargs: Any) -> str:
        return utc_instant(value) if value is not None else ""


def _is_blank(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Cc", "Cf")
