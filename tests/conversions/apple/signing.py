"""An Apple of the tests' own, which signs what the real one publishes no example of; and rows of its postbacks."""

import base64
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from conversions.models import AppPostback
from tests.world import NOON

_KEY = derive_private_key(2026_11_24, SECP256R1())
PUBLIC_KEY = base64.b64encode(_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()

CLAIMS: dict[str, Any] = {
    "postback-identifier": "3f50fe57-29ae-4861-8c0b-ac6adddff72c",
    "ad-network-identifier": "test.adattributionkit",
    "source-identifier": "8344",
    "advertised-item-identifier": 684939,
    "publisher-item-identifier": 5838492,
    "marketplace-identifier": "com.apple.AppStore",
    "impression-type": "app-impression",
    "conversion-type": "download",
    "did-win": True,
    "postback-sequence-index": 1,
}


def signed_skadnetwork(body: dict[str, Any], *values: str) -> dict[str, Any]:
    """Return `body` with a signature over `values`, in the order in which they are given."""
    der = _KEY.sign("\u2063".join(values).encode(), ECDSA(SHA256()))
    return body | {"attribution-signature": base64.b64encode(der).decode()}


def signed_jws(claims: Any, header: dict[str, Any] | None = None) -> str:
    """Return `claims` as a compact JWS; text is taken as the payload itself."""
    head = {"alg": "ES256", "kid": "apple-cas-identifier/0"} if header is None else header
    payload = claims if isinstance(claims, str) else json.dumps(claims)
    message = f"{_base64url(json.dumps(head).encode())}.{_base64url(payload.encode())}"
    r, s = decode_dss_signature(_KEY.sign(message.encode(), ECDSA(SHA256())))
    return f"{message}.{_base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def adattributionkit(claims: dict[str, Any] | None = None, **beside: Any) -> dict[str, Any]:
    """Return a whole postback: `CLAIMS` with changes under the signature, and what stands beside it."""
    signed = {name: value for name, value in (CLAIMS | (claims or {})).items() if value is not None}
    unsigned = {name.replace("_", "-"): value for name, value in beside.items()}
    return {"jws-string": signed_jws(signed), "ad-interaction-type": "click"} | unsigned


def make_app_postback(postback_id: str = "p-1", **columns: Any) -> AppPostback:
    """Store a 4.0 postback of the first window, received at noon."""
    defaults: dict[str, Any] = {
        "framework": "skadnetwork",
        "version": "4.0",
        "postback_id": postback_id,
        "ad_network_id": "com.example",
        "source_identifier": "5239",
        "app_id": 525463029,
        "conversion_type": "download",
        "fidelity": 1,
        "did_win": True,
        "window": 0,
        "signature": "signed",
        "received_at": NOON,
    }
    return AppPostback.objects.create(**defaults | columns)


def _base64url(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()
