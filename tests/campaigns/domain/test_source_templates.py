"""Ready-made sources, and the links that are pasted from them."""

import pytest
from django.core.exceptions import ValidationError

from campaigns.domain.link_addresses import advertised_address, link_address, source_parameters, tracking_template
from campaigns.domain.source_templates import BY_KEY, SOURCE_TEMPLATES, SourceTemplate, add_source_from
from campaigns.models import SourceParameter, TrackingLink, TrafficSource
from tests.world import make_campaign, make_link, make_source

EACH = pytest.mark.parametrize("template", SOURCE_TEMPLATES, ids=lambda template: template.key)

# What edges read by themselves; all else has to be named by the source.
OWN = {f"sub_id_{number}" for number in range(1, 11)} | {"gclid", "msclkid"}


@EACH
@pytest.mark.django_db
def test_add_source_from_each_template_saves_a_valid_source(template: SourceTemplate) -> None:
    source = add_source_from(template, name=template.name)

    source.full_clean()
    for parameter in source.parameters.all():
        parameter.full_clean()


@EACH
def test_each_parameter_of_a_template_is_read_by_the_edge(template: SourceTemplate) -> None:
    named = {
        template.click_id_parameter,
        template.cost_parameter,
        template.placement_parameter,
        template.keyword_parameter,
        *template.parameters,
    }

    assert set(template.macros) - OWN - named == set()


@EACH
def test_each_template_says_where_its_macros_were_read(template: SourceTemplate) -> None:
    assert template.told_by


def test_templates_have_keys_and_names_of_their_own() -> None:
    assert len(BY_KEY) == len({template.name for template in SOURCE_TEMPLATES}) == len(SOURCE_TEMPLATES)


@pytest.mark.django_db
def test_add_source_from_google_fills_everything() -> None:
    source = add_source_from(BY_KEY["google"], name="Google")

    assert (source.platform, source.click_id_parameter, source.tracks_in_parallel) == ("google", "gclid", True)
    assert source.click_url_parameters == (
        "gclid={gclid}&sub_id_1={creative}&sub_id_2={adgroupid}&sub_id_3={campaignid}&sub_id_4={network}"
        "&sub_id_5={matchtype}&placement={placement}&keyword={keyword}"
    )
    assert set(source.parameters.values_list("parameter", "name")) == {
        ("gbraid", "external_id"),
        ("wbraid", "external_id"),
        ("utm_term", "keyword"),
        ("utm_content", "sub_id_1"),
        ("utm_medium", "sub_id_2"),
        ("utm_campaign", "sub_id_3"),
    }


@pytest.mark.django_db
def test_a_link_is_pasted_with_the_sources_own_parameters() -> None:
    link = make_link(campaign=make_campaign(source=add_source_from(BY_KEY["mgid"], name="MGID")), code="native")

    assert advertised_address(link) == (
        "http://127.0.0.1:8001/c/native?click_id={click_id}&cost={click_price}&widget_id={widget_id}"
        "&sub_id_1={teaser_id}&sub_id_3={campaign_id}"
    )


@pytest.mark.parametrize(
    ("click_id", "parameters"),
    [
        ("ttclid", "sub_id_1=__CID__&cost={cost}&placement=__PLACEMENT__&keyword=__AID_NAME__"),
        ("cid", "sub_id_1={sub_id_1}&cid={click_id}&cost={cost}&placement={placement}&keyword={keyword}"),
    ],
)
def test_a_source_entered_by_hand_takes_the_macros_of_its_click_id(click_id: str, parameters: str) -> None:
    source = TrafficSource(
        click_id_parameter=click_id,
        cost_parameter="cost",
        placement_parameter="placement",
        keyword_parameter="keyword",
    )

    assert source_parameters(source) == parameters


@pytest.mark.django_db
def test_a_source_that_tracks_in_parallel_has_a_tracking_template() -> None:
    google = make_link(campaign=make_campaign(source=add_source_from(BY_KEY["google"], name="Google")), code="g")
    by_hand = make_source(
        click_id_parameter="msclkid", cost_parameter="", placement_parameter="", keyword_parameter="keyword"
    )
    microsoft = make_link(campaign=make_campaign(source=by_hand), code="m")

    assert tracking_template(google).startswith("http://127.0.0.1:8001/c/g?url={lpurl}&gclid={gclid}&sub_id_1=")
    assert tracking_template(microsoft, "go.example") == (
        "https://go.example/c/m?url={lpurl}&msclkid={msclkid}&sub_id_1={AdId}&keyword={keyword}"
    )


def test_link_address_takes_a_tracking_domain() -> None:
    assert link_address("abc", "go.example") == "https://go.example/c/abc"


@pytest.mark.django_db
def test_a_source_without_parameters_adds_nothing() -> None:
    link = TrackingLink(code="x", campaign=make_campaign(source=make_source(click_url_parameters="?")))

    assert advertised_address(link) == "http://127.0.0.1:8001/c/x"


@pytest.mark.django_db
def test_a_parameter_is_named() -> None:
    with pytest.raises(ValidationError):
        SourceParameter(source=make_source(), name="keyword", parameter="").full_clean()
