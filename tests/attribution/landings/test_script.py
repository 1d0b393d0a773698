"""/t.js in a real browser, against a click host that answers what the test says."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from attribution.edge.script import SCRIPT
from tests.attribution.landings.web import CLICK_HOST, Asked, Given, Web, wait_for_id

ID = "0193602f1c007a2b8c3d4e5f60718293000000070badcafe"
OTHER_ID = "0193602f1c007a2b8c3d4e5f60718294000000070badcafe"


class ClickHost:
    """Serves the script and answers its posts with an id, after a while if it is told to."""

    def __init__(self) -> None:
        self.answer: dict[str, Any] = {"click_id": ID, "store": True}
        self.status = 200
        self.seconds = 0.0

    def __call__(self, asked: Asked) -> Given:
        if asked.target.startswith("/t.js"):
            return Given(200, {"content-type": "text/javascript"}, SCRIPT)
        if asked.target == "/t":
            time.sleep(self.seconds)
            return Given(self.status, {"access-control-allow-origin": "*"}, json.dumps(self.answer).encode())
        return Given(200, {"content-type": "text/html"}, b"gone on")


@pytest.fixture
def click_host(web: Web) -> ClickHost:
    host = ClickHost()
    web.click_host = host
    return host


@pytest.fixture
def errors(page: Page) -> Iterator[list[str]]:
    """What went wrong on the page; must be empty when the test ends."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda said: found.append(said.text) if said.type == "error" else None)
    yield found
    assert [error for error in found if "favicon" not in error] == []


@pytest.fixture(autouse=True)
def _around(click_host: ClickHost, errors: list[str], web: Web) -> None:
    for host in ("lp.localhost", "casino.localhost"):
        web.put(f"{host}/favicon.ico", "", content_type="image/x-icon")


def page_with(web: Web, body: str = "", *, script: str = 'data-link="spring"', head: str = "") -> str:
    return (
        f"<!doctype html><html lang=en><head><title>Slots</title>{head}"
        f'<script src="{web.address(CLICK_HOST)}t.js" {script} async></script></head><body>{body}</body></html>'
    )


def go_links(web: Web) -> str:
    go = web.address(CLICK_HOST)
    return f'<a id=plain href="{go}go/">Play</a><a id=second href="{go}go/2">Play</a>'


def href(page: Page, selector: str) -> str:
    return str(page.eval_on_selector(selector, "a => a.href"))


def test_script_reports_the_landing_and_decorates_links(web: Web, page: Page):
    address = web.put("lp.localhost/slots/", page_with(web, go_links(web)))

    page.goto(f"{address}?gclid=Cj0&sub_id_1=a%20b&utm_source=google", referer="https://www.google.com/search?q=x")
    wait_for_id(page)

    said = web.told()[0]
    hints = said.pop("hints")
    assert said == {
        "event": "open",
        "link": "spring",
        "page": f"lp.localhost:{web.port}/slots/",
        "query": "gclid=Cj0&sub_id_1=a%20b&utm_source=google",
        "referrer": "www.google.com",
        "language": "en-US",
    }
    assert {"effectiveType", "rtt", "downlink", "model", "platformVersion"} <= set(hints)
    assert href(page, "#plain") == f"{web.address(CLICK_HOST)}go/{ID}/"
    assert href(page, "#second") == f"{web.address(CLICK_HOST)}go/{ID}/2"


def test_script_posts_without_asking_first_and_without_cookies(web: Web, page: Page, context: BrowserContext):
    context.add_cookies([{"name": "visitor", "value": "7", "domain": CLICK_HOST, "path": "/"}])
    address = web.put("lp.localhost/", page_with(web))

    page.goto(address)
    wait_for_id(page)

    posts = [asked for asked in web.asked if asked.target == "/t"]
    assert [asked.method for asked in posts] == ["POST"]
    assert posts[0].headers["content-type"] == "text/plain;charset=UTF-8"
    assert posts[0].headers["origin"] == f"http://lp.localhost:{web.port}"
    assert "cookie" not in posts[0].headers


