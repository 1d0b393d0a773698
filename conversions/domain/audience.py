"""Who may hear of a conversion: the destinations whose limits its credit lies within."""

from conversions.models import Conversion, Destination
from tracker_project.common.prepared import columns_of, fetch, made

# Secrets are not needed here, and cost their decryption.
_SECRETS = {"access_token", "google_credentials", "headers", "signing_secret"}
_DESTINATION = tuple(name for name in columns_of(Destination) if name not in _SECRETS)
_OF_PARTNER = f"""
    SELECT {", ".join(_DESTINATION)} FROM destinations
     WHERE (is_active OR disabled_reason <> '')
       AND (only_campaign_ids IS NULL OR only_campaign_ids @> ARRAY[%s]::bigint[])
       AND (source_id IS NULL OR source_id = %s)
       AND (only_partner_ids IS NULL OR only_partner_ids @> ARRAY[%s]::bigint[]) AND partner_id = %s
     ORDER BY id"""  # noqa: S608
_WITHOUT_PARTNER = _OF_PARTNER.replace("partner_id = %s", "partner_id IS NULL")


class Audience:
    """Who may hear of conversions, beside partners: read once for all that are credited to the same."""

    def __init__(self) -> None:
        self._known: dict[tuple[int | None, ...], list[Destination]] = {}

    def of(self, conversion: Conversion) -> list[Destination]:
        credited = (conversion.campaign_id, conversion.source_id, conversion.partner_id)
        if credited not in self._known:
            self._known[credited] = destinations_without_partner(conversion)
        return self._known[credited]


def destinations_without_partner(conversion: Conversion) -> list[Destination]:
    """Return whom a conversion may be told, beside its partner."""
    return _destinations(conversion, _WITHOUT_PARTNER)


def destinations_of_partner(conversion: Conversion, partner_id: int) -> list[Destination]:
    """Return where a partner may hear of a conversion."""
    return _destinations(conversion, _OF_PARTNER, partner_id)


def _destinations(conversion: Conversion, sql: str, *parameters: int) -> list[Destination]:
    """Return who may hear of a conversion; one that the tracker paused keeps its rows until it is mended."""
    rows = fetch(sql, [conversion.campaign_id, conversion.source_id, conversion.partner_id, *parameters])
    return [made(Destination, _DESTINATION, row) for row in rows]
