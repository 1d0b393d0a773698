"""Delivery that goes on until nothing is due, however busy the machine is."""

import time
from datetime import datetime

from conversions.domain.dispatch import deliver_due_postbacks
from conversions.models import Postback

PATIENCE_SECONDS = 20


def deliver_all(at: datetime) -> None:
    """Send what is due at an instant, and wait for late answers: a run leaves them to threads of their own."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    deliver_due_postbacks(clock=lambda: at)
    while Postback.objects.filter(state="pending", next_attempt_at__lte=at).exists() and time.monotonic() < give_up_at:
        time.sleep(0.02)
        deliver_due_postbacks(clock=lambda: at)
