"""One id for a landing and the background call of the same click, and landings that become clicks once."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString, TypeVar
from uuid import UUID

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from attribution.click_ids import new_uuid7
from attribution.domain.credit import Claim, credit_registration
from attribution.domain.partitions import ensure_click_partitions
from attribution.domain.pre_clicks import Settled, promote_pre_click, settle_pre_clicks
from attribution.edge.database import conninfo_of
from attribution.edge.pre_clicks import (
    Fetch,
    Landing,
    Owner,
    claim_for_background,
    claim_for_landing,
    promote,
    tell_consent,
    visit_key,
)
from attribution.models import Click, LandingEvent, PreClick
from campaigns.models import TrackingLink
from tests.world import click_id_of, make_link

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEY = "gclid:Cj0"

T = TypeVar("T")


@pytest.fixture
def link(transactional_db: None) -> TrackingLink:
    ensure_click_partitions(at=NOW, days_back=2, days_ahead=1)
    return make_link()


def uuid_at(at: datetime = NOW) -> UUID:
    return new_uuid7(int(at.timestamp() * 1000))


def facts_of(link: TrackingLink, **columns: Any) -> dict[str, Any]:
    facts = {
        "link_id": link.id,
        "campaign_id": link.campaign_id,
        "source_id": link.campaign.source_id,
        "offer_id": link.campaign.offer_id,
        "currency": "EUR",
        "routing_version": 7,
        "kind": "click",
        "outcome": "direct",
        "device": "phone",
        "country": "MT",
        "is_unique": True,
        "cost": "0.12345678",
        "platform_click_ids": {"gclid": 'C"j\\0'},
        "sub_id_1": "ünï\tcode",
    }
    return facts | columns


def landing_of(link: TrackingLink, *, uuid: UUID | None = None, **changes: Any) -> Landing:
    made = Landing(uuid or uuid_at(), link.id, link.campaign_id, KEY, "casino.example/", facts_of(link), None)
    return made._replace(**changes)


def asked(*works: Callable[[Fetch], Awaitable[T]]) -> list[T]:
    """Do each of the works on a connection of its own, all at once, as edges do."""

    async def one(work: Callable[[Fetch], Awaitable[T]]) -> T:
        conninfo = conninfo_of(connection.settings_dict)
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as own:

            async def fetch(statement: LiteralString, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
                cursor = await own.execute(statement, values)
                return await cursor.fetchall() if cursor.description else []

            return await work(fetch)

    async def all_at_once() -> list[T]:
        return await asyncio.gather(*map(one, works))

    return asyncio.run(all_at_once())


def land(landing: Landing, at: datetime = NOW) -> Owner:
    return asked(lambda fetch: claim_for_landing(fetch, landing, at=at))[0]


def _landing(landing: Landing) -> Callable[[Fetch], Awaitable[Owner]]:
    return lambda fetch: claim_for_landing(fetch, landing, at=NOW)


def call_in_background(link: TrackingLink, *, uuid: UUID | None = None, key: str = KEY) -> Owner:
    return asked(_background(link, uuid or uuid_at(), key))[0]


def _background(link: TrackingLink, uuid: UUID, key: str = KEY) -> Callable[[Fetch], Awaitable[Owner]]:
    return lambda fetch: claim_for_background(
        fetch, uuid, link_id=link.id, campaign_id=link.campaign_id, key=key, at=NOW
    )


def go_on(uuid: UUID, at: datetime = NOW, **routed: Any) -> bool:
    return asked(lambda fetch: promote(fetch, uuid, routed=routed, at=at))[0]


def make_event(link: TrackingLink, click: UUID, *, at: datetime = NOW, kind: str = "click_through") -> None:
    LandingEvent.objects.create(
        id=uuid_at(at), kind=kind, click=click, link=link, campaign=link.campaign, outcome="offer"
    )


def test_visit_key_is_the_first_platform_click_id():
    assert visit_key({"fbclid": "IwAR", "gclid": "Cj0"}, 7) == "fbclid:IwAR"


def test_visit_key_of_an_id_that_a_crowd_shares_has_the_visitor_in_it():
    assert visit_key({"wbraid": "Cl8"}, 7) == "wbraid:Cl8:7"
    assert visit_key({"wbraid": "Cl8", "ttclid": "E.C"}, 7) == "ttclid:E.C"
    assert visit_key({"wbraid": "Cl8"}, None) is None


def test_visit_key_of_no_platform_is_none():
    assert visit_key({}, 7) is None


def test_visit_key_of_a_long_or_strange_id_is_short():
    assert visit_key({"gclid": "x" * 2_000}, None) == (
        "gclid:sha256:e4e794cbd2d63d6e3b1a0c226f4b1543c23620822cab7d99daac129b5c8f9f03"
    )


def test_landing_has_an_id_of_its_own(link: TrackingLink):
    landing = landing_of(link, has_ad_consent=True)

    owner = land(landing)

    assert owner == Owner(uuid=landing.uuid, link_id=link.id, is_click=False, has_ad_consent=True, is_unique=True)
    assert PreClick.objects.values().get() == {
        "id": landing.uuid,
        "kind": "landing",
        "link_id": link.id,
        "campaign_id": link.campaign_id,
        "platform_click_id": KEY,
        "page": "casino.example/",
        "facts": facts_of(link),
        "has_ad_consent": True,
        "created_at": NOW,
        "promoted_at": None,
    }


def test_landing_that_is_loaded_anew_is_the_same_visit(link: TrackingLink):
    first = land(landing_of(link))

    again = land(landing_of(link, page="casino.example/other", has_ad_consent=True))

    assert again == first._replace(has_ad_consent=True)
    assert PreClick.objects.values_list("page", "has_ad_consent").get() == ("casino.example/", True)


def test_landings_without_a_platforms_click_id_are_visits_of_their_own(link: TrackingLink):
    first, second = land(landing_of(link, key=None)), land(landing_of(link, key=None))

    assert first.uuid != second.uuid
    assert PreClick.objects.count() == 2


def test_landing_of_another_campaign_never_takes_the_id(link: TrackingLink):
    other = make_link()
    first = land(landing_of(link))

    second = land(landing_of(other))

    assert (second.uuid != first.uuid, second.link_id) == (True, other.id)


def test_background_call_after_the_landing_takes_its_id(link: TrackingLink):
    landing = land(landing_of(link, has_ad_consent=False))

    called = call_in_background(link)

    assert called == Owner(uuid=landing.uuid, link_id=link.id, is_click=False, has_ad_consent=False, is_unique=True)
    go_on(landing.uuid)
    assert Click.objects.count() == 0  # its click is the caller's to store


def test_landing_after_the_background_call_takes_its_id(link: TrackingLink):
    other_link = make_link(campaign=link.campaign)
    called = call_in_background(link)

    landing = land(landing_of(other_link))

    assert called.is_click is False
    assert landing == Owner(uuid=called.uuid, link_id=link.id, is_click=True, has_ad_consent=None, is_unique=None)


def test_background_call_that_is_repeated_is_a_click_already(link: TrackingLink):
    first = call_in_background(link)

    again = call_in_background(link)

    assert again == Owner(uuid=first.uuid, link_id=link.id, is_click=True, has_ad_consent=None, is_unique=None)


def test_background_call_after_the_visitor_went_on_is_a_click_already(link: TrackingLink):
    landing = land(landing_of(link))
    go_on(landing.uuid)

    called = call_in_background(link)

    assert called == Owner(uuid=landing.uuid, link_id=link.id, is_click=True, has_ad_consent=None, is_unique=True)
    assert Click.objects.count() == 1


def test_landings_and_background_calls_at_the_same_instant_have_one_id_and_one_click(link: TrackingLink):
    landings = [_landing(landing_of(link)) for _ in range(8)]
    calls = [_background(link, uuid_at()) for _ in range(8)]

    owners = asked(*(work for pair in zip(landings, calls, strict=True) for work in pair))

    assert len({owner.uuid for owner in owners}) == 1
    assert sum(not owner.is_click for owner in owners[1::2]) == 1
    assert PreClick.objects.count() == 1


def test_promote_makes_the_landing_a_click_with_all_that_was_known(link: TrackingLink):
    landing = land(landing_of(link, has_ad_consent=True))

    go_on(landing.uuid, flow_id=5, offer_id=9)

    click = Click.objects.get()
    assert (click.id, click.link_id, click.flow_id, click.offer_id) == (landing.uuid, link.id, 5, 9)
    assert (click.kind, click.outcome, click.country, click.has_ad_consent) == ("click", "direct", "MT", True)
    assert str(click.cost) == "0.12345678"
    assert click.platform_click_ids == {"gclid": 'C"j\\0'}
    assert click.sub_id_1 == "ünï\tcode"
    assert PreClick.objects.get().promoted_at == NOW


def test_promote_makes_one_click_of_many_that_go_on_at_once(link: TrackingLink):
    landing = land(landing_of(link))

    promoted = asked(*[lambda fetch: promote(fetch, landing.uuid, routed={}, at=NOW)] * 8)

    assert sorted(promoted) == [False] * 7 + [True]
    assert Click.objects.count() == 1


def test_promote_does_nothing_for_what_is_no_landing(link: TrackingLink):
    go_on(uuid_at())

    assert Click.objects.count() == 0


def test_consent_that_a_landing_brings_reaches_the_click_that_was_there_before(link: TrackingLink):
    called = call_in_background(link)
    Click.objects.create(id=called.uuid, **facts_of(link))

    land(landing_of(link, has_ad_consent=True))

    assert Click.objects.get().has_ad_consent is True


def test_tell_consent_keeps_the_last_word(link: TrackingLink):
    landing = land(landing_of(link))
    asked(lambda fetch: tell_consent(fetch, landing.uuid, has_ad_consent=True))
    go_on(landing.uuid)

    asked(lambda fetch: tell_consent(fetch, landing.uuid, has_ad_consent=False))

    assert PreClick.objects.get().has_ad_consent is False
    assert Click.objects.get().has_ad_consent is False


def test_a_platform_click_id_stands_once_a_campaign(link: TrackingLink):
    columns = {"kind": "landing", "link": link, "campaign": link.campaign, "platform_click_id": KEY, "created_at": NOW}
    PreClick.objects.create(id=uuid_at(), **columns)

    with pytest.raises(IntegrityError, match="one_pre_click_per_platform_click_id"), transaction.atomic():
        PreClick.objects.create(id=uuid_at(), **columns)


def test_a_pre_click_is_a_landing_or_a_background_call(link: TrackingLink):
    with pytest.raises(IntegrityError, match="pre_click_kind_is_known"), transaction.atomic():
        PreClick.objects.create(id=uuid_at(), kind="other", link=link, campaign=link.campaign, created_at=NOW)


def test_registration_makes_its_landing_a_click(link: TrackingLink):
    landing = land(landing_of(link))
    claim = Claim(click_id=click_id_of(link, uuid=landing.uuid))

    credit = credit_registration(claim, registered_at=NOW + timedelta(hours=3))

    assert (credit.outcome, credit.click_uuid, credit.click_facts["sub_ids"]) == (
        "click",
        landing.uuid,
        {"1": "ünï\tcode"},
    )
    assert Click.objects.get().id == landing.uuid


def test_promote_pre_click_returns_the_click_also_when_it_is_one_already(link: TrackingLink):
    landing = land(landing_of(link))

    first, again = promote_pre_click(landing.uuid, at=NOW), promote_pre_click(landing.uuid, at=NOW)

    assert first == again == Click.objects.get()
    assert promote_pre_click(uuid_at(), at=NOW) is None


def test_settle_makes_a_click_of_a_landing_whose_visitor_went_on_while_postgres_was_away(link: TrackingLink):
    landing = land(landing_of(link))
    quiet = land(landing_of(link, key=None))
    make_event(link, landing.uuid)

    settled = settle_pre_clicks(at=NOW + timedelta(minutes=10))

    assert settled == Settled(promoted=1, deleted=0)
    assert Click.objects.get().id == landing.uuid
    assert PreClick.objects.get(id=quiet.uuid).promoted_at is None


def test_settle_does_not_take_a_view_for_going_on(link: TrackingLink):
    landing = land(landing_of(link))
    make_event(link, landing.uuid, kind="view")

    settle_pre_clicks(at=NOW + timedelta(minutes=10))

    assert Click.objects.count() == 0


def test_settle_forgets_after_24_hours_but_not_what_was_followed_in_an_old_spool(link: TrackingLink):
    followed = land(landing_of(link))
    land(landing_of(link, key=None))
    young = land(landing_of(link, key=None), at=NOW + timedelta(seconds=2))
    make_event(link, followed.uuid, at=NOW + timedelta(minutes=5))

    settled = settle_pre_clicks(at=NOW + timedelta(hours=24, seconds=1))

    assert settled == Settled(promoted=1, deleted=2)
    assert Click.objects.get().id == followed.uuid
    assert PreClick.objects.get().id == young.uuid


def test_settle_stores_a_landings_click_that_its_owner_lost(link: TrackingLink):
    landing = land(landing_of(link))
    call_in_background(link)

    early = settle_pre_clicks(at=NOW + timedelta(minutes=50))
    late = settle_pre_clicks(at=NOW + timedelta(minutes=70))
    again = settle_pre_clicks(at=NOW + timedelta(minutes=80))

    assert [run.promoted for run in (early, late, again)] == [0, 1, 0]
    assert Click.objects.get().id == landing.uuid


def test_settle_brings_consent_to_a_click_that_was_stored_after_it_was_said(link: TrackingLink):
    called = call_in_background(link)
    land(landing_of(link, has_ad_consent=True))
    Click.objects.create(id=called.uuid, **facts_of(link))

    settle_pre_clicks(at=NOW + timedelta(minutes=10))

    assert Click.objects.get().has_ad_consent is True