def test_script_gives_marked_links_the_click_id_and_leaves_others_alone(web: Web, page: Page):
    links = (
        "<a id=marked data-tracker href='https://casino.example/reg?b=%20c#top'>1</a>"
        "<a id=named data-tracker=cid href='https://casino.example/reg'>2</a>"
        "<a id=full data-tracker href='https://casino.example/?click_id=theirs'>3</a>"
        "<a id=other href='https://casino.example/go/2'>4</a>"
        f"<a id=deep href='{web.address(CLICK_HOST)}go/2/terms'>5</a>"
    )
    address = web.put("lp.localhost/", page_with(web, links))

    page.goto(address)
    wait_for_id(page)

    assert href(page, "#marked") == f"https://casino.example/reg?b=%20c&click_id={ID}#top"
    assert href(page, "#named") == f"https://casino.example/reg?cid={ID}"
    assert href(page, "#full") == "https://casino.example/?click_id=theirs"
    assert href(page, "#other") == "https://casino.example/go/2"
    assert href(page, "#deep") == f"{web.address(CLICK_HOST)}go/2/terms"


def test_script_decorates_a_link_that_was_added_later_when_it_is_pressed(web: Web, page: Page):
    page.goto(web.put("lp.localhost/", page_with(web)))
    wait_for_id(page)
    page.evaluate(
        "go => { const shadow = document.body.appendChild(document.createElement('div')).attachShadow({mode: 'open'});"
        "shadow.innerHTML = `<a href='${go}'><b>Play now</b></a>`; }",
        f"{web.address(CLICK_HOST)}go/3",
    )

    page.get_by_text("Play now").click()
    page.wait_for_url("**/go/**")

    assert page.url == f"{web.address(CLICK_HOST)}go/{ID}/3"


def test_script_lets_a_visitor_go_on_who_clicks_before_the_answer(web: Web, page: Page, click_host: ClickHost):
    click_host.seconds = 2.0
    page.goto(f"{web.put('lp.localhost/', page_with(web, go_links(web)))}?gclid=Cj0", wait_until="load")

    page.click("#second")
    page.wait_for_url("**/go/**")

    assert page.url == f"{web.address(CLICK_HOST)}go/2?link=spring&gclid=Cj0"


def test_script_opens_a_click_of_ours_once_a_page_view(web: Web, page: Page):
    address = web.put("lp.localhost/", page_with(web, go_links(web), script=""))

    page.goto(f"{address}?cid={ID}")
    wait_for_id(page)
    page.reload()
    wait_for_id(page)

    assert [(said["event"], said["click_id"]) for said in web.told()] == [("open", ID), ("open", ID)]
    assert href(page, "#second") == f"{web.address(CLICK_HOST)}go/{ID}/2"


def test_script_says_nothing_of_a_page_that_names_no_link_and_was_reached_by_no_click(web: Web, page: Page):
    page.goto(web.put("lp.localhost/", page_with(web, go_links(web), script="")))

    assert wait_for_id(page) is None
    assert web.told() == []


def test_script_keeps_its_click_id_when_the_click_host_fails(web: Web, page: Page, click_host: ClickHost, errors):
    click_host.status = 503
    address = web.put("lp.localhost/", page_with(web, go_links(web)))

    page.goto(f"{address}?click_id={ID}")
    known = wait_for_id(page)

    assert known == ID
    assert href(page, "#second") == f"{web.address(CLICK_HOST)}go/{ID}/2"
    errors.clear()  # the browser itself notes the 503


def test_script_does_not_report_a_reload_as_a_second_landing(web: Web, page: Page):
    address = web.put("lp.localhost/", page_with(web, go_links(web)))
    inner = web.put("lp.localhost/bonus", page_with(web, go_links(web)))

    page.goto(f"{address}?gclid=Cj0")
    wait_for_id(page)
    page.reload()
    wait_for_id(page)
    page.goto(f"{inner}?page=2")
    wait_for_id(page)

    assert len(web.told()) == 1
    assert href(page, "#second") == f"{web.address(CLICK_HOST)}go/{ID}/2"


