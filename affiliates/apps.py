"""The affiliates app's place in Django."""

from django.apps import AppConfig


class AffiliatesConfig(AppConfig):
    name = "affiliates"
