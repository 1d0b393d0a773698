"""The conversions app's place in Django: its checks."""

from django.apps import AppConfig


class ConversionsConfig(AppConfig):
    name = "conversions"

    def ready(self) -> None:
        from conversions import checks  # noqa: F401  (registers them)
