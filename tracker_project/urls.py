"""The addresses that the web process answers."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from attribution.admin.routing_tester import routing_tester_page

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/routing-tester/", admin.site.admin_view(routing_tester_page), name="routing_tester"),
    path("admin/analytics/", include("analytics.urls")),
    path("admin/", admin.site.urls),
    path("webhooks/", include("conversions.api.urls")),
    path("conversions/", include("conversions.api.tracking_urls")),
    path("api/", include("conversions.api.docs")),
    path("intake/", include("conversions.developers.urls")),
    path(".well-known/", include("conversions.api.apple_urls")),
    path("postback/", include("conversions.api.postback_urls")),
]
