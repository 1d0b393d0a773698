"""How far campaigns are with their goals."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from attribution.models import Click
from campaigns.models import Campaign, Goal

_SENT_ON = [Click.Outcome.OFFER, Click.Outcome.LANDING, Click.Outcome.DIRECT]


@dataclass(frozen=True, kw_only=True)
class GoalProgress:
    """A goal and what is reached of it since the campaign began."""

    goal: Goal
    reached: int

    @property
    def percent(self) -> int:
        return min(100, 100 * self.reached // self.goal.target)


def goals_of(campaign: Campaign, *, at: datetime) -> list[GoalProgress]:
    """Return the campaign's goals with what is reached: clicks, registrations, first deposits net of reversals."""
    goals = list(campaign.goals.order_by("id"))
    counts = _count_conversions(campaign) if goals else {}
    progress = []
    for goal in goals:
        is_clicks = goal.event == Goal.Event.CLICK
        reached = _count_clicks(campaign, at=at) if is_clicks else counts[goal.event]
        progress.append(GoalProgress(goal=goal, reached=reached))
    return progress


def _count_clicks(campaign: Campaign, *, at: datetime) -> int:
    """Count the visitors that were sent on from the campaign's first day on: partitions before it are not read."""
    clicks = Click.objects.clicked_between(campaign.created_at, at)
    return clicks.filter(campaign=campaign, kind=Click.Kind.CLICK, outcome__in=_SENT_ON).count()


def _count_conversions(campaign: Campaign) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FILTER (WHERE kind = 'registration' AND status NOT IN ('rejected', 'void')),
                   count(*) FILTER (WHERE is_first_deposit AND reversed_at IS NULL AND review_state <> 'rejected')
            FROM conversions WHERE campaign_id = %s AND NOT is_test
            """,
            [campaign.pk],
        )
        registrations, first_deposits = cursor.fetchone()
    return {Goal.Event.REGISTRATION: registrations, Goal.Event.FIRST_DEPOSIT: first_deposits}
