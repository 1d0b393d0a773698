"""Pages of figures, inside the admin."""

from django.contrib import admin
from django.urls import path

from analytics.app_installs import app_installs_page
from analytics.funnel import funnel_page
from analytics.views import campaign_days_page

app_name = "analytics"

urlpatterns = [
    path("campaign-days/", admin.site.admin_view(campaign_days_page), name="campaign_days"),
    path("funnel/", admin.site.admin_view(funnel_page), name="funnel"),
    path("app-installs/", admin.site.admin_view(app_installs_page), name="app_installs"),
]
