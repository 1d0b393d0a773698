"""Whether an advertising platform has allowed a campaign's gambling offers, country by country."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from campaigns.domain.concerns import Concern, Level, Span, Standing, coverage, in_days

# The platforms that show gambling to nobody without a written permission or certificate.
ASKING_PLATFORMS = {"meta": "Meta", "google": "Google", "tiktok": "TikTok"}


@dataclass(frozen=True, kw_only=True)
class Permission:
    """What a platform has allowed: a country, and where it named them a domain and an offer."""

    country: str
    domain: str = ""
    offer_id: int | None = None
    span: Span


@dataclass(frozen=True, kw_only=True)
class Account:
    """The advertising account that a campaign is run from."""

    name: str
    platform: str
    permissions: tuple[Permission, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Advertised:
    """An offer that a campaign advertises: in which countries, and the hosts that its visitors see."""

    offer_id: int
    name: str
    countries: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


def permission_concerns(
    *, platform: str, account: Account | None, advertised: Sequence[Advertised], on: date
) -> list[Concern]:
    """Return where a campaign has no permission of its source's platform, or not for long.

    A permission holds for an offer in a country on a day; it holds for all offers and domains where it names none,
    and a domain takes its subdomains along. An offer that names no country needs any permission at all.
    """
    asking = ASKING_PLATFORMS.get(platform)
    if asking is None:
        return []
    if account is None:
        text = f"{asking} asks for a permission to advertise gambling: choose the account that has it."
        return [Concern(level=Level.MISSING, label="No account", text=text)]
    if account.platform != platform:
        text = f"The account “{account.name}” is not one of {asking}, where the campaign's source is."
        return [Concern(level=Level.MISSING, label="Wrong account", text=text)]
    found = [
        _concern(asking, account, offer, country, on=on) for offer in advertised for country in offer.countries or ("",)
    ]
    return list(dict.fromkeys(concern for concern in found if concern))


def _concern(asking: str, account: Account, offer: Advertised, country: str, *, on: date) -> Concern | None:
    matching = [each for each in account.permissions if _is_for(each, offer) and country in ("", each.country)]
    stands = coverage((each.span for each in matching), on=on)
    where = country or "any country"
    named = f"{asking}'s permission for “{offer.name}” in {where}"
    match stands.standing:
        case Standing.NONE:
            return _missing(asking, account, offer, country)
        case Standing.ENDED:
            text = f"{named} ended on {stands.day}."
            return Concern(level=Level.MISSING, label="Permission ended", text=text, place=where)
        case Standing.BEGINS:
            text = f"{named} begins on {stands.day}."
            return Concern(level=Level.MISSING, label="No permission yet", text=text, place=where)
    if stands.is_ending(on) and stands.day is not None:
        text = f"{named} {in_days(stands.day, on=on)}."
        return Concern(level=Level.ENDING, label=f"Permission ends {stands.day}", text=text, place=where)
    return None


def _missing(asking: str, account: Account, offer: Advertised, country: str) -> Concern:
    where = country or "any country"
    there = [each for each in account.permissions if country in ("", each.country)]
    others = sorted({each.country for each in account.permissions if _is_for(each, offer)})
    if there:
        limits = sorted({each.domain or "another offer" for each in there})
        why = f"what it has allowed there is for {', '.join(limits)}"
    elif others:
        why = f"it has allowed {', '.join(others)} only"
    else:
        why = f"the account “{account.name}” has none"
    text = f"{asking} has not allowed “{offer.name}” in {where}: {why}."
    return Concern(level=Level.MISSING, label="No permission", text=text, place=where)


def _is_for(permission: Permission, offer: Advertised) -> bool:
    if permission.offer_id not in (None, offer.offer_id):
        return False
    domain = permission.domain.lower()
    return not domain or any(host == domain or host.endswith(f".{domain}") for host in offer.hosts)
