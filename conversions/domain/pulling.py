"""Fetch measurement partners' reports: a round of pieces, each kept with the place where the next one begins."""

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Q

from conversions.domain.imports.staging import stage_file
from conversions.imports.tables import UnreadableFile
from conversions.models import Endpoint, Import, ReportPull
from conversions.pulls import adjust, appsflyer
from conversions.pulls.source import NotFetched, Piece, TooManyRows
from tracker_project.common.hints import hint_after_commit

log = structlog.get_logger(__name__)

EVERY = timedelta(hours=6)
LEASE = timedelta(minutes=10)
MOST_ROWS = 250_000
_RETRY_FIRST, _RETRY_MOST = timedelta(minutes=5), timedelta(hours=6)
_MOST_DONE = 5_000
_PIECES: dict[str, Callable[..., list[Piece]]] = {
    Endpoint.Dialect.APPSFLYER: appsflyer.pieces,
    Endpoint.Dialect.ADJUST: adjust.pieces,
}
DIALECTS = tuple(_PIECES)


def pull_due_reports(*, clock: Callable[[], datetime], for_seconds: float) -> None:
    """Fetch what is due, until nothing is or the time is over. Workers may run side by side, each on another app."""
    until = clock() + timedelta(seconds=for_seconds)
    while clock() < until and (pull := _claim(at=clock())) is not None:
        _pull(pull, clock=clock, until=until)


def pull_soon(pull: ReportPull, *, at: datetime) -> None:
    """Have a partner's reports fetched now rather than when they are due."""
    ReportPull.objects.filter(pk=pull.pk).update(next_pull_at=at)
    hint_after_commit("report_due")


@transaction.atomic
def _claim(*, at: datetime) -> ReportPull | None:
    free = Q(leased_until__isnull=True) | Q(leased_until__lte=at)
    due = ReportPull.objects.filter(free, is_active=True, next_pull_at__lte=at, endpoint__is_active=True)
    pull = (
        due.select_related("endpoint__platform__brand")
        .select_for_update(skip_locked=True, of=("self",))
        .order_by("next_pull_at")
        .first()
    )
    if pull is not None:
        pull.leased_until = at + LEASE
        pull.save(update_fields=["leased_until"])
    return pull


def _pull(pull: ReportPull, *, clock: Callable[[], datetime], until: datetime) -> None:
    """Go on with a round, that may have been broken off, until it is over, the time is, or a piece does not come."""
    started_at = datetime.fromisoformat(pull.position["started_at"]) if _is_under_way(pull) else clock()
    try:
        is_over = _fetch_pieces(pull, started_at, clock=clock, until=until)
    except (NotFetched, UnreadableFile) as error:
        _try_later(pull, error, at=clock())
        return
    if is_over:
        _end_round(pull, started_at, at=clock())
    else:
        ReportPull.objects.filter(pk=pull.pk).update(leased_until=None)


def _is_under_way(pull: ReportPull) -> bool:
    return "started_at" in pull.position


def _fetch_pieces(pull: ReportPull, started_at: datetime, *, clock: Callable[[], datetime], until: datetime) -> bool:
    """Fetch and stage the pieces of a round that are missing yet; whether that was all."""
    done = list(pull.position.get("done", []))
    waiting = deque(piece for piece in _PIECES[pull.endpoint.dialect](pull, at=started_at) if piece.name not in done)
    while waiting:
        if clock() >= until:
            return False
        piece = waiting.popleft()
        try:
            content = piece.fetch()
        except TooManyRows as cut_off:
            waiting.extendleft(reversed([part for part in cut_off.parts if part.name not in done]))
            continue
        done = [*done, piece.name][-_MOST_DONE:]
        _keep(pull, piece, content, {"started_at": started_at.isoformat(), "done": done}, at=clock())
    return True


@transaction.atomic
def _keep(pull: ReportPull, piece: Piece, content: bytes, position: dict[str, object], *, at: datetime) -> None:
    """Stage a piece for recording, and the round's place behind it, both or neither; one without news leaves none."""
    with transaction.atomic():
        file = stage_file(content, _import_of(pull, piece, at), at=at, most_rows=MOST_ROWS)
        if not file.rows_count:
            transaction.set_rollback(True)
    pull.position = {**pull.position, **position}
    pull.leased_until = at + LEASE
    pull.save(update_fields=["position", "leased_until"])
    log.info("report_fetched", report_pull=pull.pk, rows=file.rows_count, passed_over=file.rows_passed_over)


def _import_of(pull: ReportPull, piece: Piece, at: datetime) -> Import:
    return Import(
        platform=pull.endpoint.platform,
        endpoint=pull.endpoint,
        pull=pull,
        layout=pull.endpoint.dialect,
        origin=Import.Origin.PULL,
        state=Import.State.IMPORTING,
        file_name=piece.name,
        uploaded_at=at,
        confirmed_at=at,
    )


def _try_later(pull: ReportPull, error: Exception, *, at: datetime) -> None:
    pause = min(_RETRY_FIRST * 2 ** min(pull.tries, 10), _RETRY_MOST)
    pull.tries += 1
    pull.trouble = str(error)[:300]
    pull.next_pull_at = getattr(error, "retry_at", None) or at + pause
    pull.leased_until = None
    pull.save(update_fields=["tries", "trouble", "next_pull_at", "leased_until"])
    log.warning("report_not_fetched", report_pull=pull.pk, tries=pull.tries, reason=pull.trouble)


def _end_round(pull: ReportPull, started_at: datetime, *, at: datetime) -> None:
    known = []
    if pull.endpoint.dialect == Endpoint.Dialect.ADJUST:
        known = adjust.known_after(pull, list(pull.position.get("done", [])), at=started_at)
    pull.position = {"known": known} if known else {}
    pull.pulled_until = started_at.date()
    pull.last_pulled_at, pull.next_pull_at = at, started_at + EVERY
    pull.tries, pull.trouble, pull.leased_until = 0, "", None
    pull.save(
        update_fields=["position", "pulled_until", "last_pulled_at", "next_pull_at", "tries", "trouble", "leased_until"]
    )
    log.info("report_round_over", report_pull=pull.pk, until=pull.pulled_until.isoformat())
