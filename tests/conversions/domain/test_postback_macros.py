"""Templates of addresses, headers and bodies: what is refused when saved, and what is made of them."""

import json
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest
from django.core.exceptions import ValidationError

from conversions.domain.postback_macros import (
    fill_form_body,
    fill_headers,
    fill_json_body,
    validate_form_body,
    validate_json_body,
    validate_postback_headers,
    validate_postback_url,
)

VALUES = {"click_id": 'a"b\r\nX: y&c=d', "value": "120.10", "event": "deposit", "payout": ""}


def test_fill_json_body_keeps_values_inside_their_texts():
    template = '{"id": "{click_id}", "mixed": ["{event}-{click_id}"], "n": 1.50, "yes": true, "none": null}'

    filled = json.loads(fill_json_body(template, VALUES))

    assert filled["id"] == VALUES["click_id"]
    assert filled["mixed"] == ["deposit-" + VALUES["click_id"]]
    assert (filled["n"], filled["yes"], filled["none"]) == (1.5, True, None)


def test_fill_json_body_writes_a_lone_amount_as_a_number_of_its_own_digits():
    text = fill_json_body('{"a": "{value}", "b": "{value} EUR", "c": "{payout}"}', VALUES)

    assert text == '{"a":120.10,"b":"120.10 EUR","c":null}'
    assert json.loads(text, parse_float=Decimal)["a"] == Decimal("120.10")


def test_fill_form_body_encodes_values():
    body = fill_form_body("id={click_id}&sum={value}&empty={payout}&key=a%26b", VALUES)

    assert parse_qsl(body, keep_blank_values=True) == [
        ("id", VALUES["click_id"]),
        ("sum", "120.10"),
        ("empty", ""),
        ("key", "a&b"),
    ]


def test_fill_headers_lets_no_value_begin_another_header():
    headers = fill_headers("X-Click: {click_id}\n\nX-Api-Key: 42: 43 ", VALUES)

    assert headers == {"X-Click": "a%22b%0D%0AX%3A%20y%26c%3Dd", "X-Api-Key": "42: 43"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("X-Api-Key", "is no header"),
        ("X Api Key: 42", "is no header"),
        ("X-Api-Key: ä", "is no header"),
        ("X-Api-Key:", "is no header"),
        ("Host: a.example", "writes Host itself"),
        ("content-length: 5", "writes content-length itself"),
        ("Transfer-Encoding: chunked", "itself"),
        ("webhook-id: 1", "itself"),
        ("X-A: {email}", "No macro is called"),
        ("X-A: {click_id", "brace"),
    ],
)
def test_validate_postback_headers_says_what_is_wrong(text, sentence):
    with pytest.raises(ValidationError, match=sentence):
        validate_postback_headers(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"a": {value}}', "no JSON"),
        ("a=b", "no JSON"),
        ('{"a": "{email}"}', "No macro is called"),
        ('{"a": ["{b"]}', "brace"),
        ('{"segment": "whale"}', "finances"),
        ('{"a": "' + "x" * 4001 + '"}', "4000"),
    ],
)
def test_validate_json_body_says_what_is_wrong(text, sentence):
    with pytest.raises(ValidationError, match=sentence):
        validate_json_body(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{}", "name=value"),
        ("{click_id}=1", "not in names"),
        ("a={email}", "No macro is called"),
        ("tier=high+roller", "finances"),
    ],
)
def test_validate_form_body_says_what_is_wrong(text, sentence):
    with pytest.raises(ValidationError, match=sentence):
        validate_form_body(text)


def test_validate_postback_url_refuses_values_that_tell_too_much():
    validate_postback_url("https://casino.example/in?goal=deposit&id={click_id}")
    with pytest.raises(ValidationError, match="finances"):
        validate_postback_url("https://t.example/in?segment=whale&id={click_id}")
