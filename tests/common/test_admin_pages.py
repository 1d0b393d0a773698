"""Every list and form of the admin: who may open it, and that a list asks no more for three rows than for one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext

from affiliates.domain.booking import book_due_commissions
from affiliates.models import Commission, CommissionPlan, LedgerTransfer, PartnerAccount
from attribution.models import (
    BotRule,
    Click,
    CreditRule,
    Impression,
    LandingEvent,
    PreClick,
    SetAsideClick,
    StaffNetwork,
)
from campaigns.models import (
    AdvertisingAccount,
    Brand,
    Campaign,
    CampaignAlert,
    Cost,
    Creative,
    ExchangeRate,
    Flow,
    Goal,
    LandingPage,
    Licence,
    Offer,
    Partner,
    PlatformPermission,
    Scenario,
    TrackingDomain,
    TrackingLink,
    TrafficSource,
)
from conversions.domain.destination_limits import limit_destination
from conversions.domain.intake import record_event
from conversions.domain.reported import ReportedActivity, ReportedInstall, ReportedMilestone, ReportedMovement
from conversions.domain.requests import count_dropped_fields
from conversions.models import (
    Anomaly,
    ApiKey,
    AppPostback,
    AppPostbackConflict,
    Conversion,
    CreditIntervention,
    CustomerLtv,
    DailyActivity,
    DayReport,
    Destination,
    DeveloperLink,
    DroppedField,
    Endpoint,
    Import,
    ImportRow,
    InboxEvent,
    Install,
    IntakeRequest,
    Milestone,
    Movement,
    Platform,
    Player,
    PlayerMerge,
    Postback,
    PostbackAttempt,
    ProhibitedJurisdiction,
    ReportPull,
    SourceIdentifier,
    SourceWatch,
    TheftEvidence,
)
from fraud.models import Review
from tests.affiliates.builders import make_earning_deposit, make_partner_account, make_player
from tests.attribution.builders import make_impression, make_landing_event, make_pre_click
from tests.attribution.credit_builders import make_rule
from tests.campaigns.builders import (
    make_account,
    make_alert,
    make_domain,
    make_flow,
    make_landing_page,
    make_licence,
    make_permission,
    make_scenario,
    make_whole_campaign,
)
from tests.conversions.apple.signing import make_app_postback
from tests.conversions.builders import deposit, make_endpoint, register
from tests.conversions.imports.files import lines, record
from tests.world import NOON, make_campaign, make_click, make_creative, make_link, make_partner, make_platform
from tracker_project.common.money import Money
from tracker_project.common.pages import change_address, list_address

pytestmark = pytest.mark.django_db


def add_campaign() -> None:
    Goal.objects.create(campaign=make_whole_campaign(), event="click", target=10)


def add_link() -> None:
    campaign = make_campaign()
    make_link(campaign=campaign, creative=make_creative(campaign), partner=make_partner())


def add_cost() -> None:
    campaign = make_campaign()
    Cost.objects.create(
        campaign=campaign, creative=make_creative(campaign), on_date=NOON.date(), amount=5, currency="EUR"
    )


def add_rate() -> None:
    number = ExchangeRate.objects.count()
    ExchangeRate.objects.create(currency="USD", on_date=f"2026-10-{number + 1:02}", per_euro=1, source="bank")


def add_click() -> None:
    campaign = make_campaign()
    link = make_link(campaign=campaign, creative=make_creative(campaign), partner=make_partner())
    make_click(link, at=datetime.now(UTC), cost=Decimal("0.5"))


def add_set_aside() -> None:
    SetAsideClick.objects.create(line="?", reason="outside all days")


def add_event() -> None:
    platform = make_platform()
    register(platform)
    deposit(platform)


def add_anomaly() -> None:
    Anomaly.objects.create(
        platform=make_platform(), code="c", event_id="e", field="amount", held="1", reported="2", received_at=NOON
    )


def add_day_report() -> None:
    DayReport.objects.create(
        platform=make_platform(),
        event_id="day-1",
        on_date=datetime.now(UTC).date(),
        time_zone="UTC",
        counted_at=NOON,
        received_at=NOON,
        origin="api",
        is_current=True,
    )


def add_developer_link() -> None:
    giver = User.objects.create_user(f"giver-{DeveloperLink.objects.count()}")
    DeveloperLink.objects.create(
        platform=make_platform(),
        given_to="integrators",
        created_by=giver,
        created_at=NOON,
        expires_at=NOON + timedelta(days=7),
    )


def add_source_watch() -> None:
    SourceWatch.objects.create(platform=make_platform(), first_heard_at=NOON, last_heard_at=NOON, counted_until=NOON)


def add_app_postback() -> AppPostback:
    return make_app_postback(f"p-{AppPostback.objects.count()}")


def add_app_conflict() -> None:
    AppPostbackConflict.objects.create(
        postback=add_app_postback(), field="conversion_value", held=63, reported=1, received_at=NOON
    )


def add_source_identifier() -> None:
    identifier = str(10 + SourceIdentifier.objects.count())
    SourceIdentifier.objects.create(ad_network_id="com.example", identifier=identifier, campaign=make_campaign())


def add_endpoint() -> None:
    make_endpoint("keitaro", key=f"key-{Endpoint.objects.count()}")


def add_api_key() -> None:
    number = ApiKey.objects.count()
    ApiKey.objects.create(name=f"Program {number}", platform=make_platform(), key_hash=f"{number:064}")


def add_request() -> None:
    platform = make_platform()
    IntakeRequest.objects.create(
        platform=platform,
        endpoint=make_endpoint("keitaro", platform=platform, key=platform.slug),
        address="/postback/x",
        received_at=NOON,
        content=[{"subid": "1"}],
        dropped=["email:email"],
        status=400,
        answer={"error": {"code": "missing", "message": "subid is required.", "field": "subid"}},
    )
    count_dropped_fields(limit=10)


def add_import() -> None:
    record(lines(f"registration,2026-11-22,p-{Import.objects.count()},,,,,"), make_platform())


def add_report_pull() -> None:
    number = ReportPull.objects.count()
    endpoint = make_endpoint("appsflyer", key=f"pull-{number}")
    ReportPull.objects.create(
        endpoint=endpoint, app_id="com.casino", token="t", starts_on=NOON.date(), next_pull_at=NOON
    )


def add_facts() -> None:
    platform, link = make_platform(), make_link(partner=make_partner())
    deposit(platform)
    of: dict[str, Any] = {"occurred_at": NOON}
    money = Money(amount=Decimal(5), currency="EUR")
    events = [
        ReportedMilestone(**of, event_id="m", kind="sale", status="pending", click_id=make_click(link).click_id),
        ReportedMovement(**of, event_id="r", kind="refund", deposit_transaction_id="t-1", money=money),
        ReportedInstall(**of, event_id="i", install_id="i", activity="install", click_id=make_click(link).click_id),
        ReportedActivity(
            **of,
            event_id="a",
            player_id="p-1",
            on_date=NOON.date(),
            currency="EUR",
            mode="total",
            figures={"ngr": "-5"},
        ),
    ]
    for event in events:
        record_event(event, platform=platform, webhook_id=f"msg-{event.event_id}", at=NOON)


def make_destination() -> Destination:
    number = Destination.objects.count()
    destination = Destination.objects.create(
        name=f"Partner {number}",
        kind="generic",
        partner=make_partner(),
        url_template="https://partner.example/?c={click_id}",
    )
    limit_destination(destination, campaigns=[make_campaign()], partners=[])
    return destination


def add_jurisdiction() -> None:
    ProhibitedJurisdiction.objects.create(country=("FR", "US", "CN", "AE")[ProhibitedJurisdiction.objects.count()])


def add_destination() -> None:
    make_destination()


def add_postback() -> None:
    conversion = make_earning_deposit()
    postback = Postback.objects.create(
        destination=make_destination(),
        conversion=conversion,
        event="first_deposit",
        fact=f"first_deposit:{conversion.pk}",
        dedup_id="d",
        next_attempt_at=NOON,
        created_at=NOON,
    )
    PostbackAttempt.objects.create(
        postback=postback, started_at=NOON, latency_ms=12, http_status=503, outcome="retry", request="GET", answer="no"
    )


def add_review() -> None:
    decided_by = User.objects.create_user(f"judge{User.objects.count()}")
    reasons = [{"rule": "country", "text": "The player is from US."}]
    Review.objects.create(
        conversion=make_earning_deposit(), verdict="held", reasons=reasons, decided_by=decided_by, created_at=NOON
    )


def add_credit_rule() -> None:
    make_rule(campaign=make_campaign(), created_by=User.objects.create_user(f"maker{CreditRule.objects.count()}"))


def add_credit_by_staff() -> None:
    actor = User.objects.create_user(f"actor{CreditIntervention.objects.count()}")
    owner, taker = make_partner(), make_partner()
    player, other = make_player(), make_player()
    of: dict[str, Any] = {"player": player, "partner_before": owner, "partner_after": taker}
    CreditIntervention.objects.create(**of, kind="retag", reason="By contract", actor=actor, created_at=NOON)
    PlayerMerge.objects.create(player=player, other=other, reason="Same person", actor=actor, merged_at=NOON)
    figures = {"seconds_before": 5, "seconds_after": 60, "is_probable": False}
    TheftEvidence.objects.create(**of, **figures, kind="late_click", occurred_at=NOON, noticed_at=NOON)


def add_commission() -> None:
    make_earning_deposit()
    book_due_commissions(at=NOON, limit=10)


PAGES: dict[type[Model], Callable[[], Any]] = {
    TrafficSource: add_campaign,
    Offer: add_campaign,
    Brand: add_campaign,
    Campaign: add_campaign,
    CampaignAlert: make_alert,
    Flow: make_flow,
    LandingPage: make_landing_page,
    Scenario: make_scenario,
    Licence: make_licence,
    AdvertisingAccount: make_account,
    PlatformPermission: make_permission,
    TrackingDomain: make_domain,
    Partner: make_partner,
    Creative: add_link,
    TrackingLink: add_link,
    Cost: add_cost,
    ExchangeRate: add_rate,
    Click: add_click,
    SetAsideClick: add_set_aside,
    LandingEvent: lambda: make_landing_event(make_link()),
    Impression: lambda: make_impression(make_link()),
    PreClick: lambda: make_pre_click(make_link()),
    BotRule: lambda: BotRule.objects.create(kind="asn", pattern=str(64500 + BotRule.objects.count())),
    StaffNetwork: lambda: StaffNetwork.objects.create(network=f"192.0.2.{StaffNetwork.objects.count()}/32"),
    Platform: make_platform,
    InboxEvent: add_event,
    Anomaly: add_anomaly,
    DayReport: add_day_report,
    DeveloperLink: add_developer_link,
    SourceWatch: add_source_watch,
    AppPostback: add_app_postback,
    AppPostbackConflict: add_app_conflict,
    SourceIdentifier: add_source_identifier,
    Player: make_player,
    CreditRule: add_credit_rule,
    CreditIntervention: add_credit_by_staff,
    PlayerMerge: add_credit_by_staff,
    TheftEvidence: add_credit_by_staff,
    Conversion: add_event,
    CustomerLtv: add_event,
    Endpoint: add_endpoint,
    ApiKey: add_api_key,
    IntakeRequest: add_request,
    DroppedField: add_request,
    Import: add_import,
    ImportRow: add_import,
    ReportPull: add_report_pull,
    Milestone: add_facts,
    Movement: add_facts,
    Install: add_facts,
    DailyActivity: add_facts,
    Destination: add_destination,
    ProhibitedJurisdiction: add_jurisdiction,
    Postback: add_postback,
    Review: add_review,
    CommissionPlan: make_partner_account,
    PartnerAccount: make_partner_account,
    Commission: add_commission,
    LedgerTransfer: add_commission,
}
EACH = pytest.mark.parametrize(("model", "add"), PAGES.items(), ids=lambda value: getattr(value, "__name__", None))


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def alice() -> Client:
    """Alice is a superuser."""
    return client_of(User.objects.create_superuser("alice"))


@pytest.fixture
def charlie() -> Client:
    """Charlie is on the staff and may see nothing."""
    return client_of(User.objects.create_user("charlie", is_staff=True))


def queries_of(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        response = client.get(address)
    assert response.status_code == 200
    return len(queries)


def test_every_page_of_the_admin_is_tested_here() -> None:
    assert set(admin.site._registry) == {*PAGES, User, Group}


@EACH
def test_list_asks_as_many_queries_for_three_rows_as_for_one(alice: Client, model: Any, add: Any) -> None:
    add()
    alice.get(list_address(model))
    for_one = queries_of(alice, list_address(model))
    add()
    add()

    assert model.objects.count() >= 3
    assert queries_of(alice, list_address(model)) == for_one


@EACH
def test_list_and_form_open_for_a_superuser(alice: Client, model: Any, add: Any) -> None:
    add()
    row = model.objects.order_by("pk").first()

    assert alice.get(list_address(model)).status_code == 200
    assert alice.get(list_address(model), {"q": "x"}).status_code == 200
    assert alice.get(change_address(row)).status_code == 200


@EACH
def test_list_and_form_are_refused_to_staff_without_rights(charlie: Client, model: Any, add: Any) -> None:
    add()
    row = model.objects.order_by("pk").first()

    assert charlie.get(list_address(model)).status_code == 403
    assert charlie.get(change_address(row)).status_code == 403


@EACH
def test_list_asks_strangers_to_sign_in(client: Client, model: Any, add: Any) -> None:
    assert client.get(list_address(model)).status_code == 302


@pytest.mark.parametrize(
    "model",
    [
        Click,
        LandingEvent,
        Impression,
        PreClick,
        CampaignAlert,
        InboxEvent,
        Anomaly,
        DayReport,
        DeveloperLink,
        SourceWatch,
        AppPostback,
        AppPostbackConflict,
        Player,
        CreditRule,
        CreditIntervention,
        PlayerMerge,
        TheftEvidence,
        Conversion,
        IntakeRequest,
        DroppedField,
        Milestone,
        Movement,
        Install,
        DailyActivity,
        CustomerLtv,
        Postback,
        Review,
        Commission,
        LedgerTransfer,
    ],
    ids=lambda model: model.__name__,
)
def test_facts_are_neither_added_nor_changed_nor_deleted(alice: Client, model: Any) -> None:
    PAGES[model]()
    row = model.objects.order_by("pk").first()

    assert alice.get(f"{list_address(model)}add/").status_code == 403
    assert alice.post(change_address(row), {}).status_code == 403
    assert alice.post(change_address(row).replace("/change/", "/delete/"), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize(
    "model",
    [
        Click,
        LandingEvent,
        Impression,
        InboxEvent,
        AppPostback,
        Player,
        Conversion,
        Postback,
        Commission,
        LedgerTransfer,
    ],
    ids=lambda model: model.__name__,
)
def test_lists_of_facts_never_count(alice: Client, model: Any) -> None:
    PAGES[model]()
    table = model._meta.db_table

    with CaptureQueriesContext(connection) as queries:
        alice.get(list_address(model))

    counts = [query["sql"] for query in queries if "COUNT(" in query["sql"] and f'FROM "{table}"' in query["sql"]]
    assert counts == []


def test_admin_pages_name_a_content_security_policy_without_inline_scripts(alice: Client) -> None:
    response = alice.get("/admin/")

    assert "script-src 'self' 'unsafe-eval';" in response.headers["Content-Security-Policy"]
    assert "onclick=" not in response.content.decode()


def test_signing_in_leads_to_the_first_page(client: Client) -> None:
    User.objects.create_superuser("alice", password="correct horse battery")

    response = client.post("/admin/login/", {"username": "alice", "password": "correct horse battery"})

    assert response.headers["Location"] == "/admin/"
