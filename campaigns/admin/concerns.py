"""What buyers are warned of, as labels in lists and as sentences on pages."""

from collections.abc import Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from campaigns.domain.concerns import Concern
from tracker_project.common.pages import NOTHING

_MOST_LABELS = 2
_MOST_PLACES = 4


def as_labels(concerns: Sequence[Concern]) -> SafeString | str:
    """Return the worst concerns as labels, one a kind with all its places, each with its sentences when pointed at."""
    if not concerns:
        return NOTHING
    kinds: dict[tuple[str, str], list[Concern]] = {}
    for concern in concerns:
        kinds.setdefault((concern.level, concern.label), []).append(concern)
    labels = [
        (level, "\n".join(dict.fromkeys(each.text for each in alike)), _with_places(name, alike))
        for (level, name), alike in kinds.items()
    ]
    shown = format_html_join(
        " ", '<span class="tracker-pill tracker-pill-{}" title="{}">{}</span>', labels[:_MOST_LABELS]
    )
    left = len(labels) - _MOST_LABELS
    more = format_html("<small>and {} more</small>", left) if left > 0 else ""
    return format_html('<span class="tracker-pills">{} {}</span>', shown, more)


def _with_places(label: str, concerns: Sequence[Concern]) -> str:
    places = list(dict.fromkeys(concern.place for concern in concerns if concern.place))
    shown = places[:_MOST_PLACES] + ([f"{len(places) - _MOST_PLACES} more"] if len(places) > _MOST_PLACES else [])
    return f"{label}: {', '.join(shown)}" if shown else label
