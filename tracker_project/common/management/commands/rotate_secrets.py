"""Encrypt all stored secrets anew, under the first key of FIELD_ENCRYPTION_KEYS."""

from typing import Any

from cryptography.fernet import InvalidToken
from django.apps import apps
from django.core.management.base import BaseCommand, CommandError

from tracker_project.common.rotation import rotate_secrets


class Command(BaseCommand):
    help = (
        "Put a new key in front of FIELD_ENCRYPTION_KEYS, restart, run this, and then remove the old key: "
        "all secrets in the database are encrypted under the first key."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for model in apps.get_models():
            try:
                rotated = rotate_secrets(model)
            except InvalidToken as error:
                table = model._meta.db_table
                raise CommandError(f"A secret of {table} fits none of the keys: put its key back.") from error
            if rotated:
                self.stdout.write(f"{model._meta.db_table}: {rotated} rows")
