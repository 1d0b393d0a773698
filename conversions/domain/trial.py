"""Trying a destination with an event of nobody's, while a person waits for the answer."""

from dataclasses import dataclass
from datetime import datetime

import structlog

from conversions.domain.delivery import ADAPTERS, ANSWER_CHARACTERS, scrub
from conversions.models import Destination
from conversions.postbacks.adapter import NotAuthorized, Outcome, Verdict
from tracker_project.common.egress import NoAnswer, refuse_inside_transaction, send

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What was sent, secrets masked, what came back, and what that means."""

    request: str
    http_status: int | None
    answer: str
    verdict: Verdict


def try_destination(destination: Destination, *, at: datetime) -> Trial:
    """Send a test event and return what came of it; raises `Unsendable` where a kind has none. Nothing is stored.

    Refuses to work inside a transaction.
    """
    refuse_inside_transaction()
    adapter = ADAPTERS[destination.kind]
    prepared = adapter.build_test_request(destination, at=at)
    log.info("destination_tried", destination=destination.pk)
    try:
        if prepared.authorization is not None:
            prepared = prepared.authorization.apply(prepared)
        answer = send(prepared.request)
    except NotAuthorized as error:
        return Trial(request=prepared.shown, http_status=None, answer="", verdict=error.verdict)
    except NoAnswer as error:
        verdict = Verdict(outcome=Outcome.RETRY, reason=str(error))
        return Trial(request=prepared.shown, http_status=None, answer="", verdict=verdict)
    text = scrub(answer.body.decode(errors="replace"), prepared.secrets)[:ANSWER_CHARACTERS]
    return Trial(
        request=prepared.shown, http_status=answer.status, answer=text, verdict=adapter.classify_answer(answer)
    )
