"""What keeps an active campaign from sending its visitors on, asked after each change and before its commit."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db import connection
from django.db.models import Prefetch

from campaigns.models import Campaign, Flow, LandingPage, Offer


class CampaignBroken(Exception):
    """A change would leave active campaigns that send nobody on; `faults` has the reasons by campaign name."""

    def __init__(self, faults: dict[str, list[str]]) -> None:
        super().__init__(faults)
        self.faults = faults

    @property
    def sentences(self) -> list[str]:
        return [f"{campaign}: {fault}" for campaign, faults in self.faults.items() for fault in faults]


@dataclass(frozen=True, kw_only=True)
class Destination:
    """An offer or a landing page as routing sees it."""

    name: str
    url: str
    is_archived: bool = False


@dataclass(frozen=True, kw_only=True)
class PlannedFlow:
    """An active flow; `leads` is false where it only shows a page."""

    name: str
    leads: bool = True
    offers: tuple[Destination, ...] = ()
    landing_pages: tuple[Destination, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CampaignPlan:
    """All that decides whether a campaign can route: its own offer, its fallback and its active flows."""

    tracks_in_parallel: bool = False
    offer: Destination | None = None
    fallback_url: str = ""
    flows: tuple[PlannedFlow, ...] = ()


def faults_in(plan: CampaignPlan) -> list[str]:
    """Return what is wrong with a campaign, in sentences that say what to mend; nothing where it can route."""
    return [
        *_leads_nowhere(plan),
        *_without_offer(plan),
        *_archived(plan),
        *(_insecure(plan) if plan.tracks_in_parallel else []),
    ]


def faults_of(campaigns: Iterable[int]) -> dict[Campaign, list[str]]:
    """Return the faults of those campaigns (by id), whatever their status, that have any."""
    flows = Flow.objects.filter(is_active=True).order_by("position", "id")
    contents = ("flow_offers__offer", "flow_landing_pages__landing_page")
    found = (
        Campaign.objects.filter(pk__in=set(campaigns))
        .select_related("source", "offer")
        .prefetch_related(Prefetch("flows", queryset=flows.prefetch_related(*contents), to_attr="active_flows"))
        .order_by("name")
    )
    faults = {campaign: faults_in(_plan_of(campaign)) for campaign in found}
    return {campaign: sentences for campaign, sentences in faults.items() if sentences}


def refuse_broken(campaigns: Iterable[int]) -> None:
    """Raise `CampaignBroken` where one of those campaigns (by id) is active and cannot route.

    Call it at the end of the transaction that changed them. Two changes that are sound alone cannot break a campaign
    together: each change of a routing table waits for the one before it, at the version that both raise.
    """
    active = Campaign.objects.filter(pk__in=set(campaigns), status=Campaign.Status.ACTIVE).values_list("pk", flat=True)
    faults = faults_of(active)
    if faults:
        raise CampaignBroken({campaign.name: sentences for campaign, sentences in faults.items()})
    with connection.cursor() as cursor:
        # The wall behind the sentences above: better here than at the commit.
        cursor.execute("SET CONSTRAINTS active_campaign_leads_somewhere IMMEDIATE")
        cursor.execute("SET CONSTRAINTS active_campaign_leads_somewhere DEFERRED")


def campaigns_that_use(row: Offer | LandingPage) -> set[int]:
    """Return the ids of the campaigns that an offer or a landing page belongs to, by itself or in a flow."""
    if isinstance(row, LandingPage):
        return set(Campaign.objects.filter(flows__flow_landing_pages__landing_page=row).values_list("pk", flat=True))
    own = Campaign.objects.filter(offer=row).values_list("pk", flat=True)
    in_flows = Campaign.objects.filter(flows__flow_offers__offer=row).values_list("pk", flat=True)
    return {*own, *in_flows}


def _plan_of(campaign: Campaign) -> CampaignPlan:
    return CampaignPlan(
        tracks_in_parallel=campaign.source.tracks_in_parallel,
        offer=_destination(campaign.offer) if campaign.offer else None,
        fallback_url=campaign.fallback_url,
        flows=tuple(
            PlannedFlow(
                name=flow.name,
                leads=flow.action == Flow.Action.OFFERS,
                offers=tuple(_destination(row.offer) for row in flow.flow_offers.all()),
                landing_pages=tuple(_destination(row.landing_page) for row in flow.flow_landing_pages.all()),
            )
            for flow in campaign.active_flows  # type: ignore[attr-defined]
        ),
    )


def _destination(row: Offer | LandingPage) -> Destination:
    return Destination(name=row.name, url=row.url, is_archived=row.is_archived)


def _leads_nowhere(plan: CampaignPlan) -> Iterator[str]:
    if plan.offer is None and not any(flow.offers or not flow.leads for flow in plan.flows):
        yield (
            "It is active but has neither an offer nor an active flow that leads anywhere: choose an offer or add a "
            "flow with one, or save it as paused until then."
        )


def _without_offer(plan: CampaignPlan) -> Iterator[str]:
    """A flow without offers of its own sends its visitors to the campaign's; there has to be one."""
    if plan.offer is not None:
        return
    for flow in plan.flows:
        if flow.leads and not flow.offers:
            what = (
                "has landing pages but no offer that their links could lead to"
                if flow.landing_pages
                else "has no offer"
            )
            yield f"The flow “{flow.name}” {what}, and neither has the campaign: add one, or choose what else it does."


def _archived(plan: CampaignPlan) -> Iterator[str]:
    if plan.offer and plan.offer.is_archived:
        yield f"Its offer “{plan.offer.name}” is archived: take it out of the archive or choose another."
    for flow in plan.flows:
        for kind, rows in (("offer", flow.offers), ("landing page", flow.landing_pages)):
            for row in rows:
                if row.is_archived:
                    yield (
                        f"The flow “{flow.name}” has the archived {kind} “{row.name}”: take it out of the flow or out "
                        "of the archive."
                    )


def _insecure(plan: CampaignPlan) -> Iterator[str]:
    named = [(f"offer “{plan.offer.name}”", plan.offer.url)] if plan.offer else []
    for flow in plan.flows:
        named += [(f"offer “{row.name}” of the flow “{flow.name}”", row.url) for row in flow.offers]
        named += [(f"landing page “{row.name}” of the flow “{flow.name}”", row.url) for row in flow.landing_pages]
    named += [("fallback URL", plan.fallback_url)] if plan.fallback_url else []
    for what, url in named:
        if not url.lower().startswith("https://"):
            yield f"Its source tracks in parallel and follows https alone, but the {what} begins with http://."
