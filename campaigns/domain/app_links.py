"""Links to apps: which measurement service or store an address belongs to, and where our click id has to stand in it.

AppsFlyer hands `clickid` back, Adjust `label` (`adj_label` in branded links), Google Play what stands in `referrer`.
Apple's `ct` takes 40 characters and our click id has 48: no store link of Apple carries it.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import SplitResult, quote, unquote, urlsplit

CLICK_ID = "{click_id}"
_PLAY_APP = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+")
_APPLE_APP = re.compile(r"(?:id)?([0-9]{6,12})")
_TOKEN = re.compile(r"[A-Za-z0-9_]{4,32}")
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_LONGEST_PID = 150


class AppService(StrEnum):
    """Who opens the app's page for the visitor."""

    APPSFLYER = "appsflyer"
    ONELINK = "onelink"
    ADJUST = "adjust"
    ADJUST_BRANDED = "adjust_branded"
    GOOGLE_PLAY = "google_play"
    APP_STORE = "app_store"


class UnusableAppLink(Exception):
    """An app link that would lose the click id, or cannot be built; the message says what to mend."""


@dataclass(frozen=True, kw_only=True)
class AppLink:
    """What an address is: the service's name for people, what keeps it from working, and what to know of it."""

    service: AppService
    name: str
    faults: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()


_NAMES = {
    AppService.APPSFLYER: "AppsFlyer link",
    AppService.ONELINK: "AppsFlyer OneLink",
    AppService.ADJUST: "Adjust link",
    AppService.ADJUST_BRANDED: "Adjust branded link",
    AppService.GOOGLE_PLAY: "Google Play link",
    AppService.APP_STORE: "Apple App Store link",
}


def read_app_link(url: str) -> AppLink | None:
    """Return what kind of app link `url` is and what is wrong with it; None where it leads to no app."""
    try:
        parts = urlsplit(url)
        service = _service_of(parts)
    except ValueError:
        return None
    if service is None:
        return None
    faults = [] if parts.scheme == "https" else ["App links have to begin with https://."]
    query = _raw_query(parts.query)
    advice: list[str] = []
    match service:
        case AppService.APPSFLYER | AppService.ONELINK:
            faults += _appsflyer_faults(query)
        case AppService.ADJUST:
            faults += _adjust_faults(query, "label", parts)
            advice += _tamperable(query, "")
        case AppService.ADJUST_BRANDED:
            faults += _adjust_faults(query, "adj_label", parts)
            advice += _tamperable(query, "adj_")
        case AppService.GOOGLE_PLAY:
            faults += _play_faults(query)
        case AppService.APP_STORE:
            faults += _apple_faults(query)
            advice.append(
                "No store link of Apple carries the click id: players are credited by promo code or by an AppsFlyer "
                "or Adjust link in its place."
            )
    return AppLink(service=service, name=_NAMES[service], faults=tuple(faults), advice=tuple(advice))


def build_app_link(service: AppService, app: str, *, pid: str = "", host: str = "") -> str:
    """Return the address for an app with the click id in its place; raise `UnusableAppLink` where it cannot be built.

    `app` is the app's id: a package for Google Play, digits for Apple, AppsFlyer's app id, the template of a OneLink,
    Adjust's link token. `pid` is AppsFlyer's name for the media source; `host` that of a OneLink or a branded link.
    """
    app, pid, host = app.strip(), pid.strip(), host.strip().lower()
    match service:
        case AppService.APPSFLYER | AppService.ONELINK:
            return _build_appsflyer(service, app, pid, host)
        case AppService.ADJUST:
            _need(_TOKEN.fullmatch(app), "Write Adjust's link token, letters and digits, such as abc123.")
            return f"https://app.adjust.com/{app}?campaign={{campaign}}&creative={{creative}}&label={CLICK_ID}"
        case AppService.ADJUST_BRANDED:
            _need(_TOKEN.fullmatch(app), "Write Adjust's link token, letters and digits, such as abc123.")
            _need(host.endswith((".adj.st", ".go.link")) and _HOST.fullmatch(host), "Write the host, as brand.go.link.")
            return f"https://{host}/?adj_t={app}&adj_campaign={{campaign}}&adj_label={CLICK_ID}"
        case AppService.GOOGLE_PLAY:
            _need(_PLAY_APP.fullmatch(app), "Write the app's package, such as com.casino.app.")
            return f"https://play.google.com/store/apps/details?id={app}&referrer=click_id%3D{CLICK_ID}"
        case AppService.APP_STORE:
            found = _APPLE_APP.fullmatch(app)
            _need(found, "Write the app's number in the App Store, such as id123456789.")
            return f"https://apps.apple.com/app/id{found[1] if found else ''}"


