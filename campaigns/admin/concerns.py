"""What buyers are warned of, as labels in lists and as sentences on pages."""

from collections.abc import Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from campaigns.domain.concerns import Concern
from tracker_project.common.pages import NOTHING

_MOST_LABELS = 2


def as_labels(concerns: Sequence[Concern]) -> SafeString | str:
    """Return the worst concerns as labels, each with its sentence when pointed at; a dash where there are none."""
    if not concerns:
        return NOTHING
    shown = format_html_join(
        " ",
        '<span class="tracker-pill tracker-pill-{}" title="{}">{}</span>',
        ((concern.level, concern.text, concern.label) for concern in concerns[:_MOST_LABELS]),
    )
    left = len(concerns) - _MOST_LABELS
    more = format_html("<small>and {} more</small>", left) if left > 0 else ""
    return format_html('<span class="tracker-pills">{} {}</span>', shown, more)
