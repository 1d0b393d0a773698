"""Ready addresses of the common trackers and networks, to start a generic destination from.

The parameters are those that each one documents for incoming postbacks; the host is the reader's own.
"""

from dataclasses import dataclass

from conversions.models import Destination


@dataclass(frozen=True, kw_only=True)
class ReadyTemplate:
    """What a new generic destination begins with; the words in capitals are to be replaced."""

    slug: str
    name: str
    url: str
    method: str = Destination.Method.GET
    body: str = ""
    headers: str = ""
    tells_corrections: bool = True
    note: str = ""


READY_TEMPLATES = (
    ReadyTemplate(
        slug="keitaro",
        name="Keitaro",
        url=(
            "https://YOUR-TRACKER.example/YOUR-KEY/postback?subid={external_id}&payout={value}&currency={value_currency}"
            "&tid={transaction_id}&status={status}&sale_status=approved&rejected_status=rejected"
        ),
        note="For registrations make another destination, with lead_status in place of sale_status.",
    ),
    ReadyTemplate(
        slug="voluum",
        name="Voluum",
        url=(
            "https://YOUR-TRACKER.example/postback?cid={external_id}&payout={value}&currency={value_currency}"
            "&txid={transaction_id}&et={event_name}"
        ),
        tells_corrections=False,
    ),
    ReadyTemplate(
        slug="bemob",
        name="BeMob",
        url=(
            "https://YOUR-TRACKER.example/postback?cid={external_id}&payout={value}&txid={transaction_id}"
            "&status={event_name}"
        ),
        tells_corrections=False,
    ),
    ReadyTemplate(
        slug="binom",
        name="Binom",
        url="https://YOUR-TRACKER.example/click.php?cnv_id={external_id}&payout={value}&cnv_status={event_name}",
        note="Binom's versions differ: compare the names with the postback page of your own.",
        tells_corrections=False,
    ),
    ReadyTemplate(
        slug="redtrack",
        name="RedTrack",
        url="https://YOUR-TRACKER.example/postback?clickid={external_id}&sum={value}&type={event_name}",
        tells_corrections=False,
    ),
    ReadyTemplate(
        slug="affise",
        name="Affise",
        url=(
            "https://YOUR-NETWORK.example/postback?clickid={external_id}&goal={event_name}&sum={value}"
            "&action_id={transaction_id}&status={status}"
        ),
        note="Affise numbers its statuses in some set-ups: map approved and rejected there.",
    ),
    ReadyTemplate(
        slug="json",
        name="JSON, signed",
        url="https://YOUR-SYSTEM.example/webhooks/conversions",
        method=Destination.Method.JSON,
        body=(
            '{"type": "conversion.{event}", "status": "{status}", "id": "{transaction_id}", "click": "{external_id}", '
            '"value": "{value}", "currency": "{value_currency}", "occurred_at": "{occurred_at}"}'
        ),
        note="Set a signing secret: the receiver verifies it with any library of Standard Webhooks.",
    ),
)
