"""Changing the key under which secrets are stored, row by row and at any time."""

from django.db import transaction
from django.db.models import Model

from tracker_project.common.fields import EncryptedTextField


def rotate_secrets(model: type[Model]) -> int:
    """Encrypt the secrets of a model's rows under the first key and return how many rows have some.

    Raises `cryptography.fernet.InvalidToken` when one fits no configured key; nothing of the model is changed then.
    """
    names = [field.name for field in model._meta.concrete_fields if isinstance(field, EncryptedTextField)]
    if not names:
        return 0
    rotated = 0
    with transaction.atomic():
        # Reading decrypts under whichever key fits, writing encrypts under the first.
        for row in model._default_manager.select_for_update().order_by("pk").values("pk", *names):
            secrets = {name: row[name] for name in names if row[name]}
            if secrets:
                model._default_manager.filter(pk=row["pk"]).update(**secrets)
                rotated += 1
    return rotated
