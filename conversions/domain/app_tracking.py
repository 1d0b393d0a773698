"""What a player's iPhone allowed an app to do (App Tracking Transparency), as measurement partners report it.

The web and Android ask nothing. The latest word stands, in whichever order the words come; of two at one instant the
refusal.
"""

from datetime import datetime

from django.db.models import Q

from conversions.models import AppSystem, AttStatus, Install, Player
from tracker_project.common.prepared import fetch, made

_SAID = ("id", "app_system", "att_status", "installed_at")
_INSTALLS_BY_CLICK = f"""
    SELECT {", ".join(_SAID)} FROM installs
     WHERE platform_id = %s AND click_uuid = %s AND app_system <> '' ORDER BY installed_at, id"""  # noqa: S608

# A player with several devices is treated as the strictest of them asks.
_STRICTER_THAN = {
    AppSystem.UNKNOWN: [""],
    AppSystem.ANDROID: ["", AppSystem.UNKNOWN],
    AppSystem.IOS: ["", AppSystem.UNKNOWN, AppSystem.ANDROID],
}


def allows_tracking(player: Player) -> bool:
    """Tell whether signals may follow from what a player did: in an app that may be an iPhone's only if it asked."""
    if player.app_system in ("", AppSystem.ANDROID):
        return True
    return bool(player.att_status == AttStatus.AUTHORIZED)


def note_app(player: Player, *, system: str, att_status: str, reported_at: datetime) -> None:
    """Keep that a player uses an app on `system`, and what it was allowed where `att_status` says so; idempotent."""
    if not system:
        return
    row = Player.objects.filter(pk=player.pk)
    row.filter(app_system__in=_STRICTER_THAN[AppSystem(system)]).update(app_system=system)
    if att_status:
        is_newer = Q(att_reported_at=None) | Q(att_reported_at__lt=reported_at)
        is_stricter = Q(att_reported_at=reported_at, att_status=AttStatus.AUTHORIZED)
        row.filter(is_newer | is_stricter).update(att_status=att_status, att_reported_at=reported_at)
    player.refresh_from_db(fields=["app_system", "att_status", "att_reported_at"])


def note_install(install: Install) -> None:
    """Keep what an install says of the app with those whom it is about: the player it names, and who came by its click.

    Call in the transaction that records it.
    """
    whose = Q(pk=install.player_id)
    if install.click_uuid is not None:
        whose |= Q(platform=install.platform_id, click_uuid=install.click_uuid)
    for player in Player.objects.filter(whose).order_by("pk"):
        _note(player, install)


def note_earlier_installs(player: Player) -> None:
    """Keep what the installs by a player's click said before he registered; call with him locked."""
    if player.click_uuid is None:
        return
    for row in fetch(_INSTALLS_BY_CLICK, [player.platform_id, player.click_uuid]):
        _note(player, made(Install, _SAID, row))


def _note(player: Player, install: Install) -> None:
    note_app(player, system=install.app_system, att_status=install.att_status, reported_at=install.installed_at)
