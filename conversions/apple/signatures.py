"""Apple's signatures: ECDSA on P-256 with SHA-256, by keys that Apple publishes and that nobody may name others for.

SKAdNetwork signs chosen values joined with U+2063 and sends the signature as DER in base64; AdAttributionKit sends a
compact JSON Web Signature (RFC 7515) with ES256 (RFC 7518, section 3.4). A library for all of JSON Web Tokens would
bring algorithms, key sources and leniences that have no place here: one algorithm, three fixed keys, strict JSON.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from conversions.apple.reported import MalformedPostback, UnverifiedPostback
from tracker_project.common.strict_json import MalformedJson, parse_object

PRODUCTION_KEY = "apple-cas-identifier/0"
# developer.apple.com/documentation/adattributionkit/verifying-a-postback; SKAdNetwork from 2.1 on has the first one.
KEYS = {
    PRODUCTION_KEY: (
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEWdp8GPcGqmhgzEFj9Z2nSpQVdd"
        "ayaPe4FMzqM9wib1+aHaaIzoHoLN9zW4K8y4SPykE3YVK3sVqW6Af0lfx3gg=="
    ),
    "apple-development-identifier/0": (
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAELeEDzpJEP+/qRSE5hJVC1p1J0s"
        "sUnQGMzBBbvnACBok8OVGGLgxL0myrKiy6lvRtSlLRsWit87i+vftD8AEqeQ=="
    ),
    "apple-development-identifier/1": (
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YzdO7eM97s/IJ25kdW5CZ3A14"
        "USE5IJ5Ha/vhWaxI6UBI1ZxCEvjrKxVluVGe6qWwF1BDFq+QHqKfH5u+wxHQ=="
    ),
}
_COORDINATE_BYTES = 32
_COMPACT_JWS = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class VerifiedClaims:
    """What a JSON Web Signature says, after its signature proved right."""

    claims: dict[str, Any]
    is_development: bool


def verify_joined(message: str, signature: str, *, field: str) -> None:
    """Raise unless `signature`, DER in base64, is Apple's over `message`.

    `MalformedPostback` when it is no base64, `UnverifiedPostback` when Apple did not sign this.
    """
    try:
        der = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedPostback("bad_base64", f"{field} is not base64.", field) from error
    _verify(PRODUCTION_KEY, der, message.encode(), field=field)


def verify_jws(compact: str, *, allow_development: bool, field: str) -> VerifiedClaims:
    """Return the claims of a compact JWS that Apple signed.

    Raises `MalformedPostback` when it is none or not ES256, `UnverifiedPostback` when its key is not Apple's, is one
    for development while `allow_development` is false, or does not fit the signature.
    """
    if not _COMPACT_JWS.fullmatch(compact):
        raise MalformedPostback(
            "malformed_jws", f"{field} must be three parts of base64url with points between.", field
        )
    head, payload, proof = compact.split(".")
    key_id = _key_id(_json(head, field=field), field=field)
    is_development = key_id != PRODUCTION_KEY
    if is_development and not allow_development:
        raise UnverifiedPostback("development_key", "Postbacks of development keys are not taken here.", field)
    _verify(key_id, _der(_decoded(proof, field=field), field=field), f"{head}.{payload}".encode(), field=field)
    return VerifiedClaims(claims=_json(payload, field=field), is_development=is_development)


def _key_id(header: dict[str, Any], *, field: str) -> str:
    if header.get("alg") != "ES256":
        raise MalformedPostback("wrong_algorithm", f"{field} must be signed with ES256.", field)
    if "crit" in header:  # RFC 7515, section 4.1.11: what is critical and not understood must be refused
        raise MalformedPostback("malformed_jws", f"{field} demands extensions that are not known here.", field)
    key_id = header.get("kid")
    if not isinstance(key_id, str) or key_id not in KEYS:
        raise UnverifiedPostback("unknown_key", f"{field} names a key that Apple has not published.", field)
    return key_id


def _verify(key_id: str, der: bytes, message: bytes, *, field: str) -> None:
    try:
        _key(KEYS[key_id]).verify(der, message, ECDSA(SHA256()))
    except InvalidSignature as error:
        raise UnverifiedPostback("bad_signature", f"{field} is not Apple's over these values.", field) from error


@cache
def _key(encoded: str) -> EllipticCurvePublicKey:
    return cast(EllipticCurvePublicKey, load_der_public_key(base64.b64decode(encoded)))


def _der(proof: bytes, *, field: str) -> bytes:
    if len(proof) != 2 * _COORDINATE_BYTES:
        raise MalformedPostback("malformed_jws", f"{field} must end in a signature of 64 bytes.", field)
    return encode_dss_signature(
        int.from_bytes(proof[:_COORDINATE_BYTES], "big"), int.from_bytes(proof[_COORDINATE_BYTES:], "big")
    )


def _json(part: str, *, field: str) -> dict[str, Any]:
    try:
        return parse_object(_decoded(part, field=field))
    except MalformedJson as error:
        raise MalformedPostback("malformed_jws", f"A part of {field} is not a JSON object.", field) from error


def _decoded(part: str, *, field: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error as error:
        raise MalformedPostback("malformed_jws", f"A part of {field} is not base64url.", field) from error
