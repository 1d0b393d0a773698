"""Pages of figures, inside the admin."""

from django.contrib import admin
from django.urls import path

from analytics.views import campaign_days_page

app_name = "analytics"

urlpatterns = [
    path("campaign-days/", admin.site.admin_view(campaign_days_page), name="campaign_days"),
]
