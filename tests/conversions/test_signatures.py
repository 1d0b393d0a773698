"""Standard Webhooks signatures, against the specification's vector and its own library."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook
from svix.webhooks import Webhook as Svix
from svix.webhooks import WebhookVerificationError

from conversions.signatures import BadSignature, sign, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
AT = datetime.fromtimestamp(1614265330, UTC)
MESSAGE: dict[str, Any] = {
    "webhook_id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "timestamp": "1614265330",
    "signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    "body": b'{"test": 2432232314}',
    "at": AT,
}


def test_sign_gives_the_specifications_vector():
    signature = sign(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_sign_agrees_with_the_standards_library():
    theirs = Webhook(SECRET).sign("msg_1", AT, '{"ä": 1}')

    assert sign(SECRET, "msg_1", 1614265330, '{"ä": 1}'.encode()) == theirs


@pytest.mark.parametrize("body", ["{}", '{"ä": 1}', "a=1&b=%20"])
def test_sign_and_verify_agree_with_a_second_library(body):
    theirs = Svix(SECRET).sign("msg_1", AT, body)

    assert sign(SECRET, "msg_1", 1614265330, body.encode()) == theirs
    verify([SECRET], webhook_id="msg_1", timestamp="1614265330", signature=theirs, body=body.encode(), at=AT)


@pytest.mark.parametrize("prefix", ["webhook", "svix"])
def test_a_second_library_takes_what_is_signed_now(prefix):
    now = int(time.time())
    headers = {
        f"{prefix}-id": "msg_1",
        f"{prefix}-timestamp": str(now),
        f"{prefix}-signature": sign(SECRET, "msg_1", now, b'{"a": 1}'),
    }

    Svix(SECRET).verify(b'{"a": 1}', headers)  # raises unless it is right
    with pytest.raises(WebhookVerificationError):
        Svix(OTHER).verify(b'{"a": 1}', headers)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"signature": "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
        {"signature": "v1a,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
        {"at": AT + timedelta(seconds=300)},
        {"at": AT - timedelta(seconds=300)},
    ],
)
def test_verify_takes_what_the_platform_signed(change):
    verify([OTHER, SECRET], **MESSAGE | change)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"webhook_id": ""}, "missing_signature"),
        ({"timestamp": ""}, "missing_signature"),
        ({"signature": ""}, "missing_signature"),
        ({"timestamp": "1614265330.5"}, "bad_timestamp"),
        ({"timestamp": "-1"}, "bad_timestamp"),
        ({"timestamp": "٣"}, "bad_timestamp"),
        ({"at": AT + timedelta(seconds=301)}, "timestamp_outside_tolerance"),
        ({"at": AT - timedelta(seconds=301)}, "timestamp_outside_tolerance"),
        ({"body": b'{"test": 2432232315}'}, "bad_signature"),
        ({"webhook_id": "msg_other"}, "bad_signature"),
        ({"timestamp": "1614265331"}, "bad_signature"),
        ({"signature": "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}, "bad_signature"),
        ({"signature": "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}, "bad_signature"),
        ({"signature": "v1,not base64 ü"}, "bad_signature"),
        ({"signature": "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}, "bad_signature"),
    ],
)
def test_verify_refuses_everything_else(change, code):
    with pytest.raises(BadSignature) as refused:
        verify([SECRET], **MESSAGE | change)

    assert refused.value.code == code


def test_verify_refuses_a_third_secret():
    with pytest.raises(BadSignature):
        verify([OTHER], **MESSAGE)
