"""Where the links for casinos' developers lead."""

from django.urls import path

from conversions.developers.views import requests_page

urlpatterns = [path("<str:token>/", requests_page, name="developer-requests")]
