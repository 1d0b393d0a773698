"""Chains of alternative offers come to an end."""

import pytest

from campaigns.domain.alternatives import AlternativesInACircle, circle_of, refuse_circle
from tests.world import make_offer


@pytest.mark.parametrize(
    ("following", "circle"),
    [
        ({1: 2}, []),
        ({1: 2, 2: 3, 3: None}, []),
        ({1: 2, 2: 1}, [1, 2, 1]),
        ({1: 2, 2: 3, 3: 1}, [1, 2, 3, 1]),
        ({1: 2, 2: 3, 3: 2}, []),
    ],
    ids=["ends", "ends further on", "two", "three", "a circle of others"],
)
def test_circle_of_finds_the_way_back(following: dict[int, int | None], circle: list[int]) -> None:
    assert circle_of(1, following) == circle


@pytest.mark.django_db
def test_refuse_circle_names_the_whole_circle() -> None:
    first = make_offer(name="A")
    third = make_offer(name="C", alternative=first)
    second = make_offer(name="B", alternative=third)

    with pytest.raises(AlternativesInACircle) as refused:
        refuse_circle(first, second)

    assert str(refused.value) == "These alternatives lead in a circle: “A” → “B” → “C” → “A”."
