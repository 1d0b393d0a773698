"""Where platforms post: /webhooks/<platform>/<event>, and /webhooks/<event> for the default platform."""

from django.urls import path

from conversions.api.totals import TotalsWebhook
from conversions.api.views import DepositWebhook, EventsWebhook, NoSuchWebhook, RegistrationWebhook

urlpatterns = [
    path("registration", RegistrationWebhook.as_view(), name="default-registration"),
    path("deposit", DepositWebhook.as_view(), name="default-deposit"),
    path("events", EventsWebhook.as_view(), name="default-events"),
    path("totals", TotalsWebhook.as_view(), name="default-totals"),
    path("<slug:platform>/totals", TotalsWebhook.as_view(), name="totals"),
    path("<slug:platform>/events", EventsWebhook.as_view(), name="events"),
    path("<slug:platform>/registration", RegistrationWebhook.as_view(), name="registration"),
    path("<slug:platform>/deposit", DepositWebhook.as_view(), name="deposit"),
    path("<path:rest>", NoSuchWebhook.as_view()),
]
