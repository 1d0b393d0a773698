"""What keeps a campaign from routing, and that two changes together cannot do what each alone may not."""

import threading
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from campaigns.domain.soundness import (
    CampaignBroken,
    CampaignPlan,
    Destination,
    PlannedFlow,
    campaigns_that_use,
    faults_in,
    faults_of,
    refuse_broken,
)
from campaigns.models import Campaign, Flow
from tests.campaigns.builders import make_flow, make_landing_page
from tests.world import make_campaign, make_offer, make_source
from tracker_project.common.database import broken_constraint

OFFER = Destination(name="Slots", url="https://casino.example/")
PAGE = Destination(name="Quiz", url="https://lp.example/")


def test_faults_in_a_campaign_with_an_offer_are_none() -> None:
    assert faults_in(CampaignPlan(offer=OFFER)) == []


def test_faults_in_a_campaign_whose_flow_shows_a_page_are_none() -> None:
    assert faults_in(CampaignPlan(flows=(PlannedFlow(name="Pause", leads=False),))) == []


def test_faults_in_a_campaign_without_offer_and_flow_say_that_it_leads_nowhere() -> None:
    assert faults_in(CampaignPlan()) == [
        "It is active but has neither an offer nor an active flow that leads anywhere: choose an offer or add a flow "
        "with one, or save it as paused until then."
    ]


@pytest.mark.parametrize(
    ("flow", "fault"),
    [
        (
            PlannedFlow(name="DE", offers=(Destination(name="Old", url="https://c.example/", is_archived=True),)),
            "The flow “DE” has the archived offer “Old”: take it out of the flow or out of the archive.",
        ),
        (
            PlannedFlow(
                name="DE",
                offers=(OFFER,),
                landing_pages=(Destination(name="Old", url="https://c.example/", is_archived=True),),
            ),
            "The flow “DE” has the archived landing page “Old”: take it out of the flow or out of the archive.",
        ),
    ],
)
def test_faults_in_a_flow_name_it(flow: PlannedFlow, fault: str) -> None:
    assert faults_in(CampaignPlan(offer=OFFER, flows=(flow,))) == [fault]


@pytest.mark.parametrize(
    ("flow", "fault"),
    [
        (
            PlannedFlow(name="DE", landing_pages=(PAGE,)),
            "The flow “DE” has landing pages but no offer that their links could lead to, and neither has the campaign"
            ": add one, or choose what else it does.",
        ),
        (
            PlannedFlow(name="DE"),
            "The flow “DE” has no offer, and neither has the campaign: add one, or choose what else it does.",
        ),
    ],
)
def test_faults_in_a_flow_without_offer_depend_on_the_campaigns_own(flow: PlannedFlow, fault: str) -> None:
    other = PlannedFlow(name="MT", offers=(OFFER,))

    assert faults_in(CampaignPlan(flows=(flow, other))) == [fault]
    assert faults_in(CampaignPlan(offer=OFFER, flows=(flow, other))) == []


def test_faults_in_an_archived_offer_name_it() -> None:
    plan = CampaignPlan(offer=Destination(name="Old", url="https://c.example/", is_archived=True))

    assert faults_in(plan) == ["Its offer “Old” is archived: take it out of the archive or choose another."]


def test_faults_in_a_campaign_that_tracks_in_parallel_name_each_address_without_tls() -> None:
    plain = Destination(name="Plain", url="http://casino.example/")
    plan = CampaignPlan(
        tracks_in_parallel=True,
        offer=plain,
        fallback_url="http://fallback.example/",
        flows=(PlannedFlow(name="DE", offers=(OFFER,), landing_pages=(plain,)),),
    )

    assert faults_in(plan) == [
        "Its source tracks in parallel and follows https alone, but the offer “Plain” begins with http://.",
        "Its source tracks in parallel and follows https alone, but the landing page “Plain” of the flow “DE” begins "
        "with http://.",
        "Its source tracks in parallel and follows https alone, but the fallback URL begins with http://.",
    ]
    assert faults_in(CampaignPlan(offer=plain)) == []


@pytest.mark.django_db
def test_faults_of_campaigns_are_read_with_the_same_questions_for_one_and_for_many(
    django_assert_num_queries: Any,
) -> None:
    campaigns = [make_campaign(offer=None, status="paused") for _ in range(3)]
    for campaign in campaigns:
        make_flow(campaign, offers=[], pages=[make_landing_page()])

    with django_assert_num_queries(5):
        found = faults_of(campaign.pk for campaign in campaigns)

    assert list(found) == campaigns


@pytest.mark.django_db
def test_refuse_broken_lets_a_paused_campaign_be_unfinished() -> None:
    refuse_broken([make_campaign(offer=None, status="paused").pk])


@pytest.mark.django_db
def test_refuse_broken_names_the_active_campaign() -> None:
    campaign = make_campaign(name="Broken", offer=make_offer(is_archived=True, name="Old"))

    with pytest.raises(CampaignBroken) as broken:
        refuse_broken([campaign.pk])

    assert broken.value.sentences == [
        "Broken: Its offer “Old” is archived: take it out of the archive or choose another."
    ]


@pytest.mark.django_db
def test_campaigns_that_use_an_offer_or_a_page_have_it_themselves_or_in_a_flow() -> None:
    offer, page = make_offer(), make_landing_page()
    own, by_flow = make_campaign(offer=offer), make_campaign()
    make_flow(by_flow, offers=[offer], pages=[page])
    make_campaign()

    assert campaigns_that_use(offer) == {own.pk, by_flow.pk}
    assert campaigns_that_use(page) == {by_flow.pk}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "change",
    [
        lambda flow: Flow.objects.filter(pk=flow.pk).update(is_active=False),
        lambda flow: flow.delete(),
        lambda flow: flow.flow_offers.all().delete(),
    ],
    ids=["switched off", "deleted", "without its last offer"],
)
def test_the_database_refuses_to_leave_an_active_campaign_without_a_way(change: Any) -> None:
    campaign = make_campaign(offer=None, status="paused")
    flow = make_flow(campaign)
    Campaign.objects.update(status="active")

    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        change(flow)

    assert broken_constraint(refused.value) == "active_campaign_leads_somewhere"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("looks", [True, False], ids=["looked at", "by the trigger alone"])
def test_two_changes_that_are_sound_alone_do_not_break_a_campaign_together(looks: bool) -> None:
    campaign = make_campaign()
    flow = make_flow(campaign)
    first_is_made, refused = threading.Event(), []

    def switch_flow_off() -> None:
        try:
            first_is_made.wait(10)
            with transaction.atomic():
                Flow.objects.filter(pk=flow.pk).update(is_active=False)
                refuse_broken([campaign.pk] if looks else [])
        except (CampaignBroken, IntegrityError) as error:
            refused.append(error)
        finally:
            connection.close()

    second = threading.Thread(target=switch_flow_off)
    second.start()
    with transaction.atomic():
        Campaign.objects.filter(pk=campaign.pk).update(offer=None)
        refuse_broken([campaign.pk])
        first_is_made.set()
        second.join(0.5)
    second.join(10)

    assert len(refused) == 1
    assert faults_of([campaign.pk]) == {}


@pytest.mark.django_db
def test_a_source_that_tracks_in_parallel_breaks_a_campaign_with_a_plain_offer() -> None:
    source = make_source(tracks_in_parallel=True)
    campaign = make_campaign(source=source, offer=make_offer(url="http://casino.example/"))

    with pytest.raises(CampaignBroken):
        refuse_broken([campaign.pk])
