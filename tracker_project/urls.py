"""The addresses that the web process answers."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/analytics/", include("analytics.urls")),
    path("admin/", admin.site.urls),
    path("webhooks/", include("conversions.api.urls")),
    path("conversions/", include("conversions.api.tracking_urls")),
    path("api/", include("conversions.api.docs")),
    path("postback/", include("conversions.api.postback_urls")),
]
