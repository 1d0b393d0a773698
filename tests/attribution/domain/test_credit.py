"""Who gets the credit for a registration."""

from datetime import timedelta

import pytest

from attribution.domain.credit import Claim, credit_registration
from tests.world import NOON, click_id_of, make_campaign, make_click, make_creative, make_link, make_partner

pytestmark = pytest.mark.django_db


def test_credit_registration_copies_the_stored_click():
    partner = make_partner()
    link = make_link(partner=partner)
    click = make_click(
        link, sub_id_3="blue", platform_click_ids={"fbclid": "IwAR0_-aB"}, external_id="IwAR0_-aB", keyword="slots"
    )

    credit = credit_registration(Claim(click_id=click.click_id), registered_at=NOON + timedelta(hours=1))

    assert credit.outcome == "click"
    assert credit.click_uuid == click.id
    assert credit.clicked_at == NOON
    assert (credit.link_id, credit.campaign_id, credit.partner_id) == (link.id, link.campaign_id, partner.id)
    assert (credit.source_id, credit.offer_id) == (link.campaign.source_id, link.campaign.offer_id)
    assert credit.click_facts == {
        "platform_click_ids": {"fbclid": "IwAR0_-aB"},
        "external_id": "IwAR0_-aB",
        "sub_ids": {"3": "blue"},
        "keyword": "slots",
        "kind": "click",
        "country": "MT",
    }


def test_credit_registration_takes_a_click_id_in_any_case():
    click = make_click(make_link())

    credit = credit_registration(Claim(click_id=click.click_id.upper()), registered_at=NOON)

    assert credit.click_uuid == click.id


def test_credit_registration_uses_the_links_terms_when_the_click_is_not_stored():
    first, second = make_campaign(), make_campaign()
    link = make_link(campaign=first, creative=make_creative(first))
    first_terms = link.terms.get()
    first_terms.starts_at = NOON - timedelta(days=2)
    first_terms.save()
    link.campaign, link.creative = second, None
    link.save()
    link.terms.filter(campaign=second).update(starts_at=NOON)

    before = credit_registration(Claim(click_id=click_id_of(link, at=NOON - timedelta(seconds=1))), registered_at=NOON)
    after = credit_registration(Claim(click_id=click_id_of(link, at=NOON)), registered_at=NOON)

    assert (before.outcome, before.campaign_id, before.creative_id) == ("click", first.id, first_terms.creative_id)
    assert (after.outcome, after.campaign_id, after.creative_id) == ("click", second.id, None)
    assert before.click_facts == {}


def test_credit_registration_gives_nobody_credit_for_a_forged_click_id():
    partner = make_partner()
    genuine = click_id_of(make_link())
    forged = genuine[:-1] + ("0" if genuine[-1] != "0" else "1")

    credit = credit_registration(Claim(click_id=forged, partner_tag=partner.tag), registered_at=NOON)

    assert (credit.outcome, credit.campaign_id, credit.partner_id) == ("forged_click_id", None, None)


def test_credit_registration_keeps_the_window_of_thirty_days():
    click = make_click(make_link())

    last = credit_registration(Claim(click_id=click.click_id), registered_at=NOON + timedelta(days=30))
    late = credit_registration(Claim(click_id=click.click_id), registered_at=NOON + timedelta(days=30, milliseconds=1))

    assert last.outcome == "click"
    assert (late.outcome, late.campaign_id, late.click_uuid) == ("outside_window", None, click.id)


def test_credit_registration_hears_the_promo_code_when_the_click_id_is_not_ours():
    link = make_link(promo_code="Lucky7")

    credit = credit_registration(Claim(click_id="abc", promo_code="LUCKY7"), registered_at=NOON)

    assert (credit.outcome, credit.link_id, credit.campaign_id) == ("promo_code", link.id, link.campaign_id)


def test_credit_registration_credits_a_partner_by_tag_without_a_campaign():
    partner = make_partner(tag="lotus")

    credit = credit_registration(Claim(partner_tag="lotus"), registered_at=NOON)

    assert (credit.outcome, credit.partner_id, credit.campaign_id) == ("partner_tag", partner.id, None)


@pytest.mark.parametrize(
    ("claim", "outcome"),
    [
        (Claim(), "no_claim"),
        (Claim(click_id="xyz"), "malformed_click_id"),
        (Claim(promo_code="nobody"), "unknown_code"),
        (Claim(partner_tag="nobody"), "unknown_code"),
    ],
)
def test_credit_registration_says_why_there_is_no_credit(claim, outcome):
    credit = credit_registration(claim, registered_at=NOON)

    assert (credit.outcome, credit.campaign_id, credit.partner_id) == (outcome, None, None)


def test_credit_registration_knows_that_a_signed_link_is_gone():
    link = make_link()
    click_id = click_id_of(link)
    link.terms.all().delete()
    link.delete()

    credit = credit_registration(Claim(click_id=click_id), registered_at=NOON)

    assert credit.outcome == "unknown_link"