def test_script_reports_another_advertisement_as_another_landing(web: Web, page: Page, click_host: ClickHost):
    address = web.put("lp.localhost/", page_with(web, go_links(web)))
    page.goto(f"{address}?gclid=Cj0")
    wait_for_id(page)
    click_host.answer = {"click_id": OTHER_ID, "store": True}

    page.goto(f"{address}?gclid=Cj1")
    known = wait_for_id(page)

    assert known == OTHER_ID
    assert len(web.told()) == 2


def test_script_reports_a_visit_anew_after_a_day(web: Web, page: Page):
    address = web.put("lp.localhost/", page_with(web))
    page.goto(address)
    wait_for_id(page)
    page.evaluate(
        "const kept = JSON.parse(localStorage.trackerVisit); kept[2] -= 864e5;"
        "localStorage.trackerVisit = JSON.stringify(kept)"
    )

    page.reload()
    wait_for_id(page)

    assert len(web.told()) == 2


def stored(page: Page) -> Any:
    return page.evaluate("[Object.keys(localStorage), Object.keys(sessionStorage), document.cookie]")


def test_script_stores_nothing_where_consent_is_refused(web: Web, page: Page, context: BrowserContext):
    page.goto(
        web.put("lp.localhost/", page_with(web, go_links(web), script='data-link="spring" data-consent="denied"'))
    )
    wait_for_id(page)

    assert web.told()[0]["consent"] is False
    assert stored(page) == [[], [], ""]
    assert context.cookies() == []
    assert href(page, "#plain") == f"{web.address(CLICK_HOST)}go/{ID}/"


def test_script_stores_nothing_where_the_click_host_says_so(web: Web, page: Page, click_host: ClickHost):
    click_host.answer = {"click_id": ID, "store": False}

    page.goto(web.put("lp.localhost/", page_with(web)))
    wait_for_id(page)

    assert "consent" not in web.told()[0]
    assert stored(page) == [[], [], ""]


def test_script_tells_a_consent_that_is_given_later_and_one_that_is_withdrawn(
    web: Web, page: Page, click_host: ClickHost
):
    click_host.answer = {"click_id": ID, "store": False}
    page.goto(web.put("lp.localhost/", page_with(web)))
    wait_for_id(page)
    click_host.answer = {"click_id": ID, "store": True}

    page.evaluate("tracker('consent', 'granted')")
    page.wait_for_function("'trackerVisit' in localStorage")
    page.evaluate("tracker('consent', 'denied')")
    page.wait_for_function("!('trackerVisit' in localStorage)")
    page.wait_for_timeout(100)

    assert web.told()[1:] == [
        {"event": "consent", "click_id": ID, "consent": True},
        {"event": "consent", "click_id": ID, "consent": False},
    ]


def test_script_reads_consent_that_the_page_knows_and_calls_that_wait(web: Web, page: Page):
    head = "<script>window.trackerConsent = 'granted'</script>"
    first = web.put("lp.localhost/first", page_with(web, head=head))
    head = (
        "<script>window.tracker = function () { (tracker.q = tracker.q || []).push(arguments) };"
        "tracker('consent', 'denied')</script>"
    )
    second = web.put("casino.localhost/second", page_with(web, head=head))

    page.goto(first)
    wait_for_id(page)
    page.goto(second)
    wait_for_id(page)
    page.wait_for_timeout(100)

    told = web.told()
    assert (told[0]["consent"], told[-1]["consent"]) == (True, False)


def test_script_reports_an_installed_web_app(web: Web, page: Page, click_host: ClickHost):
    click_host.seconds = 0.3
    page.goto(web.put("lp.localhost/", page_with(web)))
    page.wait_for_function("window.trackerIsOn")

    page.evaluate("window.dispatchEvent(new Event('appinstalled'))")
    wait_for_id(page)
    page.wait_for_timeout(100)

    assert [(said["event"], said.get("click_id")) for said in web.told()] == [("open", None), ("app_installed", ID)]


