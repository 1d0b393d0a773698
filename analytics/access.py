"""Who may see figures: whoever may see what they are counted from."""

from typing import Any

from django.contrib.auth.models import AnonymousUser

_FIGURES = ["campaigns.view_campaign", "campaigns.view_cost", "conversions.view_conversion"]


def may_see_figures(user: Any) -> bool:
    """Say whether a person may see the figures of campaigns: these come from campaigns, costs and conversions."""
    return not isinstance(user, AnonymousUser) and bool(user.has_perms(_FIGURES))


def may_see_app_installs(user: Any) -> bool:
    """Say whether a person may see the counts of Apple's postbacks: who may see the postbacks."""
    return not isinstance(user, AnonymousUser) and bool(user.has_perm("conversions.view_apppostback"))