def _build_appsflyer(service: AppService, app: str, pid: str, host: str) -> str:
    _need(pid and len(pid) <= _LONGEST_PID, f"AppsFlyer needs pid, your name there, of {_LONGEST_PID} characters most.")
    query = f"?pid={quote(pid, safe='')}&c={{campaign}}&clickid={CLICK_ID}"
    if service == AppService.ONELINK:
        _need(_TOKEN.fullmatch(app), "Write the OneLink's template, the four letters after its host.")
        _need(host.endswith(".onelink.me") and _HOST.fullmatch(host), "Write the host, as brand.onelink.me.")
        return f"https://{host}/{app}{query}"
    is_app = _PLAY_APP.fullmatch(app) or re.fullmatch(r"id[0-9]{6,12}", app)
    _need(is_app, "Write AppsFlyer's app id: the package, or id and the number of an iOS app.")
    return f"https://app.appsflyer.com/{app}{query}"


def _need(condition: object, sentence: str) -> None:
    if not condition:
        raise UnusableAppLink(sentence)


def _service_of(parts: SplitResult) -> AppService | None:
    host = (parts.hostname or "").lower()
    if host == "app.appsflyer.com":
        return AppService.APPSFLYER
    if host.endswith(".onelink.me"):
        return AppService.ONELINK
    if host == "app.adjust.com":
        return AppService.ADJUST
    if host.endswith((".adj.st", ".go.link")):
        return AppService.ADJUST_BRANDED
    if host == "play.google.com" and parts.path.startswith("/store/apps/"):
        return AppService.GOOGLE_PLAY
    if host in ("apps.apple.com", "itunes.apple.com"):
        return AppService.APP_STORE
    return None


def _raw_query(query: str) -> dict[str, str]:
    """Return the parameters as they are written: a macro whose braces are percent-encoded is not filled in."""
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return {unquote(name): value for name, _, value in pairs}


def _appsflyer_faults(query: dict[str, str]) -> list[str]:
    faults = []
    pid = unquote(query.get("pid", ""))
    if not pid:
        faults.append("AppsFlyer credits nobody without pid, your name there: add pid=… to the link.")
    elif len(pid) > _LONGEST_PID:
        faults.append(f"AppsFlyer takes {_LONGEST_PID} characters as pid; this one has {len(pid)}.")
    return faults + _placed(query, "clickid", "AppsFlyer")


def _adjust_faults(query: dict[str, str], field: str, parts: SplitResult) -> list[str]:
    faults = []
    if field == "label" and not parts.path.strip("/"):
        faults.append("The link has no token: Adjust's links look like https://app.adjust.com/abc123.")
    return faults + _placed(query, field, "Adjust")


def _placed(query: dict[str, str], field: str, service: str) -> list[str]:
    """Return what is wrong unless `field` holds the click id and nothing else."""
    if query.get(field) == CLICK_ID:
        return []
    others = sorted(name for name, value in query.items() if CLICK_ID in value)
    instead = f" (it stands in {', '.join(others)} now)" if others else ""
    return [f"{service} hands the click id back from {field} alone: write {field}={CLICK_ID}{instead}."]


def _tamperable(query: dict[str, str], prefix: str) -> list[str]:
    callbacks = sorted(name for name in query if name.startswith(prefix) and name.endswith("_callback"))
    if not callbacks:
        return []
    return [f"Whoever sees the link can change {', '.join(callbacks)}: set callbacks up in Adjust's dashboard instead."]


def _play_faults(query: dict[str, str]) -> list[str]:
    faults = [] if query.get("id") else ["The link names no app: Google Play's links have id=com.casino.app."]
    referrer = query.get("referrer", "")
    if CLICK_ID not in referrer:
        faults.append(
            "The app reads the click id from Google Play's referrer alone: add "
            f"referrer=click_id%3D{CLICK_ID} (%3D is the sign = inside of it)."
        )
    elif "=" in referrer:
        faults.append("What stands in referrer has to be encoded once more: write = as %3D and & as %26 inside of it.")
    return faults


def _apple_faults(query: dict[str, str]) -> list[str]:
    holding = sorted(name for name, value in query.items() if CLICK_ID in value)
    if not holding:
        return []
    return [
        f"Apple takes 40 characters as ct and drops the rest; the click id has 48 and would arrive cut off in "
        f"{', '.join(holding)}: take it out, or use an AppsFlyer or Adjust link."
    ]
