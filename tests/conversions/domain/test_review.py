"""What a verdict does to a conversion."""

from decimal import Decimal

import pytest

from conversions.domain.review import approve_conversion, hold_conversion, reject_conversion
from conversions.models import Conversion, Destination, Player, Postback
from tests.conversions.builders import LATER, deposit, register, the_deposit
from tests.world import make_brand, make_click, make_link, make_platform

pytestmark = pytest.mark.django_db


def make_destination(**columns):
    columns = {"name": "Anyone", "kind": "generic", "url_template": "https://a.example/?t={transaction_id}"} | columns
    return Destination.objects.create(requires_consent=False, **columns)


def credited_deposit(**fields):
    platform = make_platform(brand=make_brand(valuable_deposit_amount=Decimal(50)))
    register(platform, click_id=make_click(make_link()).click_id)
    deposit(platform, **fields)
    return the_deposit()


def test_approve_conversion_writes_postbacks_and_leads_to_booking():
    make_destination()
    conversion = credited_deposit()

    approve_conversion(conversion, at=LATER)

    conversion.refresh_from_db()
    assert (conversion.review_state, conversion.booking_state, conversion.is_valuable) == ("approved", "due", True)
    assert [postback.event for postback in Postback.objects.all()] == ["first_deposit"]


def test_approve_conversion_twice_writes_postbacks_once():
    make_destination()
    conversion = credited_deposit()

    approve_conversion(conversion, at=LATER)
    approve_conversion(conversion, at=LATER)

    assert Postback.objects.count() == 1


@pytest.mark.parametrize(("amount", "valuable"), [("49.99", False), ("50.00", True)])
def test_approve_conversion_measures_value_by_the_brands_threshold(amount, valuable):
    conversion = credited_deposit(amount=amount)

    approve_conversion(conversion, at=LATER)

    assert the_deposit().is_valuable is valuable


def test_approve_conversion_of_a_pending_deposit_sends_nothing_yet():
    make_destination()
    conversion = credited_deposit(status="pending")

    approve_conversion(conversion, at=LATER)

    assert Postback.objects.count() == 0
    assert the_deposit().is_valuable is False


def test_approve_conversion_of_a_test_sends_nothing():
    make_destination()
    conversion = credited_deposit(is_test=True)

    approve_conversion(conversion, at=LATER)

    assert Postback.objects.count() == 0


def test_approve_conversion_without_credit_sends_nothing():
    make_destination()
    platform = make_platform()
    register(platform)
    deposit(platform)

    approve_conversion(the_deposit(), at=LATER)

    assert Postback.objects.count() == 0


def test_approve_conversion_fetches_a_clicks_facts_that_came_out_of_the_spool_late():
    platform, link = make_platform(), make_link()
    click = make_click(link, platform_click_ids={"fbclid": "IwAR1"})
    columns = {field.attname: getattr(click, field.attname) for field in click._meta.fields}
    click_id = click.click_id
    click.delete()
    register(platform, click_id=click_id)
    facts_before = Player.objects.get().click_facts
    type(click).objects.create(**columns)

    approve_conversion(Conversion.objects.get(), at=LATER)

    assert facts_before == {}
    assert Player.objects.get().click_facts["platform_click_ids"] == {"fbclid": "IwAR1"}


def test_hold_conversion_sends_nothing():
    make_destination()
    conversion = credited_deposit()

    hold_conversion(conversion, at=LATER)

    assert (the_deposit().review_state, Postback.objects.count()) == ("held", 0)


def test_reject_conversion_cancels_what_is_unsent():
    make_destination()
    conversion = credited_deposit()
    approve_conversion(conversion, at=LATER)

    reject_conversion(conversion, at=LATER)

    assert (the_deposit().review_state, the_deposit().is_valuable) == ("rejected", False)
    assert [postback.state for postback in Postback.objects.all()] == ["cancelled"]
