"""Hosts on which clicks arrive: their roots, and paths that they do not know."""

import pytest

from attribution.models import Click
from tests.attribution.edge.serving import within_two_seconds
from tests.campaigns.builders import make_domain
from tests.world import make_campaign, make_link, make_offer


@pytest.fixture
def edge(serve):
    """An edge with the hosts root, page, none and away, of which the first three answer with the link `spring`."""
    link = make_link(code="spring", campaign=make_campaign(offer=make_offer(url="https://casino.example/")))
    make_domain(host="root.example", root_link=link, unknown_path="root")
    make_domain(host="page.example", root_link=link)
    make_domain(host="none.example", root_link=None)
    make_domain(
        host="away.example", root_link=None, unknown_path="redirect", unknown_url="https://brand.example/a b?c=é"
    )
    make_domain(host="off.example", root_link=link, is_active=False)
    return serve()


def ask(edge, host, path, **more):
    answer = edge.get(path, host=host, **more)
    return answer.status, answer.headers.get("location")


def test_root_of_a_host_is_a_click_of_its_link(edge):
    assert ask(edge, "root.example", "/?sub_id_1=a") == (302, "https://casino.example/")
    assert ask(edge, "Page.Example:8443", "/") == (302, "https://casino.example/")
    assert ask(edge, "page.example.", "/") == (302, "https://casino.example/")
    assert Click.objects.count() == 3
    assert Click.objects.order_by("id").values_list("sub_id_1", "kind", "outcome").first() == ("a", "click", "offer")


def test_unknown_path_is_what_the_host_says(edge):
    assert ask(edge, "root.example", "/any/where?x=1") == (302, "https://casino.example/")
    assert ask(edge, "page.example", "/any/where") == (404, None)
    assert ask(edge, "none.example", "/") == (404, None)
    assert ask(edge, "away.example", "/any/where") == (302, "https://brand.example/a%20b?c=%C3%A9")
    assert ask(edge, "away.example", "/") == (302, "https://brand.example/a%20b?c=%C3%A9")
    assert Click.objects.count() == 1


def test_hosts_that_are_not_known_or_not_active_have_nothing(edge):
    assert ask(edge, "other.example", "/") == (404, None)
    assert ask(edge, "off.example", "/") == (404, None)
    assert ask(edge, "", "/") == (404, None)
    assert ask(edge, "\xff", "/") == (404, None)
    assert not Click.objects.exists()


def test_links_and_health_answer_on_every_host(edge):
    assert ask(edge, "other.example", "/c/spring") == (302, "https://casino.example/")
    assert ask(edge, "away.example", "/c/spring") == (302, "https://casino.example/")
    assert ask(edge, "away.example", "/healthz") == (200, None)


def test_what_browsers_fetch_by_themselves_is_no_click_of_a_root(edge):
    assert ask(edge, "root.example", "/favicon.ico") == (404, None)
    assert ask(edge, "root.example", "/robots.txt") == (404, None)
    assert ask(edge, "root.example", "/apple-touch-icon.png", sec_fetch_dest="image") == (404, None)
    assert ask(edge, "root.example", "/.well-known/security.txt") == (404, None)
    assert not Click.objects.exists()


def test_head_of_a_root_is_a_preview(edge):
    answer = edge.get("/", host="root.example", method="HEAD")

    assert (answer.status, answer.body) == (302, b"")
    assert Click.objects.get().kind == "preview"


def test_new_host_is_known_within_two_seconds(edge):
    make_domain(host="new.example", root_link=None, unknown_path="redirect", unknown_url="https://brand.example/")

    assert within_two_seconds(lambda: ask(edge, "new.example", "/") == (302, "https://brand.example/"))
