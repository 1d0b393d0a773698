"""What further reports of one lead or sale mean to an endpoint: which of them are events of their own."""

from dataclasses import replace

from conversions.dialects.dialect import derived_event_id
from conversions.domain.reported import Reported, ReportedMilestone
from conversions.models import Endpoint

_OWN_EVENTS = {
    Endpoint.Duplicates.NEW,
    Endpoint.Duplicates.TAGGED,
    Endpoint.Duplicates.EDIT,
    Endpoint.Duplicates.INCREMENT,
}


def with_duplicates(reported: Reported, endpoint: Endpoint) -> Reported:
    """Return a milestone with the event id that the endpoint's mode asks for; anything else as it is.

    Where further reports are events of their own, one that says exactly the same is still a retry of the first.
    """
    if not isinstance(reported, ReportedMilestone) or endpoint.duplicates not in _OWN_EVENTS:
        return reported
    terms = [f"{name}={value}" for name, value in sorted(reported.terms().items())]
    return replace(reported, event_id=derived_event_id(endpoint.dialect, reported.event_id, *terms))
