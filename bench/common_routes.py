"""Writes the routing tables of a measurement: run as a program with the number of links, prints their codes.

One campaign routes by everything that costs an edge something: flows with filters, weights over two offers, licences,
caps that are far away, own rules for bots, visitors known by their key.
"""

import json
import os
import sys
from datetime import date
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from campaigns.models import Campaign, Offer, TrafficSource

COUNTRIES = ("MT", "FI", "DE", "BR")
# A parameter of each kind, so that an answer can be followed to its row.
OFFER_URL = "https://{host}/play?cid={{click_id}}&sub={{sub_id_1}}&c={{country}}&campaign={{campaign}}"
HOSTS = ("casino.example", "slots.example")
_OUT_OF_REACH = 1_000_000_000


def write_routes(links: int) -> list[str]:
    """Make one campaign with that many links in Django's database; return the links' codes."""
    from campaigns.models import Creative, TrackingLink

    campaign = _write_campaign(_write_source(), *_write_offers())
    _write_bot_rules()
    creative = Creative.objects.create(campaign=campaign, name="Red banner")
    made = [TrackingLink(code=f"bench{number:03}", campaign=campaign, creative=creative) for number in range(links)]
    return [link.code for link in TrackingLink.objects.bulk_create(made)]


def _write_source() -> "TrafficSource":
    from campaigns.models import SourceParameter, TrafficSource

    source = TrafficSource.objects.create(
        name="Meta Ads",
        platform="meta",
        click_id_parameter="fbclid",
        cost_parameter="cost",
        keyword_parameter="keyword",
        placement_parameter="placement",
    )
    SourceParameter.objects.create(source=source, name="sub_id_4", parameter="utm_content")
    return source


def _write_offers() -> list["Offer"]:
    """Make two offers that may be shown in every country of the load, and nowhere else."""
    from campaigns.models import Brand, Licence, Offer

    brand = Brand.objects.create(name="Casino", currency="EUR")
    offers = [
        Offer.objects.create(
            name=host, brand=brand, url=OFFER_URL.format(host=host), currency="EUR", is_licensed_only=True
        )
        for host in HOSTS
    ]
    for offer in offers:
        for country in COUNTRIES:
            Licence.objects.create(
                offer=offer,
                jurisdiction=f"Authority of {country}",
                number=f"{country}-1",
                country=country,
                valid_from=date(2020, 1, 1),
            )
    return offers


def _write_campaign(source: "TrafficSource", first: "Offer", second: "Offer") -> "Campaign":
    from campaigns.models import Campaign, Cap, Flow

    campaign = Campaign.objects.create(
        name="Spring",
        source=source,
        offer=first,
        currency="EUR",
        time_zone="Europe/Malta",
        uniqueness="visitor_key",
        uniqueness_hours=24,
    )
    bots = Flow.objects.create(campaign=campaign, name="Bots", kind="forced", action="nothing")
    phones = Flow.objects.create(campaign=campaign, name="Phones from Facebook", position=1)
    others = Flow.objects.create(campaign=campaign, name="Others with a click id", position=2)
    rest = Flow.objects.create(campaign=campaign, name="The rest", kind="default")
    bots.filters.create(field="bot", values=["yes"])
    phones.filters.create(field="country", values=["MT", "FI", "BR"])
    phones.filters.create(field="device", values=["phone", "tablet"])
    phones.filters.create(field="referrer", values=["*facebook.com", "*instagram.com"])
    phones.filters.create(field="platform_click_id", values=["fbclid"])
    others.filters.create(field="country", operator="is_not", values=["US", "GB"])
    others.filters.create(field="os", operator="is_not", values=["Linux"])
    others.filters.create(field="platform_click_id", values=["any"])
    for flow in (phones, others, rest):
        flow.flow_offers.create(offer=first, position=1, weight=70)
        flow.flow_offers.create(offer=second, position=2, weight=30)
    Cap.objects.create(campaign=campaign, event="click", period="day", limit=_OUT_OF_REACH)
    Cap.objects.create(offer=first, event="click", period="total", limit=_OUT_OF_REACH)
    return campaign


def _write_bot_rules() -> None:
    from attribution.models import BotRule

    BotRule.objects.create(kind="user_agent", pattern="HeadlessShop")
    BotRule.objects.create(kind="network", pattern="192.0.2.0/24")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker_project.settings")
    django.setup()
    print(json.dumps(write_routes(int(sys.argv[1]))))
