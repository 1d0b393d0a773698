"""/t.js as it is served: kept for an hour, asked for anew by its tag."""

from attribution.edge.script import SCRIPT
from tests.attribution.edge.conftest import Serve


def test_the_script_is_served_for_an_hour_to_any_page(serve: Serve):
    edge = serve()

    answer = edge.get("/t.js")

    assert (answer.status, answer.body) == (200, SCRIPT)
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"].startswith("public, max-age=3600")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "set-cookie" not in answer.headers


def test_the_script_is_not_sent_again_to_who_has_it(serve: Serve):
    edge = serve()
    tag = edge.get("/t.js").headers["etag"]

    answer = edge.get("/t.js", if_none_match=f'W/"x", {tag}')

    assert (answer.status, answer.body) == (304, b"")


def test_head_asks_for_the_script_without_it(serve: Serve):
    edge = serve()

    answer = edge.get("/t.js", method="HEAD")

    assert (answer.status, answer.body) == (200, b"")
