"""What an edge stores, each row one line of COPY's text format: the same in a batch for Postgres and in the spool."""

from collections.abc import Iterable
from typing import NamedTuple

from attribution.edge.parameters import SUB_IDS

NULL = "\\N"
_ESCAPES = dict.fromkeys((*range(32), 127)) | {0x5C: "\\\\", 0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r"}


class Table(NamedTuple):
    """A table that edges write, and its columns in the order of a line; partitioned by day on the first."""

    name: str
    columns: tuple[str, ...]
    copy_command: bytes


def _table(name: str, columns: tuple[str, ...]) -> Table:
    return Table(name, columns, f"COPY {name} ({', '.join(columns)}) FROM STDIN".encode())


CLICKS = _table(
    "clicks",
    (
        "id",
        *("link_id", "campaign_id", "creative_id", "partner_id", "source_id", "currency", "routing_version"),
        *("outcome", "flow_id", "landing_page_id", "offer_id", "licence_id"),
        *("kind", "visitor_key", "is_unique"),
        *("country", "region", "city"),
        *("device", "os", "os_version", "browser"),
        *("language", "isp", "asn", "connection_type", "hints", "has_ad_consent", "network", "referrer_host"),
        *("platform_click_ids", "external_id", "keyword", "placement"),
        *("cost", "original_cost", "original_currency", "exchange_rate", "exchange_rate_on", "exchange_rate_source"),
        *SUB_IDS,
    ),
)
LANDING_EVENTS = _table(
    "landing_events",
    ("id", "kind", "click", "link_id", "campaign_id", "landing_page_id", "offer_id", "cta", "outcome"),
)
IMPRESSIONS = _table(
    "impressions",
    (
        *("id", "link_id", "campaign_id", "creative_id", "partner_id", "source_id"),
        *("kind", "country", "device", "visitor_key", "external_id"),
    ),
)
TABLES = {table.name: table for table in (CLICKS, LANDING_EVENTS, IMPRESSIONS)}


def columns_of(values: Iterable[str | None]) -> str:
    return "\t".join([NULL if value is None else column(value) for value in values])


def column(value: str | None) -> str:
    """Return a value as it stands in a line; control characters that Postgres might refuse are dropped."""
    if value is None:
        return NULL
    if value.isalnum():
        return value
    return value.translate(_ESCAPES) if not value.isprintable() else value.replace("\\", "\\\\")
