"""Which offers a campaign's visitors may reach, and what buyers are warned of because of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import urlsplit

from campaigns.domain.concerns import Concern, Level, Span
from campaigns.domain.licences import LicensedPlace, licence_concerns, licensed_countries
from campaigns.domain.permissions import Account, Advertised, Permission, permission_concerns
from campaigns.models import Campaign, FlowLandingPage, FlowOffer, Licence, Offer, PlatformPermission


@dataclass(kw_only=True)
class _Reach:
    """The offers of a campaign by id, each with the hosts of the landing pages before it."""

    hosts: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))


def concerns_of(campaigns: Sequence[Campaign], *, on: date) -> dict[int, list[Concern]]:
    """Return what to know of each campaign's permissions and licences, by its id, the worst first.

    Asks the same number of questions for one campaign as for many; `source` and `advertising_account` of each are
    read, so select them.
    """
    reached = _reach_of(campaigns)
    offers = Offer.objects.in_bulk({offer for reach in reached.values() for offer in reach.hosts})
    licences = licences_of(offers)
    accounts = _accounts(campaigns)
    found = {}
    for campaign in campaigns:
        hosts = {offer: names for offer, names in reached[campaign.pk].hosts.items() if offer in offers}
        advertised = [_advertised(offers[offer], licences[offer], names, on=on) for offer, names in hosts.items()]
        concerns = permission_concerns(
            platform=campaign.source.platform,
            account=accounts.get(campaign.advertising_account_id),
            advertised=advertised,
            on=on,
        )
        for offer in hosts:
            concerns += offer_concerns(offers[offer], licences[offer], on=on)
        found[campaign.pk] = sorted(concerns, key=lambda concern: concern.level != Level.MISSING)
    return found


def offer_concerns(offer: Offer, licences: Sequence[LicensedPlace], *, on: date) -> list[Concern]:
    return licence_concerns(offer.name, licences, needs_licence=offer.is_licensed_only, on=on)


def licences_of(offers: Iterable[int]) -> dict[int, list[LicensedPlace]]:
    """Return the licences of offers (by id)."""
    found: dict[int, list[LicensedPlace]] = defaultdict(list)
    for row in Licence.objects.filter(offer__in=set(offers)).order_by("country", "region", "city", "id"):
        found[row.offer_id].append(
            LicensedPlace(
                country=row.country,
                region=row.region,
                city=row.city,
                jurisdiction=row.jurisdiction,
                number=row.number,
                span=Span(since=row.valid_from, until=row.valid_until),
            )
        )
    return found


def _reach_of(campaigns: Sequence[Campaign]) -> dict[int, _Reach]:
    reached = {campaign.pk: _Reach() for campaign in campaigns}
    pages = defaultdict(set)
    for flow, url in FlowLandingPage.objects.filter(flow__campaign__in=reached, flow__is_active=True).values_list(
        "flow_id", "landing_page__url"
    ):
        pages[flow].add(_host(url))
    for flow, campaign, offer in FlowOffer.objects.filter(flow__campaign__in=reached, flow__is_active=True).values_list(
        "flow_id", "flow__campaign_id", "offer_id"
    ):
        reached[campaign].hosts[offer] |= pages[flow]
    for row in campaigns:
        if row.offer_id:
            reached[row.pk].hosts[row.offer_id] |= set()
    following = dict(Offer.objects.exclude(alternative=None).values_list("pk", "alternative_id"))
    for reach in reached.values():
        for offer in list(reach.hosts):
            _follow(reach, offer, following)
    return reached


def _follow(reach: _Reach, offer: int, following: Mapping[int, int | None]) -> None:
    """Add the offers that take over when a cap is reached."""
    seen = {offer}
    step = following.get(offer)
    while step is not None and step not in seen:
        reach.hosts[step] |= reach.hosts[offer]
        seen.add(step)
        step = following.get(step)


def _advertised(offer: Offer, licences: Sequence[LicensedPlace], hosts: set[str], *, on: date) -> Advertised:
    countries = licensed_countries(licences, on=on) | (set() if offer.is_licensed_only else set(offer.countries))
    return Advertised(
        offer_id=offer.pk,
        name=offer.name,
        countries=tuple(sorted(countries)),
        hosts=tuple(sorted(hosts | {_host(offer.url)})),
    )


def _accounts(campaigns: Sequence[Campaign]) -> dict[int | None, Account]:
    chosen = {row.advertising_account for row in campaigns if row.advertising_account}
    allowed: dict[int, list[Permission]] = defaultdict(list)
    for row in PlatformPermission.objects.filter(account__in=chosen).order_by("country", "id"):
        span = Span(since=row.valid_from, until=row.valid_until)
        allowed[row.account_id].append(
            Permission(country=row.country, domain=row.domain, offer_id=row.offer_id, span=span)
        )
    return {
        account.pk: Account(name=account.name, platform=account.platform, permissions=tuple(allowed[account.pk]))
        for account in chosen
    }


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:  # an open bracket, which no browser would follow either
        return ""
