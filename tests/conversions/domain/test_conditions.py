"""Which destinations hear of a conversion: by source, band and first valuable deposit; and what speaks against."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from conversions.domain.destination_limits import limit_destination, limited_to
from conversions.domain.outbox import write_postbacks
from conversions.domain.preview import preview_postback
from conversions.models import Destination, DestinationCampaign, DestinationPartner, Postback
from tests.conversions.postbacks.rows import (
    make_conversion,
    make_first_deposit,
    make_generic,
    make_google,
    make_meta,
    make_player,
    make_registration,
)
from tests.world import NOON, make_campaign, make_link, make_partner, make_source
from tracker_project.common.database import broken_constraint

pytestmark = pytest.mark.django_db

NOT_TOLD = "The destination is not told of events of this kind."
RATE: dict[str, Any] = {"reporting_currency": "EUR", "exchange_rate": Decimal(1), "exchange_rate_on": NOON.date()}


def told():
    return list(Postback.objects.order_by("id").values_list("destination__name", "event"))


def test_write_postbacks_reaches_the_campaigns_of_a_source():
    source = make_source()
    link = make_link(campaign=make_campaign(source=source))
    make_generic(name="its source", source=source)
    make_generic(name="other source", source=make_source())

    write_postbacks(make_first_deposit(make_player(link=link)), at=NOON)

    assert told() == [("its source", "first_deposit")]


def test_write_postbacks_reaches_the_campaigns_and_partners_that_a_destination_is_limited_to():
    partner, link = make_partner(), make_link()
    make_generic(name="two campaigns", campaigns=[make_campaign(), link.campaign])
    make_generic(name="other campaigns", campaigns=[make_campaign(), make_campaign()])
    make_generic(name="two partners", partners=[make_partner(), partner])
    make_generic(name="other partners", partners=[make_partner()])
    make_generic(name="both", campaigns=[link.campaign], partners=[partner])
    make_generic(name="one of both", campaigns=[link.campaign], partners=[make_partner()])

    write_postbacks(make_first_deposit(make_player(link=link, partner=partner)), at=NOON)

    assert [name for name, _ in told()] == ["two campaigns", "two partners", "both"]


def test_write_postbacks_tells_nobody_limited_to_partners_of_whom_nobody_brought():
    make_generic(partners=[make_partner()])

    write_postbacks(make_first_deposit(), at=NOON)

    assert told() == []


def test_limit_destination_replaces_the_limits_and_repeats_nothing():
    first, second, partner = make_campaign(), make_campaign(), make_partner()
    destination = make_generic(campaigns=[first], partners=[partner])

    limit_destination(destination, campaigns=[first, second], partners=[])
    limit_destination(destination, campaigns=[first, second], partners=[])

    campaigns, partners = limited_to(destination)
    assert ({*campaigns}, partners) == ({first, second}, [])


def copied_limits() -> tuple[list[int] | None, list[int] | None]:
    return Destination.objects.values_list("only_campaign_ids", "only_partner_ids").get()


def test_the_database_copies_limits_to_their_destination_whatever_is_written_there():
    first, second, partner = make_campaign(), make_campaign(), make_partner()
    destination = make_generic(campaigns=[first], partners=[partner])
    assert copied_limits() == ([first.pk], [partner.pk])

    Destination.objects.update(only_campaign_ids=[second.pk], only_partner_ids=None)
    assert copied_limits() == ([first.pk], [partner.pk])
    destination.save()
    assert copied_limits() == ([first.pk], [partner.pk])
    DestinationCampaign.objects.update(campaign=second)
    assert copied_limits() == ([second.pk], [partner.pk])
    limit_destination(destination, campaigns=[], partners=[])
    assert copied_limits() == (None, None)


def test_preview_says_that_a_conversion_lies_outside_of_the_limits():
    destination = make_generic(campaigns=[make_campaign()], partners=[make_partner()])

    obstacles = preview_postback(make_first_deposit(), destination, at=NOON).obstacles

    assert obstacles == (
        "It belongs to another campaign.",
        "None of the partners whose players it hears of brought it.",
    )


def test_a_campaign_that_limits_a_destination_cannot_go_away():
    campaign = make_campaign()
    make_generic(campaigns=[campaign])

    with pytest.raises(ProtectedError):
        campaign.delete()


@pytest.mark.parametrize(
    ("limits", "column", "constraint"),
    [
        (DestinationCampaign, "campaign", "destination_names_a_campaign_once"),
        (DestinationPartner, "partner", "destination_names_a_partner_once"),
    ],
)
def test_a_destination_names_a_limit_once(limits, column, constraint):
    row = {"campaign": make_campaign, "partner": make_partner}[column]()
    limits.objects.create(destination=make_generic(), **{column: row})

    with pytest.raises(IntegrityError) as raised, transaction.atomic():
        limits.objects.create(destination=limits.objects.get().destination, **{column: row})

    assert broken_constraint(raised.value) == constraint


@pytest.mark.parametrize(
    ("amount", "names"),
    [("19.99", []), ("20", ["band"]), ("99.99", ["band"]), ("100", ["high"]), ("5000", ["high"]), (None, [])],
)
def test_write_postbacks_tells_deposits_of_a_band(amount, names):
    make_generic(name="band", min_value=20, max_value=100)
    make_generic(name="high", min_value=100)
    columns: dict[str, Any] = {"reporting_amount": Decimal(amount), **RATE} if amount else {}

    write_postbacks(make_first_deposit(**columns), at=NOON)

    assert [name for name, _ in told()] == names


def test_write_postbacks_tells_registrations_whatever_the_band():
    make_generic(name="band", min_value=20, on_registration=True)

    write_postbacks(make_registration(), at=NOON)

    assert told() == [("band", "registration")]


def test_write_postbacks_tells_the_first_valuable_deposit_once():
    make_generic(name="valuable", on_first_deposit=False, on_valuable_deposit=True)
    player = make_player()
    small = make_first_deposit(player)
    large = make_conversion(player, is_valuable=True, occurred_at=NOON - timedelta(minutes=30))
    larger = make_conversion(player, is_valuable=True)

    for conversion in (small, large, larger, large):
        write_postbacks(conversion, at=NOON)

    assert told() == [("valuable", "valuable_deposit")]
    assert Postback.objects.get().conversion == large


@pytest.mark.parametrize(
    ("make", "columns", "constraint"),
    [
        (make_generic, {"on_valuable_deposit": True}, "valuable_deposit_is_not_told_twice"),
        (make_generic, {"min_value": -1}, "value_band_is_not_empty"),
        (make_generic, {"max_value": 5, "min_value": 5}, "value_band_is_not_empty"),
        (make_generic, {"max_value": 0}, "value_band_is_not_empty"),
        (make_generic, {"value_kind": "fixed"}, "fixed_value_is_given"),
        (make_generic, {"fixed_value": 5, "fixed_currency": "EUR"}, "fixed_value_is_given"),
        (make_generic, {"value_kind": "fixed", "fixed_value": -5, "fixed_currency": "EUR"}, "fixed_value_is_given"),
        (make_generic, {"value_kind": "so_far", "on_deposit": True}, "value_so_far_is_told_once"),
        (make_google, {"value_kind": "ngr", "on_deposit": True}, "value_so_far_is_told_once"),
        (make_meta, {"value_kind": "ngr"}, "ngr_is_told_where_values_are_stated_anew"),
        (make_meta, {"test_event_code": "T"}, "test_mode_ends"),
        (make_meta, {"test_ends_at": NOON}, "test_mode_ends"),
        (make_google, {"test_event_code": "T", "test_ends_at": NOON}, "test_mode_ends"),
        (make_generic, {"signing_secret": "whsec_x"}, "signature_covers_a_body"),
        (make_generic, {"app_user_sub_id": 11}, "sub_id_exists"),
        (make_generic, {"app_user_sub_id": 0}, "sub_id_exists"),
        (make_google, {"google_credentials": ""}, "destination_has_its_address"),
        (make_google, {"conversion_action_id": ""}, "destination_has_its_address"),
        (make_google, {"partner": True}, "partner_destination_is_generic"),
    ],
)
def test_destination_refuses_what_makes_no_sense(make, columns, constraint):
    if "partner" in columns:
        columns = {"partner": make_partner()}
    with pytest.raises(IntegrityError) as raised, transaction.atomic():
        make(**columns)

    assert broken_constraint(raised.value) == constraint


# Previews.


def test_preview_postback_shows_the_very_request_that_is_sent():
    destination, conversion = make_generic("https://t.example/?t={transaction_id}&s={status}"), make_first_deposit()
    preview = preview_postback(conversion, destination, at=NOON)

    write_postbacks(conversion, at=NOON)

    assert preview.request == f"GET https://t.example/?t={Postback.objects.get().dedup_id}&s=approved"
    assert preview.obstacles == ()


def test_preview_postback_writes_nothing():
    preview_postback(make_first_deposit(), make_meta(), at=NOON)

    assert not Postback.objects.exists()


@pytest.mark.parametrize(
    ("destination", "conversion", "obstacle"),
    [
        ({"is_active": False}, {}, "The destination is switched off."),
        ({}, {"status": "refunded", "reversed_at": NOON}, "The conversion is refunded, not confirmed."),
        ({}, {"review_state": "held"}, "Its review: held."),
        ({"min_value": 5000}, {}, "Its amount lies outside of the destination's band."),
        (
            {"on_first_deposit": False, "on_registration": True},
            {},
            "The destination is not told of events of this kind.",
        ),
    ],
)
def test_preview_postback_says_what_speaks_against(destination, conversion, obstacle):
    preview = preview_postback(make_first_deposit(**conversion), make_generic(**destination), at=NOON)

    assert obstacle in preview.obstacles


def test_preview_postback_says_why_no_request_can_be_built():
    preview = preview_postback(make_first_deposit(), make_google(), at=NOON)

    assert (preview.request, preview.obstacles) == ("", ("The player came with no click id of Google's.",))
