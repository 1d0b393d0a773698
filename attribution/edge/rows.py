"""A click as one line of COPY's text format: the same in a batch for Postgres and in the spool."""

from attribution.edge.parameters import SUB_IDS

NULL = "\\N"
COLUMNS = (
    "id",
    "link_id",
    "campaign_id",
    "creative_id",
    "partner_id",
    "source_id",
    "offer_id",
    "currency",
    "routing_version",
    "kind",
    "country",
    "region",
    "city",
    "device",
    "os",
    "browser",
    "network",
    "referrer_host",
    "platform_click_ids",
    "external_id",
    "keyword",
    "placement",
    "cost",
    *SUB_IDS,
)
COPY_CLICKS = f"COPY clicks ({', '.join(COLUMNS)}) FROM STDIN"


_ESCAPES = dict.fromkeys((*range(32), 127)) | {0x5C: "\\\\", 0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r"}


def column(value: str | None) -> str:
    """Return a value as it stands in a line; control characters that Postgres might refuse are dropped."""
    if value is None:
        return NULL
    if value.isalnum():
        return value
    return value.translate(_ESCAPES) if not value.isprintable() else value.replace("\\", "\\\\")
