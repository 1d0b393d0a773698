"""A service account of Google's with a key made for the tests, and a refresh token."""

import json
from functools import cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

EMAIL = "tracker@project.iam.gserviceaccount.com"
REFRESH_TOKEN = json.dumps(
    {"type": "authorized_user", "client_id": "id", "client_secret": "secret", "refresh_token": "refresh-token"}
)


@cache
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def service_account() -> str:
    """Return the key file."""
    pem = key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    fields = {"type": "service_account", "client_email": EMAIL, "private_key_id": "k1", "private_key": pem.decode()}
    return json.dumps(fields)


def is_signed(signature: bytes, message: bytes) -> bool:
    """Tell whether the account's key signed a message."""
    try:
        key().public_key().verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True
