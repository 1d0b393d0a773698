"""Wrong states of Apple's postbacks that the database refuses, each tried once."""

from typing import Any

import pytest
from django.db import DataError, IntegrityError, transaction

from conversions.models import AppPostback, AppPostbackConflict, SourceIdentifier
from tests.conversions.apple.signing import make_app_postback
from tests.world import NOON, make_campaign

pytestmark = pytest.mark.django_db

ADATTRIBUTIONKIT: dict[str, Any] = {
    "framework": "adattributionkit",
    "version": "",
    "fidelity": None,
    "interaction": "click",
}
OLD: dict[str, Any] = {
    "version": "2.1",
    "source_identifier": "",
    "campaign_number": 42,
    "fidelity": None,
    "did_win": None,
    "window": None,
}
VERSION_3: dict[str, Any] = OLD | {"version": "3.0", "fidelity": 0, "did_win": False}


def refuses(name: str) -> Any:
    return pytest.raises(IntegrityError, match=name)


@pytest.mark.parametrize(
    ("columns", "change", "constraint"),
    [
        ({}, {"framework": "fingerprint"}, "app_postback_framework_and_version_are_known"),
        ({}, {"version": "2.0"}, "app_postback_framework_and_version_are_known"),
        ({}, {"version": ""}, "app_postback_framework_and_version_are_known"),
        (ADATTRIBUTIONKIT, {"version": "4.0"}, "app_postback_framework_and_version_are_known"),
        ({}, {"postback_id": ""}, "app_postback_has_its_ids"),
        ({}, {"ad_network_id": ""}, "app_postback_has_its_ids"),
        ({}, {"signature": ""}, "app_postback_has_its_ids"),
        ({}, {"source_identifier": ""}, "app_postback_names_its_source"),
        ({}, {"source_identifier": "5"}, "app_postback_names_its_source"),
        ({}, {"source_identifier": "52a9"}, "app_postback_names_its_source"),
        ({}, {"campaign_number": 42}, "app_postback_names_its_source"),
        (OLD, {"campaign_number": None}, "app_postback_names_its_source"),
        (OLD, {"campaign_number": 0}, "app_postback_names_its_source"),
        (OLD, {"campaign_number": 101}, "app_postback_names_its_source"),
        (OLD, {"source_identifier": "5239"}, "app_postback_names_its_source"),
        ({}, {"app_id": 0}, "app_postback_apps_are_numbers"),
        ({}, {"source_app_id": -1}, "app_postback_apps_are_numbers"),
        ({"source_app_id": 5}, {"source_domain": "example.com"}, "app_postback_comes_from_one_place"),
        (VERSION_3, {"source_domain": "example.com"}, "app_postback_comes_from_one_place"),
        ({}, {"marketplace": "com.apple.AppStore"}, "app_postback_comes_from_one_place"),
        ({}, {"conversion_type": "install"}, "app_postback_conversion_type_is_known"),
        ({}, {"conversion_type": "re-engagement"}, "app_postback_conversion_type_is_known"),
        ({}, {"fidelity": 2}, "app_postback_interaction_is_known"),
        ({}, {"fidelity": None}, "app_postback_interaction_is_known"),
        (OLD, {"fidelity": 1}, "app_postback_interaction_is_known"),
        ({}, {"interaction": "click"}, "app_postback_interaction_is_known"),
        (ADATTRIBUTIONKIT, {"interaction": "hover"}, "app_postback_interaction_is_known"),
        (ADATTRIBUTIONKIT, {"interaction": ""}, "app_postback_interaction_is_known"),
        (ADATTRIBUTIONKIT, {"fidelity": 1}, "app_postback_interaction_is_known"),
        ({}, {"did_win": None}, "app_postback_says_who_won"),
        (OLD, {"did_win": True}, "app_postback_says_who_won"),
        ({}, {"window": 3}, "app_postback_window_is_known"),
        ({}, {"window": None}, "app_postback_window_is_known"),
        (VERSION_3, {"window": 0}, "app_postback_window_is_known"),
        ({}, {"conversion_value": 64}, "app_postback_fine_value_is_six_bits"),
        ({}, {"coarse_value": "huge"}, "app_postback_has_one_value_at_most"),
        ({"conversion_value": 5}, {"coarse_value": "low"}, "app_postback_has_one_value_at_most"),
        (VERSION_3, {"coarse_value": "low"}, "app_postback_has_one_value_at_most"),
        ({}, {"country": "M"}, "app_postback_country_is_two_letters"),
        ({}, {"country": "mt"}, "app_postback_country_is_two_letters"),
    ],
)
def test_app_postbacks_refuse_a_wrong_state(columns: dict[str, Any], change: dict[str, Any], constraint: str) -> None:
    make_app_postback(**columns)

    with refuses(constraint), transaction.atomic():
        AppPostback.objects.update(**change)


@pytest.mark.parametrize(
    "change", [{"conversion_value": -1}, {"window": -1}, {"fidelity": -1}, {"campaign_number": -1}]
)
def test_app_postbacks_refuse_negative_numbers(change: dict[str, Any]) -> None:
    make_app_postback()

    with pytest.raises((IntegrityError, DataError)), transaction.atomic():
        AppPostback.objects.update(**change)


def test_app_postbacks_take_each_window_of_a_transaction_once() -> None:
    make_app_postback("t-1", window=0)
    make_app_postback("t-1", window=1)

    with refuses("one_app_postback_per_transaction_and_window"), transaction.atomic():
        make_app_postback("t-1", window=1)


def test_app_postbacks_without_a_window_take_a_transaction_once() -> None:
    make_app_postback("t-1", **OLD)

    with refuses("one_app_postback_per_transaction_and_window"), transaction.atomic():
        make_app_postback("t-1", **VERSION_3)


def test_app_postbacks_take_an_identifier_of_adattributionkit_once() -> None:
    make_app_postback("i-1", **ADATTRIBUTIONKIT)
    make_app_postback("i-1")

    with refuses("one_app_postback_per_identifier"), transaction.atomic():
        make_app_postback("i-1", **ADATTRIBUTIONKIT, window=1)


def test_conflicts_refuse_the_same_report_twice_and_no_field() -> None:
    columns: dict[str, Any] = {"postback": make_app_postback(), "field": "window", "held": 0, "received_at": NOON}
    AppPostbackConflict.objects.create(**columns, reported=None)

    with refuses("one_app_postback_conflict_per_report"), transaction.atomic():
        AppPostbackConflict.objects.create(**columns, reported=None)
    with refuses("app_postback_conflict_names_its_field"), transaction.atomic():
        AppPostbackConflict.objects.create(**columns | {"field": ""}, reported=1)


def test_source_identifiers_refuse_to_stand_for_two_and_to_be_no_digits() -> None:
    campaign = make_campaign()
    SourceIdentifier.objects.create(ad_network_id="com.example", identifier="39", campaign=campaign)

    with refuses("one_campaign_per_network_and_source_identifier"), transaction.atomic():
        SourceIdentifier.objects.create(ad_network_id="com.example", identifier="39", campaign=make_campaign())
    with refuses("source_identifier_is_digits_of_a_network"), transaction.atomic():
        SourceIdentifier.objects.create(ad_network_id="com.example", identifier="3x", campaign=campaign)
    with refuses("source_identifier_is_digits_of_a_network"), transaction.atomic():
        SourceIdentifier.objects.create(ad_network_id="", identifier="38", campaign=campaign)
