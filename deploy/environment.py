"""What the processes find in their environment: the caller's, .env, and secrets made once."""

import base64
import os
import secrets
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.server import write_private

WEB_PORT = "8000"
EDGE_PORT = "8001"
SIMULATOR_PORT = "8090"
# Every variable that settings.py, the Procfile or restarter.sh read; .env.example explains them.
NAMES = (
    "SECRET_KEY",
    "CLICK_ID_KEYS",
    "FIELD_ENCRYPTION_KEYS",
    "PRIVATE_TOKEN_KEY",
    "DATABASE_URL",
    "REDIS_URL",
    "VAR_DIR",
    "WEB_PORT",
    "EDGE_PORT",
    "SIMULATOR_PORT",
    "DEMO",
    "DEBUG",
    "ALLOWED_HOSTS",
    "CSRF_TRUSTED_ORIGINS",
    "SECURE_SSL",
    "PUBLIC_WEB_URL",
    "PUBLIC_CLICK_URL",
    "REPORTING_CURRENCY",
    "QUARANTINE_DAYS",
    "RAW_REQUEST_DAYS",
    "TRUSTED_PROXIES",
    "GEOIP_PATH",
    "GEOIP_ASN_PATH",
    "GEOIP_CONNECTION_PATH",
    "GEOIP_ACCOUNT_ID",
    "GEOIP_LICENSE_KEY",
    "MAXMIND_BASE_URL",
    "GEOIP_SOURCE",
    "GEOIP_ASN_SOURCE",
    "GEOIP_CONNECTION_SOURCE",
    "APPLE_DEVELOPMENT_POSTBACKS",
    "EGRESS_ALLOWED_ADDRESSES",
    "EGRESS_PROXIES",
    "META_BASE_URL",
    "META_API_VERSION",
    "GOOGLE_BASE_URL",
    "GOOGLE_TOKEN_URL",
    "GOOGLE_ADS_BASE_URL",
    "GOOGLE_ADS_API_VERSION",
    "TIKTOK_BASE_URL",
    "APPSFLYER_BASE_URL",
    "APPSFLYER_REPORTS_URL",
    "ADJUST_BUCKETS_URL",
    "POSTBACK_DISPATCHERS",
    "EMAIL_HOST",
    "EMAIL_PORT",
    "EMAIL_HOST_USER",
    "EMAIL_HOST_PASSWORD",
    "EMAIL_USE_TLS",
    "EMAIL_FROM",
    "NOTIFY_EMAILS",
    "LOG_LEVEL",
    "LOG_FORMAT",
)
SECRETS: dict[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(50),
    "CLICK_ID_KEYS": lambda: secrets.token_hex(32),
    "FIELD_ENCRYPTION_KEYS": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    "PRIVATE_TOKEN_KEY": lambda: secrets.token_hex(32),
}
# Less than this and the servers would stop at their first checkpoint.
LEAST_FREE_BYTES = 200 * 1024 * 1024


class UnusableSetup(Exception):
    """Something outside the tracker keeps it from starting; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """One checkout of the tracker, with the folder that it writes to."""

    root: Path
    var: Path
    variables: dict[str, str]

    @property
    def logs(self) -> Path:
        return self.var / "log"

    @property
    def is_demo(self) -> bool:
        return self.variables.get("DEMO", "1") != "0"

    @property
    def web_port(self) -> int:
        return _port(self.variables, "WEB_PORT")

    @property
    def edge_port(self) -> int:
        return _port(self.variables, "EDGE_PORT")


def read_checkout(root: Path, *, environment: Mapping[str, str]) -> Checkout:
    """Read .env under the caller's environment; an empty variable counts as unset.

    Raises UnusableSetup for a line of .env that cannot be read.
    """
    given = {name: value for name, value in environment.items() if value != ""}
    variables = read_variables(root / ".env") | given
    variables = _defaults(variables) | variables
    var = Path(root, variables.get("VAR_DIR", "var")).resolve()
    return Checkout(root=root, var=var, variables=variables | {"VAR_DIR": str(var)})


def with_secrets(checkout: Checkout) -> dict[str, str]:
    """Return the variables with all secrets, of which var/local.env keeps those made here."""
    path = checkout.var / "local.env"
    kept = read_variables(path)
    made = {name: make() for name, make in SECRETS.items() if name not in kept and name not in checkout.variables}
    if made:
        write_private(path, _as_text(kept | made))
    return {**kept, **made, **checkout.variables}


def write_variables(path: Path, variables: Mapping[str, str]) -> None:
    """Write a file that a shell can read in, for its owner's eyes only."""
    write_private(path, _as_text(variables))


