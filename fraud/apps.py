"""The fraud app's place in Django."""

from django.apps import AppConfig


class FraudConfig(AppConfig):
    name = "fraud"
