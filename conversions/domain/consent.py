"""Whether a player's conversion may be signalled to a destination at all."""

from datetime import datetime

from conversions.domain.app_tracking import allows_tracking
from conversions.domain.jurisdictions import is_in_prohibited_jurisdiction
from conversions.models import Conversion, Destination, Player
from tracker_project.common.privacy import is_allowed

# All that a partner ever reads of it: the reason may be a self-exclusion, or a check for money laundering.
PARTNERS_WORD = "Not eligible."


def refusal_to_signal(conversion: Conversion, destination: Destination, *, at: datetime) -> str:
    """Return why a conversion may not be signalled there, or "" when it may. Reads the conversion's player.

    The reason is for the staff alone; a partner reads `PARTNERS_WORD`. A test goes to destinations in test mode alone:
    there it is shown to whoever watches, and counts nowhere.
    """
    player = conversion.player
    if (conversion.is_test or player.is_test) and not destination.is_in_test_mode(at=at):
        return "A test is sent in test mode only."
    if player.self_excluded_at is not None:
        return "The player excluded himself."
    if player.blocked_at is not None:
        return "The player is blocked."
    if is_in_prohibited_jurisdiction(player):
        return "The player belongs to a jurisdiction where this is prohibited."
    if not allows_tracking(player):
        return "The player's iPhone did not allow the app to track him."
    if destination.requires_consent and not has_consent(player):
        return "The player did not allow the use of his data for advertising."
    return ""


def has_consent(player: Player) -> bool:
    """Tell whether a player's data may be used for advertising.

    Unknown consent counts as refused where the law wants it asked for, and where the country is unknown.
    """
    return is_allowed(player.consent_ad_user_data, player_country(player).upper())


def player_country(player: Player) -> str:
    """Return the player's country: what the platform said, else where he clicked, else ""."""
    return player.country or str((player.click_facts or {}).get("country") or "")
