"""Where platforms post: /webhooks/<platform>/<event>, and /webhooks/<event> for the default platform."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
