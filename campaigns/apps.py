"""The campaigns app's place in Django."""

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"
