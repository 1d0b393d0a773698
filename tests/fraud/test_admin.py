"""Reviews in the admin: their reasons, and the decisions of a person."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from conversions.models import Conversion
from fraud.models import Review
from tests.affiliates.builders import make_deposit
from tests.world import NOON

pytestmark = pytest.mark.django_db

LIST = "/admin/fraud/review/"


@pytest.fixture
def alice() -> Client:
    """Alice is a superuser."""
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    return client


def text_of(response: Any) -> str:
    return str(response.content.decode())


def make_review(conversion: Conversion, verdict: str = "held") -> Review:
    reasons = [{"rule": "country", "text": "The player is from US; the offer takes MT."}]
    return Review.objects.create(conversion=conversion, verdict=verdict, reasons=reasons, created_at=NOON)


def test_list_waiting_shows_what_holds_a_conversion_now(alice: Client) -> None:
    held, decided = make_deposit(review_state="held"), make_deposit(review_state="approved")
    make_review(held)
    in_force = make_review(held)
    make_review(decided)

    response = alice.get(LIST, {"waiting": "1"})

    assert list(response.context["cl"].result_list) == [in_force]
    assert "The player is from US; the offer takes MT." in text_of(response)


def test_approve_asks_for_a_reason(alice: Client) -> None:
    conversion = make_deposit(review_state="held")
    review = make_review(conversion)

    asked = alice.get(f"{LIST}{review.pk}/approve/")
    refused = alice.post(f"{LIST}{review.pk}/approve/", {"reason": " "})

    conversion.refresh_from_db()
    assert "The conversion counts" in text_of(asked)
    assert "This field is required." in text_of(refused)
    assert conversion.review_state == "held"


def test_approve_decides_with_the_persons_name_and_reason(alice: Client) -> None:
    conversion = make_deposit(review_state="held")
    review = make_review(conversion)

    response = alice.post(f"{LIST}{review.pk}/approve/", {"reason": "A tourist."}, follow=True)

    decided = Review.objects.order_by("-id").first()
    conversion.refresh_from_db()
    assert conversion.review_state == "approved"
    assert decided is not None
    assert (decided.verdict, decided.reasons, decided.decided_by) == (
        "approved",
        [{"rule": "person", "text": "A tourist."}],
        User.objects.get(username="alice"),
    )
    assert f"Approved: deposit number {conversion.pk}" in text_of(response)


def test_reject_takes_the_conversion_out(alice: Client) -> None:
    conversion = make_deposit(review_state="held")
    review = make_review(conversion)

    alice.post(f"{LIST}{review.pk}/reject/", {"reason": "Stolen card."})

    conversion.refresh_from_db()
    assert conversion.review_state == "rejected"


def test_buttons_offer_only_what_would_change_something(alice: Client) -> None:
    review = make_review(make_deposit(review_state="approved"), verdict="approved")

    shown = text_of(alice.get(f"{LIST}{review.pk}/change/"))

    assert f"{LIST}{review.pk}/reject/" in shown
    assert f"{LIST}{review.pk}/approve/" not in shown


def test_deciding_is_refused_to_staff_who_may_only_look() -> None:
    conversion = make_deposit(review_state="held")
    review = make_review(conversion)
    bob = User.objects.create_user("bob", is_staff=True)
    bob.user_permissions.add(Permission.objects.get(codename="view_review"))
    client = Client()
    client.force_login(bob)

    response = client.post(f"{LIST}{review.pk}/approve/", {"reason": "please"})

    conversion.refresh_from_db()
    assert response.status_code == 403
    assert conversion.review_state == "held"
    assert f"{LIST}{review.pk}/approve/" not in text_of(client.get(f"{LIST}{review.pk}/change/"))
