"""API keys: who a program is, and what it may."""

from dataclasses import dataclass

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from conversions.domain.endpoint_keys import hash_key
from conversions.models import ApiKey

_LONGEST_KEY = 200


@dataclass(frozen=True)
class Program:
    """Whoever shows an API key."""

    is_authenticated: bool = True


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key>` or `X-Api-Key: <key>`; an unknown key is nobody."""

    def authenticate(self, request: Request) -> tuple[Program, ApiKey] | None:
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        shown = request.headers.get("X-Api-Key", "") or (bearer.strip() if scheme.casefold() == "bearer" else "")
        if not shown or len(shown) > _LONGEST_KEY:
            return None
        # Found by its hash: how long that takes tells nothing about the key.
        keys = ApiKey.objects.filter(is_active=True, platform__is_active=True).select_related("platform__brand")
        key = keys.filter(key_hash=hash_key(shown)).first()  # at most one, by constraint
        return (Program(), key) if key else None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the description of the API names the keys."""

    target_class = "conversions.api.keys.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key of one platform, from the admin."}


class MayRecord(BasePermission):
    message = "This key may not record."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, ApiKey) and request.auth.may_record


class MayRead(BasePermission):
    message = "This key may not read."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, ApiKey) and request.auth.may_read
