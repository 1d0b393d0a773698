"""Where programs record and read conversions."""

from django.urls import path

from conversions.api.tracking import ConversionList, TrackConversion

urlpatterns = [
    path("", ConversionList.as_view(), name="conversions"),
    path("track", TrackConversion.as_view(), name="track-conversion"),
]
