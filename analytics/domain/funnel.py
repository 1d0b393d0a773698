"""From click to first deposit, through an app or on the web: how many go each step, and how long they take.

Two cohorts. App: devices on which an app was installed in the period, counted once a platform, and what became of
whoever is known by the device or its click. Web: players who registered in the period without an app. Each is counted
under the campaign that is credited; later steps count whenever they came.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString

from django.db import connection

from attribution.click_ids import uuid_floor
from campaigns.models import Campaign
from tracker_project.common.time import day_bounds

ZONE = "UTC"

# A device's player is whom a touchpoint names with it, else with its click. `touchpoints` is indexed by both.
_APP: LiteralString = """
WITH devices AS (
    SELECT DISTINCT ON (platform_id, install_id)
           platform_id, install_id, installed_at, campaign_id, click_uuid, click_to_install_seconds
    FROM installs
    WHERE activity = 'install' AND NOT is_test AND installed_at >= %(starts_at)s AND installed_at < %(ends_at)s
    ORDER BY platform_id, install_id, installed_at, id
), owned AS (
    SELECT devices.*, coalesce(
        (SELECT min(player_id) FROM touchpoints t
         WHERE t.platform_id = devices.platform_id AND t.install_id = devices.install_id AND t.install_id <> ''),
        (SELECT min(player_id) FROM touchpoints t
         WHERE t.platform_id = devices.platform_id AND t.click_uuid = devices.click_uuid)
    ) AS player_id FROM devices
)
SELECT owned.campaign_id, count(*), count(player.registered_at), count(first.id),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY owned.click_to_install_seconds),
       count(owned.click_to_install_seconds),
       count(*) FILTER (WHERE owned.click_to_install_seconds < 10),
       count(*) FILTER (WHERE owned.click_to_install_seconds < 3600),
       count(*) FILTER (WHERE owned.click_to_install_seconds < 86400),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM player.registered_at - owned.installed_at)),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM first.occurred_at - player.registered_at))
FROM owned
LEFT JOIN players player ON player.id = owned.player_id AND NOT player.is_test AND player.registered_at IS NOT NULL
LEFT JOIN conversions first ON first.player_id = player.id AND first.is_first_deposit AND NOT first.is_test
GROUP BY owned.campaign_id
"""
_WEB: LiteralString = """
SELECT registration.campaign_id, count(*), count(first.id),
       percentile_cont(0.5) WITHIN GROUP (
           ORDER BY extract(epoch FROM registration.occurred_at - registration.clicked_at)),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM first.occurred_at - registration.occurred_at))
FROM conversions registration
LEFT JOIN conversions first
    ON first.player_id = registration.player_id AND first.is_first_deposit AND NOT first.is_test
WHERE registration.kind = 'registration' AND NOT registration.is_test
    AND registration.occurred_at >= %(starts_at)s AND registration.occurred_at < %(ends_at)s
    AND NOT EXISTS (SELECT FROM touchpoints t WHERE t.player_id = registration.player_id AND t.channel = 'install')
    AND NOT EXISTS (
        SELECT FROM touchpoints named JOIN touchpoints t
            ON t.platform_id = named.platform_id AND t.click_uuid = named.click_uuid AND t.channel = 'install'
        WHERE named.player_id = registration.player_id AND named.click_uuid IS NOT NULL AND named.how <> 'visitor')
GROUP BY registration.campaign_id
"""
_CLICKS: LiteralString = """
SELECT campaign_id, count(*) FROM clicks
WHERE id >= %(first)s AND id < %(last)s AND kind = 'click' AND outcome IN ('offer', 'landing', 'direct')
GROUP BY campaign_id
"""


@dataclass(frozen=True, kw_only=True)
class AppSteps:
    """A campaign's devices and how far they came; seconds are medians, None where there are none."""

    installs: int
    registrations: int
    first_deposits: int
    click_to_install_seconds: float | None
    timed: int
    within_10_seconds: int
    within_hour: int
    within_day: int
    install_to_registration_seconds: float | None
    registration_to_deposit_seconds: float | None


@dataclass(frozen=True, kw_only=True)
class WebSteps:
    """A campaign's players who came without an app, and how far they came."""

    registrations: int
    first_deposits: int
    click_to_registration_seconds: float | None
    registration_to_deposit_seconds: float | None


@dataclass(frozen=True, kw_only=True)
class CampaignFunnel:
    """One campaign's clicks in the period and its two ways on; no campaign: what nobody is credited with."""

    campaign: Campaign | None
    clicks: int
    app: AppSteps | None
    web: WebSteps | None


def funnels(*, first: date, last: date, campaign: Campaign | None = None) -> list[CampaignFunnel]:
    """Return the funnel of each campaign that had a click, install or registration on these UTC days, by name."""
    starts_at, ends_at = day_bounds(first, ZONE)[0], day_bounds(last, ZONE)[1]
    values = {"starts_at": starts_at, "ends_at": ends_at}
    app = {row[0]: _app_steps(row) for row in _rows(_APP, values)}
    web = {row[0]: _web_steps(row) for row in _rows(_WEB, values)}
    clicks = {row[0]: row[1] for row in _rows(_CLICKS, {"first": uuid_floor(starts_at), "last": uuid_floor(ends_at)})}
    named = {each.pk: each for each in Campaign.objects.filter(pk__in={*app, *web, *clicks} - {None})}
    found = [
        CampaignFunnel(campaign=named.get(pk), clicks=clicks.get(pk, 0), app=app.get(pk), web=web.get(pk))
        for pk in {*app, *web, *clicks}
        if campaign is None or pk == campaign.pk
    ]
    return sorted(found, key=lambda funnel: (funnel.campaign is None, funnel.campaign.name if funnel.campaign else ""))


def _rows(statement: LiteralString, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def _app_steps(row: Sequence[Any]) -> AppSteps:
    return AppSteps(
        installs=row[1],
        registrations=row[2],
        first_deposits=row[3],
        click_to_install_seconds=row[4],
        timed=row[5],
        within_10_seconds=row[6],
        within_hour=row[7],
        within_day=row[8],
        install_to_registration_seconds=_number(row[9]),
        registration_to_deposit_seconds=_number(row[10]),
    )


def _web_steps(row: Sequence[Any]) -> WebSteps:
    return WebSteps(
        registrations=row[1],
        first_deposits=row[2],
        click_to_registration_seconds=_number(row[3]),
        registration_to_deposit_seconds=_number(row[4]),
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
