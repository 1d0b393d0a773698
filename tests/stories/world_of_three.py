"""Three campaigns, each with its receiver: Meta's, a generic one, and a partner who is paid 120 EUR a first deposit."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from affiliates.domain.booking import book_due_commissions
from attribution.models import Click
from campaigns.models import TrackingLink
from conversions.domain.destination_limits import limit_destination
from conversions.domain.dispatch import deliver_due_postbacks
from conversions.models import Destination, Platform
from fraud.domain.reviewing import review_pending_conversions
from tests.affiliates.builders import make_partner_account, make_plan, make_version
from tests.outside.receivers import Receiver
from tests.stories.webhooks import Webhooks
from tests.world import NOON, make_campaign, make_click, make_link, make_offer, make_partner, make_source

CLICKED_AT = NOON - timedelta(hours=3)
MANY = 1000


@dataclass(frozen=True, kw_only=True)
class World:
    """What a story is about; `meta`, `generic` and `partner` are links."""

    casino: Webhooks
    receiver: Receiver
    meta: TrackingLink
    generic: TrackingLink
    partner: TrackingLink

    def work(self) -> None:
        """Review, book and deliver until nothing is left to do, as the workers would."""
        while review_pending_conversions(at=timezone.now(), limit=MANY):
            pass
        while book_due_commissions(at=timezone.now(), limit=MANY):
            pass
        while deliver_due_postbacks(clock=timezone.now):
            pass

    def told_to_meta(self) -> list[tuple[str, float | None]]:
        """Return event names and values, in order of name: requests leave side by side."""
        events = sorted(self.receiver.meta.accepted, key=lambda event: str(event["event_name"]))
        return [(event["event_name"], event.get("custom_data", {}).get("value")) for event in events]

    def told(self, path: str) -> list[str]:
        """Return what came to a URL template, in short: event, status and amount or payout."""
        queries = [request.query for request in self.receiver.requests(path)]
        return [f"{query['event']} {query['status']} {query['money']}" for query in queries]


def build_world(platform: Platform, receiver: Receiver) -> World:
    """Make the three campaigns; their offer takes players from Malta and Finland."""
    offer = make_offer(brand=platform.brand, countries=["MT", "FI"])
    meta = make_link(campaign=make_campaign(offer=offer))
    generic = make_link(campaign=make_campaign(offer=offer, source=make_source(click_id_parameter="gclid")))
    partner = make_link(
        campaign=make_campaign(offer=offer, source=make_source(click_id_parameter="click_id")),
        partner=make_partner(tag="lotus"),
    )
    plan = make_plan(currency="EUR")
    make_version(plan, cpa_amount=Decimal(120))
    make_partner_account(partner=partner.partner, plan=plan)
    of_meta = Destination.objects.create(
        name="Meta",
        kind=Destination.Kind.META,
        on_registration=True,
        dataset_id="1234567890",
        access_token="token",
    )
    template = (
        f"{receiver.url}/%s?event={{event}}&status={{status}}&id={{transaction_id}}&cid={{click_id}}&money={{%s}}"
    )
    of_generic = Destination.objects.create(
        name="Generic",
        kind=Destination.Kind.GENERIC,
        on_registration=True,
        on_deposit=True,
        url_template=template % ("s2s", "amount"),
    )
    limit_destination(of_meta, campaigns=[meta.campaign], partners=[])
    limit_destination(of_generic, campaigns=[generic.campaign], partners=[])
    Destination.objects.create(
        name="Lotus",
        kind=Destination.Kind.GENERIC,
        partner=partner.partner,
        requires_consent=False,
        url_template=template % ("partner", "payout"),
    )
    return World(casino=Webhooks(platform), receiver=receiver, meta=meta, generic=generic, partner=partner)


def click_on(link: TrackingLink, **columns: object) -> Click:
    """Store a click of three hours ago, with a fbclid where the source is Meta."""
    platform_click_ids = {"fbclid": "IwAR-Xy_9"} if link.campaign.source.click_id_parameter == "fbclid" else None
    return make_click(link, at=CLICKED_AT, platform_click_ids=platform_click_ids, **columns)
