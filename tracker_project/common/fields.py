"""Model fields that several apps share."""

from typing import Any

from django.db import models

from tracker_project.common.money import DECIMAL_PLACES, MAX_DIGITS, validate_currency
from tracker_project.common.secrets import decrypt, encrypt


class AmountField(models.DecimalField[Any, Any]):
    """An amount of money in units of the currency beside it, exact to eight digits after the point."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_digits", MAX_DIGITS)
        kwargs.setdefault("decimal_places", DECIMAL_PLACES)
        super().__init__(*args, **kwargs)


class CurrencyField(models.CharField[Any, Any]):
    """An ISO 4217 or crypto currency code."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 5)
        kwargs.setdefault("validators", [validate_currency])
        super().__init__(*args, **kwargs)


class EncryptedTextField(models.TextField[Any, Any]):
    """Text that is encrypted in the database and plain in Python; never filter on it."""

    def get_prep_value(self, value: Any) -> Any:
        return encrypt(value) if value else value

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        return decrypt(value) if value else value
