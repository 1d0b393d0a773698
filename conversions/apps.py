"""The conversions app's place in Django."""

from django.apps import AppConfig


class ConversionsConfig(AppConfig):
    name = "conversions"
