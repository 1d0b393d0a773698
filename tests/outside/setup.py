"""What the demo data left for the outside world, and the environment in which the tracker's commands run."""

import ipaddress
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deploy.environment import UnusableSetup, read_checkout, read_variables

ROOT = Path(__file__).resolve().parent.parent.parent
COMMAND_SECONDS = 60


class TrackerUnreachable(Exception):
    """The tracker cannot be reached or used; the message says in one sentence what to do."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """A tracking link and where its traffic comes from; `partner` is a tag."""

    code: str
    campaign: str
    campaign_id: int
    creative: str | None
    partner: str | None
    source: str
    click_id_parameter: str
    cost_parameter: str
    offer_url: str
    offer_revenue: Decimal
    promo_code: str


@dataclass(frozen=True, kw_only=True)
class PartnerTerms:
    """What a partner gets for a first deposit."""

    tag: str
    name: str
    cpa_amount: Decimal
    currency: str


@dataclass(frozen=True, kw_only=True)
class Demo:
    """Everything that the outside world was told."""

    web_url: str
    click_url: str
    receiver_port: int
    platform_slug: str
    secret: str
    links: list[Link]
    partners: dict[str, PartnerTerms]
    meta_dataset_id: str
    meta_access_token: str
    visitor_networks: dict[str, ipaddress.IPv4Network]

    def links_of(self, source_word: str) -> list[Link]:
        """Return the links whose source's name has the word, such as Meta."""
        links = [link for link in self.links if source_word.lower() in link.source.lower()]
        if not links:
            raise TrackerUnreachable(f"The demo has no link of a source called {source_word}: run manage.py load_demo.")
        return links


def find_demo_file(path: str | None) -> Path:
    """Return the file that `--config` names, else demo.json in the tracker's own folder."""
    if path:
        return Path(path)
    return _checkout_var() / "demo.json"


def read_demo(path: Path) -> Demo:
    """Read what the demo data wrote; raise TrackerUnreachable with what to do when it cannot be read."""
    try:
        told = json.loads(path.read_text(), parse_float=Decimal)
        return _parse_demo(told)
    except FileNotFoundError:
        raise TrackerUnreachable(f"{path} does not exist: run ./restarter.sh, which loads the demo data.") from None
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise TrackerUnreachable(
            f"{path} cannot be used ({type(error).__name__}: {error}): remove it and run ./restarter.sh."
        ) from error


def require_answers(demo: Demo) -> None:
    """Raise TrackerUnreachable unless somebody listens where webhooks and clicks go."""
    for process, url in (("web process", demo.web_url), ("click edge", demo.click_url)):
        address = urlsplit(url)
        port = address.port or (443 if address.scheme == "https" else 80)
        try:
            socket.create_connection((address.hostname or "", port), timeout=5).close()
        except OSError:
            raise TrackerUnreachable(f"The tracker's {process} does not answer at {url}: run ./restarter.sh.") from None


def run_command(arguments: Sequence[str], *, environment: Mapping[str, str]) -> str:
    """Run a `manage.py` command in the tracker's environment and return what it printed.

    Raises TrackerUnreachable with the command's last words when it fails.
    """
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TrackerUnreachable(f"manage.py {arguments[0]} did not finish in {COMMAND_SECONDS} s.") from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise TrackerUnreachable(f"manage.py {arguments[0]} failed: {said[-1]}")
    return done.stdout


def command_environment() -> dict[str, str]:
    """Return the environment of the running tracker's processes, as restarter.sh keeps it in var/run.env.

    What is not kept there comes from the caller, so that a tracker started by hand can be played as well.
    """
    try:
        kept = read_variables(_checkout_var() / "run.env")
    except UnusableSetup as error:
        raise TrackerUnreachable(str(error)) from error
    return dict(os.environ) | kept


def _checkout_var() -> Path:
    try:
        return read_checkout(ROOT, environment=os.environ).var
    except UnusableSetup as error:
        raise TrackerUnreachable(str(error)) from error


def _parse_demo(told: dict[str, Any]) -> Demo:
    partners = [_parse_partner(partner) for partner in told["partners"]]
    return Demo(
        web_url=told["web_url"].rstrip("/"),
        click_url=told["click_url"].rstrip("/"),
        receiver_port=urlsplit(told["receiver_url"]).port or 80,
        platform_slug=told["platform"]["slug"],
        secret=told["platform"]["secret"],
        links=[_parse_link(link) for link in told["links"]],
        partners={partner.tag: partner for partner in partners},
        meta_dataset_id=told["meta"]["dataset_id"],
        meta_access_token=told["meta"]["access_token"],
        visitor_networks={
            country: ipaddress.IPv4Network(network) for country, network in told["visitor_networks"].items()
        },
    )


def _parse_link(told: dict[str, Any]) -> Link:
    return Link(
        code=told["code"],
        campaign=told["campaign"],
        campaign_id=told["campaign_id"],
        creative=told.get("creative"),
        partner=told.get("partner"),
        source=told["source"],
        click_id_parameter=told["click_id_parameter"],
        cost_parameter=told.get("cost_parameter") or "",
        offer_url=told["offer_url"],
        offer_revenue=Decimal(told["offer_revenue"]),
        promo_code=told.get("promo_code") or "",
    )


def _parse_partner(told: dict[str, Any]) -> PartnerTerms:
    return PartnerTerms(
        tag=told["tag"], name=told["name"], cpa_amount=Decimal(str(told["cpa_amount"])), currency=told["currency"]
    )
