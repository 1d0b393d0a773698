"""The page that a developer's link opens."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from conversions.admin.endpoints import dropped_in_words, outcome_of
from conversions.developers.requests import LOOKED_THROUGH, OUTCOMES, last_requests
from conversions.domain.advice import advice_on
from conversions.domain.developer_links import NoSuchLink, open_link
from conversions.models import IntakeRequest
from tracker_project.common.pages import plain_list

_MOST_ELEMENTS = 20


@never_cache
@require_safe
def requests_page(request: HttpRequest, token: str) -> HttpResponse:
    """Show a platform's last requests to whoever has its link; one that has ended is answered like one never given."""
    at = timezone.now()
    try:
        link = open_link(token, at=at)
    except NoSuchLink:
        return _guarded(TemplateResponse(request, "developers/ended.html", status=404))
    outcome = request.GET.get("show", "all")
    outcome = outcome if outcome in OUTCOMES else "all"
    page = last_requests(link.platform, outcome=outcome, before=_place(request.GET.get("before", "")))
    context = {
        "link": link,
        "now": at,
        "outcome": outcome,
        "outcomes": [(name, label) for name, (label, _) in OUTCOMES.items()],
        "rows": [_row(each) for each in page.requests],
        "next": f"{int(page.next[0].timestamp() * 1_000_000)}-{page.next[1]}" if page.next else "",
        "is_first_page": "before" not in request.GET,
        "looked_through": LOOKED_THROUGH,
        "kept_days": settings.RAW_REQUEST_DAYS,
    }
    return _guarded(TemplateResponse(request, "developers/requests.html", context))


def _guarded(response: HttpResponse) -> HttpResponse:
    """Keep the address, which opens the page, out of search engines and of other sites' logs."""
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _place(text: str) -> tuple[datetime, int] | None:
    """Return where a page begins; what is none of our places is the beginning."""
    microseconds, _, pk = text.partition("-")
    if not (microseconds.isascii() and microseconds.isdigit() and pk.isascii() and pk.isdigit()):
        return None
    if len(microseconds) > 16 or len(pk) > 18:
        return None
    whole, rest = divmod(int(microseconds), 1_000_000)
    return datetime.fromtimestamp(whole, tz=UTC).replace(microsecond=rest), int(pk)


def _row(request: IntakeRequest) -> dict[str, Any]:
    answers = request.answer if isinstance(request.answer, list) else [request.answer]
    return {
        "request": request,
        "outcome": outcome_of(request.status),
        "in_short": _in_short(request),
        "advice": advice_on(request.status, request.answer),
        "said": [plain_list(each) for each in request.content[:_MOST_ELEMENTS]],
        "answers": [plain_list(_flat(each)) for each in answers[:_MOST_ELEMENTS]],
        "more": max(0, max(len(answers), len(request.content)) - _MOST_ELEMENTS),
        "dropped": dropped_in_words(request.dropped) if request.dropped else "",
    }


def _in_short(request: IntakeRequest) -> str:
    """Return which event a request was about, so that he finds it in his own log."""
    if len(request.content) != 1:
        return f"{len(request.content)} events" if request.content else "Content not kept"
    event = request.content[0]
    named = [str(event[name]) for name in ("type", "event_id", "transaction_id", "player_id") if event.get(name)]
    return " · ".join(named) or "One event"


def _flat(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer with its error's parts as lines of their own."""
    error = answer.get("error")
    return {name: value for name, value in error.items() if value} if isinstance(error, dict) else answer
