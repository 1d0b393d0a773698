"""Tokens of Google's: exchanged for credentials, kept for an hour, and what follows when there are none."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from google.auth import jwt

from conversions.postbacks import google_tokens
from conversions.postbacks.adapter import NotAuthorized, PreparedRequest
from conversions.postbacks.google_tokens import GoogleAuthorization, validate_google_credentials
from tests.conversions.postbacks.google_credentials import EMAIL, REFRESH_TOKEN, is_signed, service_account
from tests.outside.receivers import Receiver
from tests.world import NOON
from tracker_project.common.egress import OutgoingRequest


@pytest.fixture
def receiver(settings, monkeypatch) -> Iterator[Receiver]:
    monkeypatch.setattr(google_tokens, "_tokens", google_tokens._Tokens())
    with Receiver(now=NOON.timestamp) as receiver:
        settings.GOOGLE_TOKEN_URL = receiver.google_url + "/token"
        receiver.google.token_audience = settings.GOOGLE_TOKEN_URL
        receiver.google.service_accounts[EMAIL] = is_signed
        yield receiver


def authorized(credentials: str = REFRESH_TOKEN, at=NOON) -> PreparedRequest:
    prepared = PreparedRequest(request=OutgoingRequest(method="GET", url="https://a.example/"), shown="GET")
    return GoogleAuthorization(credentials, at).apply(prepared)


@pytest.mark.parametrize("credentials", [REFRESH_TOKEN, service_account()])
def test_apply_puts_a_token_on_the_request_and_among_its_secrets(receiver, credentials):
    prepared = authorized(credentials)

    assert prepared.request.headers == {"Authorization": "Bearer ya29.token-1"}
    assert prepared.secrets == ("ya29.token-1",)


def test_assertion_is_one_that_googles_own_library_believes(receiver):
    authorized(service_account())

    [request] = receiver.requests("/google/token")
    assertion = dict(part.split("=") for part in request.body.split("&"))["assertion"]
    claims = jwt.decode(assertion, verify=False)
    assert jwt.decode_header(assertion) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert claims == {
        "iss": EMAIL,
        "scope": "https://www.googleapis.com/auth/datamanager",
        "aud": receiver.google_url + "/token",
        "iat": int(NOON.timestamp()),
        "exp": int(NOON.timestamp()) + 3600,
    }


def test_apply_asks_once_an_hour_with_a_margin(receiver):
    for minutes in (0, 1, 54, 55, 56):
        authorized(at=NOON + timedelta(minutes=minutes))

    assert len(receiver.requests("/google/token")) == 2


def test_forget_asks_anew(receiver):
    authorized()
    GoogleAuthorization(REFRESH_TOKEN, NOON).forget()

    assert authorized().secrets == ("ya29.token-2",)


def test_apply_pauses_the_destination_when_access_was_revoked(receiver):
    receiver.google.refresh_tokens.clear()

    with pytest.raises(NotAuthorized) as raised:
        authorized()

    verdict = raised.value.verdict
    assert (verdict.outcome, verdict.pauses_destination) == ("destination_refused", True)
    assert "Token has been expired or revoked." in verdict.reason
    assert "refresh-token" not in verdict.reason


@pytest.mark.parametrize("status", [429, 500, 503])
def test_apply_tries_again_when_google_is_unwell(receiver, status):
    receiver.fail_next(status=status, path="/google/token")

    with pytest.raises(NotAuthorized) as raised:
        authorized()

    assert raised.value.verdict.outcome == "retry"
    assert authorized().secrets == ("ya29.token-1",)


def test_apply_pauses_when_the_stored_credentials_are_none(receiver):
    with pytest.raises(NotAuthorized) as raised:
        authorized("{}")

    assert raised.value.verdict.pauses_destination


def test_authorization_shows_no_credentials():
    assert "refresh" not in repr(GoogleAuthorization(REFRESH_TOKEN, NOON))


@pytest.mark.parametrize("credentials", [REFRESH_TOKEN, service_account()])
def test_validate_google_credentials_takes_both_kinds(credentials):
    validate_google_credentials(credentials)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Paste the whole JSON file"),
        ("[]", "must be service_account or authorized_user"),
        ('{"type": "external_account"}', "must be service_account or authorized_user"),
        ('{"type": "authorized_user", "client_id": "i"}', "It lacks client_secret, refresh_token."),
        ('{"type": "service_account", "client_email": "a@b", "private_key": "x"}', "no RSA key"),
    ],
)
def test_validate_google_credentials_says_what_is_wrong(text, sentence):
    with pytest.raises(ValidationError, match=sentence):
        validate_google_credentials(text)
