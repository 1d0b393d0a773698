"""The shared ground's place in Django: its checks and commands."""

from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "tracker_project.common"
    label = "common"

    def ready(self) -> None:
        from tracker_project.common import checks  # noqa: F401  (registers them)
