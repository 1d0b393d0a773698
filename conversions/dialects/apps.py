"""What measurement partners say of the app and of what its owner allowed, in our words."""

import re

from conversions.dialects.dialect import Fields
from conversions.dialects.postback import first_of
from conversions.models import AppSystem, AttStatus

# Apple's own numbers, as Adjust passes them on, and its words, as AppsFlyer does.
_ATT = {
    "0": AttStatus.NOT_DETERMINED,
    "1": AttStatus.RESTRICTED,
    "2": AttStatus.DENIED,
    "3": AttStatus.AUTHORIZED,
    "not_determined": AttStatus.NOT_DETERMINED,
    "notdetermined": AttStatus.NOT_DETERMINED,
    "restricted": AttStatus.RESTRICTED,
    "denied": AttStatus.DENIED,
    "authorized": AttStatus.AUTHORIZED,
}
_SYSTEMS = {
    **dict.fromkeys(("ios", "ipados", "itunes", "app_store"), AppSystem.IOS),
    **dict.fromkeys(("android", "google", "google_play"), AppSystem.ANDROID),
}
_IOS_APP = re.compile(r"(id)?[0-9]+", re.ASCII)


def app_system_of(fields: Fields, *, systems: tuple[str, ...], app_ids: tuple[str, ...]) -> str:
    """Return on what the app runs: as the partner says, else as its id in the store tells, else unknown."""
    named = _SYSTEMS.get(first_of(fields, systems).casefold())
    app_id = first_of(fields, app_ids)
    if named or not app_id:
        return named or AppSystem.UNKNOWN
    return AppSystem.IOS if _IOS_APP.fullmatch(app_id) else AppSystem.ANDROID if "." in app_id else AppSystem.UNKNOWN


def att_status_of(fields: Fields, names: tuple[str, ...]) -> str:
    """Return what the owner allowed, "" where nothing is said that we know; AppsFlyer marks its own guesses by af_."""
    return _ATT.get(first_of(fields, names).casefold().removeprefix("af_"), "")
