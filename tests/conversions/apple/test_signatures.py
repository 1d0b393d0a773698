"""JSON Web Signatures: the right ones verify, as an independent library finds; everything else is refused."""

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from conversions.apple.reported import MalformedPostback, UnverifiedPostback
from conversions.apple.signatures import KEYS, VerifiedClaims, verify_jws
from tests.conversions.apple.signing import CLAIMS, signed_jws
from tests.conversions.apple.vectors import DEVELOPMENT_JWS, UNVERIFIABLE_JWS

DEVELOPMENT_CLAIMS = {
    "postback-identifier": "85546EB7-FD39-44BC-8990-C98A4AC36A49",
    "publisher-item-identifier": 0,
    "marketplace-identifier": "com.apple.AppStore",
    "impression-type": "app-impression",
    "ad-network-identifier": "development.adattributionkit",
    "did-win": True,
    "postback-sequence-index": 0,
    "conversion-type": "re-engagement",
    "source-identifier": "1234",
    "advertised-item-identifier": 10738027756,
}
HEAD, PAYLOAD, PROOF = DEVELOPMENT_JWS.split(".")


def verify(compact: str, *, allow_development: bool = True) -> VerifiedClaims:
    return verify_jws(compact, allow_development=allow_development, field="jws-string")


def part(content: Any) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def changed(*, head: Any = None, payload: Any = None, proof: Any = None) -> str:
    """Return Apple's example with some of its three parts exchanged."""
    parts = [(head, HEAD), (payload, PAYLOAD), (proof, PROOF)]
    return ".".join(given if new is None else part(new) for new, given in parts)


def public_key(key_id: str) -> EllipticCurvePublicKey:
    key = load_der_public_key(base64.b64decode(KEYS[key_id]))
    assert isinstance(key, EllipticCurvePublicKey)
    return key


def test_verify_jws_returns_the_claims_of_apples_example() -> None:
    assert verify(DEVELOPMENT_JWS) == VerifiedClaims(claims=DEVELOPMENT_CLAIMS, is_development=True)


def test_verify_jws_agrees_with_pyjwt_on_apples_examples() -> None:
    development = jwt.api_jws.decode(DEVELOPMENT_JWS, public_key("apple-development-identifier/1"), ["ES256"])
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.api_jws.decode(UNVERIFIABLE_JWS, public_key("apple-cas-identifier/0"), ["ES256"])

    assert json.loads(development) == verify(DEVELOPMENT_JWS).claims
    with pytest.raises(UnverifiedPostback, match="not Apple's over these values"):
        verify(UNVERIFIABLE_JWS)


@pytest.mark.usefixtures("our_apple")
def test_verify_jws_agrees_with_pyjwt_on_a_production_signature() -> None:
    compact = signed_jws(CLAIMS)

    assert json.loads(jwt.api_jws.decode(compact, public_key("apple-cas-identifier/0"), ["ES256"])) == CLAIMS
    assert verify(compact, allow_development=False) == VerifiedClaims(claims=CLAIMS, is_development=False)


def test_verify_jws_refuses_development_keys_where_they_are_not_allowed() -> None:
    with pytest.raises(UnverifiedPostback) as refused:
        verify(DEVELOPMENT_JWS, allow_development=False)

    assert (refused.value.code, refused.value.field) == ("development_key", "jws-string")


@pytest.mark.parametrize(
    ("compact", "code"),
    [
        (changed(payload=DEVELOPMENT_CLAIMS | {"did-win": False}), "bad_signature"),
        (changed(proof=bytes(64)), "bad_signature"),
        (changed(proof=b"\xff" * 64), "bad_signature"),
        (changed(head={"alg": "ES256", "kid": "apple-development-identifier/0"}), "bad_signature"),
        (changed(head={"alg": "ES256", "kid": "apple-cas-identifier/0"}), "bad_signature"),
        (changed(head={"alg": "ES256", "kid": "apple-cas-identifier/1"}), "unknown_key"),
        (changed(head={"alg": "ES256", "kid": ["apple-cas-identifier/0"]}), "unknown_key"),
        (changed(head={"alg": "ES256", "jwk": {"kty": "EC", "crv": "P-256"}}), "unknown_key"),
        (signed_jws(DEVELOPMENT_CLAIMS, {"alg": "ES256", "kid": "apple-development-identifier/1"}), "bad_signature"),
    ],
)
def test_verify_jws_refuses_what_apple_did_not_sign(compact: str, code: str) -> None:
    with pytest.raises(UnverifiedPostback) as refused:
        verify(compact)

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("compact", "code"),
    [
        (changed(head={"alg": "none", "kid": "apple-cas-identifier/0"}), "wrong_algorithm"),
        (changed(head={"alg": "HS256", "kid": "apple-cas-identifier/0"}), "wrong_algorithm"),
        (changed(head={"alg": "es256", "kid": "apple-cas-identifier/0"}), "wrong_algorithm"),
        (changed(head={"kid": "apple-cas-identifier/0"}), "wrong_algorithm"),
        (changed(head={"alg": "ES256", "kid": "x", "crit": ["b64"], "b64": False}), "malformed_jws"),
        (changed(head=b"[]"), "malformed_jws"),
        (changed(head=b"\xff"), "malformed_jws"),
        (changed(head=b'{"alg": "none", "alg": "ES256"}'), "malformed_jws"),
        (changed(proof=bytes(63)), "malformed_jws"),
        (changed(proof=bytes(72)), "malformed_jws"),
        (f"{HEAD}.{PAYLOAD}.{PROOF}==", "malformed_jws"),
        (f"{HEAD}.{PAYLOAD}.{PROOF}\n", "malformed_jws"),
        (f"{HEAD}.{PAYLOAD}.A", "malformed_jws"),
        (f"{HEAD}.{PAYLOAD}.{PROOF}.{PROOF}", "malformed_jws"),
        (f"{HEAD}.{PAYLOAD}", "malformed_jws"),
        (f"{HEAD}..{PROOF}", "malformed_jws"),
        (f"{HEAD}A.{PAYLOAD}.{PROOF}", "malformed_jws"),
        ("", "malformed_jws"),
        ("..", "malformed_jws"),
    ],
)
def test_verify_jws_refuses_what_is_no_es256_jws(compact: str, code: str) -> None:
    with pytest.raises(MalformedPostback) as refused:
        verify(compact)

    assert refused.value.code == code
