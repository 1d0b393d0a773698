"""Writes the routing tables of a measurement: run as a program with the number of links, prints their codes."""

import json
import os
import sys

import django


def write_routes(links: int) -> list[str]:
    """Make one campaign with that many links in Django's database; return the links' codes."""
    from campaigns.models import Brand, Campaign, Creative, Offer, TrackingLink, TrafficSource

    source = TrafficSource.objects.create(
        name="Meta Ads", click_id_parameter="fbclid", cost_parameter="cost", keyword_parameter="keyword"
    )
    offer = Offer.objects.create(
        name="Casino",
        brand=Brand.objects.create(name="Casino", currency="EUR"),
        url="https://casino.example/play?cid={click_id}&sub={sub_id_1}&c={country}&campaign={campaign}",
        currency="EUR",
    )
    campaign = Campaign.objects.create(name="Spring", source=source, offer=offer, currency="EUR")
    creative = Creative.objects.create(campaign=campaign, name="Red banner")
    made = [TrackingLink(code=f"bench{number:03}", campaign=campaign, creative=creative) for number in range(links)]
    return [link.code for link in TrackingLink.objects.bulk_create(made)]


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker_project.settings")
    django.setup()
    print(json.dumps(write_routes(int(sys.argv[1]))))
