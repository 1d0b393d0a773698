"""The description of the API, and its page: all that the page loads comes from this server."""

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

# One address for each operation: the description leaves out what only spells the same otherwise.
_OTHER_SPELLINGS = (
    "/webhooks/registration",
    "/webhooks/deposit",
    "/webhooks/events",
    "/webhooks/totals",
    "/webhooks/{rest}",
    "/postback/{name}",
    "/postback/{name}/postback",
)
# The page styles elements from its script and draws its icons from data addresses; its scripts are files.
_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def one_address_each(endpoints: list[Any], **kwargs: Any) -> list[Any]:
    """Keep one address of those that mean the same (drf-spectacular's PREPROCESSING_HOOKS)."""
    return [endpoint for endpoint in endpoints if endpoint[0] not in _OTHER_SPELLINGS]


@extend_schema(exclude=True)
class ApiPage(SpectacularSwaggerSplitView):
    """The description for people."""

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        response.headers["Content-Security-Policy"] = _POLICY
        return response


urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("docs/", ApiPage.as_view(url_name="api-schema"), name="api-docs"),
]
