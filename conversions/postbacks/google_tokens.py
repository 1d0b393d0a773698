"""Access to Google: a service account's key or a refresh token, exchanged for a token that lasts an hour (RFC 7523)."""

import base64
import hashlib
import json
import threading
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.conf import settings
from django.core.exceptions import ValidationError

from conversions.postbacks.adapter import RETRY_STATUSES, NotAuthorized, Outcome, PreparedRequest, Verdict, json_object
from tracker_project.common.egress import Answer, NoAnswer, OutgoingRequest, send

SCOPE = "https://www.googleapis.com/auth/datamanager"
# A token is not used in its last minutes: the request takes its time, and clocks differ.
MARGIN = timedelta(minutes=5)
LIFE = timedelta(hours=1)
_NEEDED = {
    "service_account": ("client_email", "private_key"),
    "authorized_user": ("client_id", "client_secret", "refresh_token"),
}


def validate_google_credentials(text: str) -> None:
    """Refuse what is neither a service account's key file nor an authorised user's refresh token, as JSON."""
    try:
        credentials = json.loads(text)
    except ValueError as error:
        raise ValidationError("Paste the whole JSON file of a service account's key or of a refresh token.") from error
    kind = credentials.get("type") if isinstance(credentials, dict) else None
    if kind not in _NEEDED:
        raise ValidationError("Its “type” must be service_account or authorized_user.")
    missing = [name for name in _NEEDED[kind] if not isinstance(credentials.get(name), str) or not credentials[name]]
    if missing:
        raise ValidationError(f"It lacks {', '.join(missing)}.")
    if kind == "service_account":
        try:
            _private_key(credentials)
        except (ValueError, TypeError) as error:
            raise ValidationError("Its private_key is no RSA key in PEM.") from error


@dataclass(frozen=True)
class GoogleAuthorization:
    """Puts a token on requests, got with one destination's credentials; the instant is that of the request."""

    credentials: str = field(repr=False)
    at: datetime
    scope: str = SCOPE

    def apply(self, prepared: PreparedRequest) -> PreparedRequest:
        """Return the request with a token; raises `NotAuthorized` when Google gives none."""
        token = _tokens.get(self.credentials, self.scope, at=self.at)
        headers = {**prepared.request.headers, "Authorization": f"Bearer {token}"}
        return replace(prepared, request=replace(prepared.request, headers=headers), secrets=(*prepared.secrets, token))

    def forget(self) -> None:
        _tokens.forget(self.credentials, self.scope)


class _Tokens:
    """The tokens that this process holds, by a hash of the credentials; each is asked for by one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asking: dict[bytes, threading.Lock] = {}
        self._held: dict[bytes, tuple[str, datetime]] = {}

    def get(self, credentials: str, scope: str, *, at: datetime) -> str:
        key = _key(credentials, scope)
        with self._lock:
            asking = self._asking.setdefault(key, threading.Lock())
        with asking:
            held = self._held.get(key)
            if held is None or at >= held[1] - MARGIN:
                held = self._held[key] = _ask_for_token(credentials, scope, at=at)
            return held[0]

    def forget(self, credentials: str, scope: str) -> None:
        self._held.pop(_key(credentials, scope), None)


_tokens = _Tokens()


def _key(credentials: str, scope: str) -> bytes:
    return hashlib.sha256(f"{settings.GOOGLE_TOKEN_URL} {scope} {credentials}".encode()).digest()


def _ask_for_token(text: str, scope: str, *, at: datetime) -> tuple[str, datetime]:
    """Return a token and when it ends."""
    try:
        form = _grant(json.loads(text), scope, at=at)
    except (ValueError, TypeError, KeyError) as error:
        raise NotAuthorized(_mend("The stored credentials cannot be read: enter them again.")) from error
    request = OutgoingRequest(
        method="POST",
        url=settings.GOOGLE_TOKEN_URL,
        route="google",
        body=urlencode(form).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    try:
        answer = send(request)
    except NoAnswer as error:
        raise NotAuthorized(Verdict(outcome=Outcome.RETRY, reason=f"Google's token service: {error}")) from error
    token = json_object(answer.body).get("access_token")
    if answer.status != 200 or not isinstance(token, str) or not token:
        raise NotAuthorized(_refusal(answer))
    seconds = json_object(answer.body).get("expires_in")
    return token, at + (timedelta(seconds=seconds) if isinstance(seconds, int) else LIFE)


def _grant(credentials: dict[str, Any], scope: str, *, at: datetime) -> dict[str, str]:
    if credentials["type"] == "authorized_user":
        names = ("client_id", "client_secret", "refresh_token")
        return {"grant_type": "refresh_token", **{name: credentials[name] for name in names}}
    return {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": _assertion(credentials, scope, at=at),
    }


def _assertion(credentials: dict[str, Any], scope: str, *, at: datetime) -> str:
    """Return the claim that the service account makes, signed with its key (RS256)."""
    header = {"alg": "RS256", "typ": "JWT"}
    if credentials.get("private_key_id"):
        header["kid"] = credentials["private_key_id"]
    issued_at = int(at.timestamp())
    claims = {
        "iss": credentials["client_email"],
        "scope": scope,
        "aud": settings.GOOGLE_TOKEN_URL,
        "iat": issued_at,
        "exp": issued_at + int(LIFE.total_seconds()),
    }
    signed = f"{_base64(json.dumps(header).encode())}.{_base64(json.dumps(claims).encode())}"
    signature = _private_key(credentials).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{_base64(signature)}"


def _private_key(credentials: dict[str, Any]) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(credentials["private_key"].encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("not an RSA key")
    return key


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _refusal(answer: Answer) -> Verdict:
    body = json_object(answer.body)
    said = f"Google gives no access: {body.get('error_description') or body.get('error') or 'no reason'}"[:250]
    if answer.status in RETRY_STATUSES or answer.status >= 500 or answer.status == 200:
        return Verdict(outcome=Outcome.RETRY, reason=said)
    return _mend(f"{said} ({answer.status}). Enter new credentials.")


def _mend(reason: str) -> Verdict:
    return Verdict(outcome=Outcome.DESTINATION_REFUSED, reason=reason, pauses_destination=True)
