"""AWS Signature Version 4 of a GET, as buckets ask for: the secret signs and never leaves.

After Amazon's description (“Authenticating Requests (AWS Signature Version 4)”), whose examples the tests hold it to.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl, quote, urlsplit

_EMPTY = hashlib.sha256(b"").hexdigest()
_ALGORITHM = "AWS4-HMAC-SHA256"


def signed_headers(
    url: str, *, region: str, access_key: str, secret: str, at: datetime, headers: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the headers with which a GET of `url` is allowed, `headers` among them; `at` is in UTC."""
    parts = urlsplit(url)
    moment, day = f"{at:%Y%m%dT%H%M%SZ}", f"{at:%Y%m%d}"
    signed = {"host": parts.netloc, "x-amz-content-sha256": _EMPTY, "x-amz-date": moment}
    signed |= {name.lower(): value for name, value in (headers or {}).items()}
    names = ";".join(sorted(signed))
    canonical = "\n".join(
        [
            "GET",
            parts.path or "/",
            _canonical_query(parts.query),
            *(f"{name}:{signed[name].strip()}" for name in sorted(signed)),
            "",
            names,
            _EMPTY,
        ]
    )
    scope = f"{day}/{region}/s3/aws4_request"
    text = "\n".join([_ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signature = hmac.digest(_signing_key(secret, day, region), text.encode(), hashlib.sha256).hex()
    authorization = f"{_ALGORITHM} Credential={access_key}/{scope},SignedHeaders={names},Signature={signature}"
    return {name: value for name, value in signed.items() if name != "host"} | {"Authorization": authorization}


def _canonical_query(query: str) -> str:
    said = parse_qsl(query, keep_blank_values=True)
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in said)
    return "&".join(f"{name}={value}" for name, value in pairs)


def _signing_key(secret: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    return key