def test_script_runs_under_a_policy_that_allows_the_click_host_alone(web: Web, page: Page):
    go = web.address(CLICK_HOST).rstrip("/")
    policy = f"default-src 'none'; script-src {go}; connect-src {go}; base-uri 'none'; form-action 'none'"
    address = web.put("lp.localhost/", page_with(web, go_links(web)), content_security_policy=policy)

    page.goto(address)
    page.wait_for_function(f"document.querySelector('#second').href.endsWith('/go/{ID}/2')")

    assert len(web.told()) == 1


def test_script_works_where_storage_is_blocked(web: Web, page: Page):
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('blocked', 'SecurityError') }})"
    )

    page.goto(web.put("lp.localhost/", page_with(web, go_links(web))))
    wait_for_id(page)

    assert href(page, "#second") == f"{web.address(CLICK_HOST)}go/{ID}/2"


def test_script_works_where_storage_holds_what_is_not_ours(web: Web, page: Page):
    page.add_init_script("localStorage.trackerVisit = '{\"a\": 1}'")

    page.goto(web.put("lp.localhost/", page_with(web)))

    assert wait_for_id(page) == ID


def test_script_that_stands_twice_reports_once(web: Web, page: Page):
    again = f'<script src="{web.address(CLICK_HOST)}t.js" data-link="spring"></script>'

    page.goto(web.put("lp.localhost/", page_with(web, go_links(web) + again)))
    wait_for_id(page)
    page.wait_for_timeout(100)

    assert len(web.told()) == 1


@pytest.mark.parametrize("loading", ["", "async", "defer", "type=module"])
def test_script_runs_wherever_and_however_it_is_loaded(web: Web, page: Page, loading: str):
    script = f'<script src="{web.address(CLICK_HOST)}t.js" data-link="spring" {loading}></script>'
    web.click_host = with_cors(web.click_host)
    address = web.put("lp.localhost/", f"<!doctype html><title>x</title>{script}<p>{go_links(web)}</p>")

    page.goto(address)
    wait_for_id(page)
    page.wait_for_function(f"document.querySelector('#second').href.endsWith('/go/{ID}/2')")

    assert [said["link"] for said in web.told()] == ["spring"]


def test_script_that_the_page_adds_long_after_loading_works(web: Web, page: Page):
    page.goto(web.put("lp.localhost/", f"<!doctype html><title>x</title>{go_links(web)}"))

    page.evaluate(
        "src => { const script = document.createElement('script'); script.src = src; script.dataset.link = 'spring';"
        "document.body.append(script) }",
        f"{web.address(CLICK_HOST)}t.js",
    )
    page.wait_for_function(f"document.querySelector('#second').href.endsWith('/go/{ID}/2')")

    assert [said["link"] for said in web.told()] == ["spring"]


def test_script_leaves_alone_what_the_page_itself_calls_tracker(web: Web, page: Page):
    head = "<script>window.tracker = {theirs: true}</script>"

    page.goto(web.put("lp.localhost/", page_with(web, go_links(web), head=head)))
    page.wait_for_function(f"document.querySelector('#second').href.endsWith('/go/{ID}/2')")

    assert page.evaluate("tracker") == {"theirs": True}


def test_script_harms_no_page_when_the_click_host_talks_nonsense(web: Web, page: Page):
    def nonsense(asked: Asked) -> Given:
        if asked.target.startswith("/t.js"):
            return Given(200, {"content-type": "text/javascript"}, SCRIPT)
        return Given(200, {"access-control-allow-origin": "*"}, b"<html>")

    web.click_host = nonsense
    page.goto(web.put("lp.localhost/", page_with(web, go_links(web))))
    wait_for_id(page)

    assert href(page, "#second") == f"{web.address(CLICK_HOST)}go/2"


def test_script_is_under_three_kilobytes_as_served():
    assert len(SCRIPT) < 3 * 1024


def with_cors(click_host: Callable[[Asked], Given]) -> Callable[[Asked], Given]:
    def answer(asked: Asked) -> Given:
        given = click_host(asked)
        return given._replace(headers={**given.headers, "access-control-allow-origin": "*"})

    return answer
