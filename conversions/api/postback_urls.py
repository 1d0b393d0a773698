"""Where everybody else's postbacks arrive: by the endpoint's name and key, or by its key alone."""

from django.urls import path

from conversions.api.postbacks import PostbackEndpoint

urlpatterns = [
    path("<str:name>", PostbackEndpoint.as_view(), name="postback"),
    path("<str:name>/postback", PostbackEndpoint.as_view()),  # as Keitaro writes it, with the key before
    path("<str:name>/<str:key>", PostbackEndpoint.as_view(), name="postback-with-key"),
]
