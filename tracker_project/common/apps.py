"""The shared ground's place in Django: its checks and commands."""

import django_stubs_ext
from django.apps import AppConfig

# Here rather than in settings: edges read settings, and this imports the admin.
django_stubs_ext.monkeypatch()


class CommonConfig(AppConfig):
    name = "tracker_project.common"
    label = "common"

    def ready(self) -> None:
        from tracker_project.common import checks  # noqa: F401  (registers them)
