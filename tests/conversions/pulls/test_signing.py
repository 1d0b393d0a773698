"""Signatures of a bucket's requests, against the examples that Amazon publishes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from conversions.pulls.signing import signed_headers


@pytest.mark.parametrize(
    ("url", "more", "signature"),
    [
        (
            "https://examplebucket.s3.amazonaws.com/test.txt",
            {"Range": "bytes=0-9"},
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "https://examplebucket.s3.amazonaws.com/?lifecycle",
            {},
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J",
            {},
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_signature_is_the_one_that_amazon_gives(url: str, more: dict[str, Any], signature: str) -> None:
    headers = signed_headers(
        url,
        region="us-east-1",
        access_key="AKIAIOSFODNN7EXAMPLE",
        secret="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        at=datetime(2013, 5, 24, tzinfo=UTC),
        headers=more,
    )

    assert headers["Authorization"].rpartition("Signature=")[2] == signature
