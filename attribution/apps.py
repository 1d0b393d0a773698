"""The attribution app's place in Django."""

from django.apps import AppConfig


class AttributionConfig(AppConfig):
    name = "attribution"
