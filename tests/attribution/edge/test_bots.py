"""Who is no visitor: the operator's rules before the lists, both lists, and people whom neither may take for bots."""

import crawleruseragents
import pytest

from attribution.edge.bots import Judge
from attribution.edge.snapshot import BotRuleRow
from attribution.edge.user_agents import is_bot, read_user_agent
from attribution.edge.visitor import read_packed
from attribution.models import BotRule, Click
from tests.attribution.edge.in_app_browsers import IN_APP
from tests.attribution.edge.places import write_places
from tests.attribution.edge.serving import IPHONE, within_two_seconds
from tests.world import make_link


def judged(*rules, header=IPHONE, address="198.51.100.7", asn=64500, referrer="shop.example"):
    judge = Judge([BotRuleRow(*rule) for rule in rules], [])
    raw = header.encode()
    return judge.is_bot(raw, read_user_agent(raw), packed=read_packed(address), asn=asn, referrer=referrer)


@pytest.mark.parametrize("header", IN_APP)
def test_people_in_apps_are_people(header):
    assert not is_bot(header)


def test_in_app_browsers_here_are_many_and_some_carriers_write_other_letters():
    assert len(set(IN_APP)) >= 40
    assert sum(not header.isascii() for header in IN_APP) >= 5


def test_bytes_of_other_letters_are_read_as_they_are_and_when_they_are_cut():
    header = next(header for header in IN_APP if "МегаФон" in header).encode()

    assert not read_user_agent(header).is_bot
    assert not read_user_agent(header[: header.index("Ф".encode()) + 1]).is_bot
    assert not read_user_agent(header.decode().encode("koi8-r", "replace")).is_bot


def test_crawlers_that_give_their_names_are_bots():
    instances = {text for crawler in crawleruseragents.CRAWLER_USER_AGENTS_DATA for text in crawler["instances"]}

    missed = [text for text in instances if not is_bot(text)]

    assert len(instances) >= 2_000
    assert len(missed) <= len(instances) / 100


@pytest.mark.parametrize(
    "rule",
    [
        ("user_agent", "iphone os 17_5", "bot"),
        ("network", "198.51.100.0/24", "bot"),
        ("network", "198.51.100.7", "bot"),
        ("asn", "64500", "bot"),
        ("asn", "AS64500", "bot"),
        ("referrer", "Shop.Example", "bot"),
    ],
)
def test_rule_takes_a_person_for_a_bot(rule):
    kind, pattern, _ = rule
    opposite = (kind, pattern, "person")

    assert judged(rule)
    assert not judged(opposite)
    assert not judged(rule, opposite)


def test_rule_takes_a_program_for_a_person():
    assert not judged(("user_agent", "curl/8", "person"), header="curl/8.5.0")
    assert not judged(("network", "198.51.100.0/24", "person"), header="curl/8.5.0")


@pytest.mark.parametrize(
    "rule",
    [
        ("user_agent", "iPhone OS 18", "bot"),
        ("network", "198.51.101.0/24", "bot"),
        ("network", "::/0", "bot"),
        ("network", "not a network", "bot"),
        ("asn", "64501", "bot"),
        ("asn", "sixty", "bot"),
        ("referrer", "example", "bot"),
    ],
)
def test_rule_leaves_all_others_alone(rule):
    assert not judged(rule)
    assert judged(rule, header="curl/8.5.0")


def test_rule_for_a_person_wins_over_one_for_a_bot_of_another_kind():
    for_person, for_bot = ("network", "198.51.100.0/24", "person"), ("user_agent", "iPhone", "bot")

    assert not judged(for_person, for_bot)
    assert not judged(("user_agent", "iPhone", "person"), ("asn", "64500", "bot"))
    assert judged(("referrer", "else.example", "person"), for_bot)


def test_rule_of_ipv6_takes_its_network_alone():
    rule = ("network", "2001:db8:1::/48", "bot")

    assert judged(rule, address="2001:db8:1:2::3")
    assert not judged(rule, address="2001:db8:2::3")
    assert not judged(rule)


def test_rules_do_not_ask_for_what_is_unknown():
    rules = ("network", "0.0.0.0/0", "bot"), ("asn", "64500", "bot"), ("referrer", "shop.example", "bot")
    judge = Judge([BotRuleRow(*rule) for rule in rules], [])
    raw = IPHONE.encode()

    assert not judge.is_bot(raw, read_user_agent(raw), packed=None, asn=None, referrer=None)


def test_judge_remembers_no_more_than_a_bounded_number_of_bounded_headers(serve):
    BotRule.objects.create(kind="user_agent", pattern="shop-scanner")
    make_link(code="spring")
    edge = serve()

    edge.get("/c/spring", user_agent="Mozilla/5.0 " + "x" * 60_000)

    judge = edge.application.edge.snapshot.judge
    assert sum(map(len, judge._known)) <= 1_000


def test_rules_reach_an_edge_within_two_seconds_and_are_stored_with_its_clicks(serve, tmp_path):
    write_places(tmp_path)
    make_link(code="spring")
    edge = serve()
    ask = {"x_forwarded_for": "198.18.1.7", "referer": "https://Spam.example/x"}
    assert edge.get("/c/spring", **ask).status == 302

    BotRule.objects.create(kind="referrer", pattern="spam.example")
    assert within_two_seconds(lambda: edge.application.edge.snapshot.judge._hosts["bot"])
    edge.get("/c/spring", **ask)
    BotRule.objects.create(kind="asn", pattern="64500", verdict="person")
    assert within_two_seconds(lambda: edge.application.edge.snapshot.judge._asns["person"])
    edge.get("/c/spring", **ask)
    BotRule.objects.update(is_active=False)
    assert within_two_seconds(lambda: not edge.application.edge.snapshot.judge._hosts["bot"])
    edge.get("/c/spring", user_agent="curl/8.5.0", **ask)

    assert list(Click.objects.order_by("id").values_list("kind", flat=True)) == ["click", "bot", "click", "bot"]