def read_variables(path: Path) -> dict[str, str]:
    """Read NAME=value lines, quoted as in a shell; without the file there are none."""
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return {}
    variables = {}
    for number, line in enumerate(lines, start=1):
        words = _split(line)
        if not words:
            continue
        name, equals, value = words[0].partition("=")
        if len(words) > 1 or not equals or not name.isidentifier():
            raise UnusableSetup(f"Line {number} of {path} is not NAME=value: put quotes around values with blanks.")
        if value:
            variables[name] = value
    return variables


def make_folders(checkout: Checkout) -> None:
    """Make var/ and try to write there; raise UnusableSetup when nothing can be kept there."""
    try:
        checkout.logs.mkdir(parents=True, exist_ok=True)
        probe = checkout.var / "probe.unfinished"
        probe.write_bytes(bytes(1024 * 1024))
        probe.unlink()
    except OSError as error:
        raise UnusableSetup(_explain(error, checkout.var)) from error
    state = os.statvfs(checkout.var)
    free_bytes = state.f_bavail * state.f_frsize
    if free_bytes < LEAST_FREE_BYTES:
        raise UnusableSetup(
            f"The disk that holds {checkout.var} is full ({free_bytes // 2**20} MB left): "
            f"free {LEAST_FREE_BYTES // 2**20} MB, or set VAR_DIR to a folder elsewhere."
        )


def _defaults(variables: Mapping[str, str]) -> dict[str, str]:
    ports = {"WEB_PORT": WEB_PORT, "EDGE_PORT": EDGE_PORT, "SIMULATOR_PORT": SIMULATOR_PORT}
    chosen = ports | {name: variables[name] for name in ports if name in variables}
    local = chosen | {
        "PUBLIC_WEB_URL": f"http://127.0.0.1:{chosen['WEB_PORT']}",
        "PUBLIC_CLICK_URL": f"http://127.0.0.1:{chosen['EDGE_PORT']}",
    }
    if variables.get("DEMO", "1") == "0":
        return local
    simulator = f"http://127.0.0.1:{chosen['SIMULATOR_PORT']}"
    return local | {
        "TRUSTED_PROXIES": "127.0.0.1/32,::1/128",
        "EGRESS_ALLOWED_ADDRESSES": "127.0.0.0/8",
        "META_BASE_URL": f"{simulator}/meta",
        "GOOGLE_BASE_URL": f"{simulator}/google",
        "GOOGLE_TOKEN_URL": f"{simulator}/google/token",
        "GOOGLE_ADS_BASE_URL": f"{simulator}/google-ads",
        "TIKTOK_BASE_URL": f"{simulator}/tiktok",
        "APPSFLYER_BASE_URL": f"{simulator}/appsflyer",
    }


def _port(variables: Mapping[str, str], name: str) -> int:
    text = variables[name]
    if not (text.isdigit() and 0 < int(text) < 65536):
        raise UnusableSetup(f"{name} is {text!r}: set it to a port, a number from 1 to 65535.")
    return int(text)


def _split(line: str) -> list[str]:
    try:
        words = shlex.split(line, comments=True)
    except ValueError:  # an open quote
        return ["", line]
    return words[1:] if words[:1] == ["export"] else words


def _as_text(variables: Mapping[str, str]) -> str:
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in sorted(variables.items()))


def _explain(error: OSError, var: Path) -> str:
    if "No space left" in str(error):
        return f"The disk that holds {var} is full: free some space, or set VAR_DIR to a folder elsewhere."
    return f"{var} cannot be written: start as its owner, or set VAR_DIR to a folder of yours."
