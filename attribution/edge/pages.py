"""What a visitor reads who cannot be sent on: small pages that need nothing from elsewhere."""

from typing import NamedTuple

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; font: 1.0625rem/1.6 system-ui, sans-serif; }}
main {{ max-width: 30rem; padding: 2rem; text-align: center; }}
h1 {{ font-size: 1.5rem; line-height: 1.25; margin: 0 0 .75rem; }}
p {{ margin: 0; opacity: .8; }}
</style>
</head>
<body><main><h1>{title}</h1><p>{text}</p></main></body>
</html>
"""
_HEADERS = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
]


class Page(NamedTuple):
    """A whole answer."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def _page(status: int, title: str, text: str, *extra: tuple[bytes, bytes]) -> Page:
    return Page(status, [*_HEADERS, *extra], _PAGE.format(title=title, text=text).encode())


UNAVAILABLE = _page(
    200,
    "This offer is not available at present",
    "It has ended or is taking a break. You have not done anything wrong, and there is nothing that you need to do.",
)
NOT_HERE = _page(
    200,
    "This offer is not available where you are",
    "It may be shown in some places only. You have not done anything wrong, and there is nothing that you need to do.",
)
NOTHING = _page(200, "There is nothing here for you at present", "Please come back another time.")
UNKNOWN_LINK = _page(
    404,
    "There is no such link",
    "The address may be mistyped, or the link was taken down. Please go back to where you found it and try again.",
)
NOT_FOUND = _page(404, "There is nothing here", "Please check the address.")
NOT_ALLOWED = _page(405, "This address can only be opened", "Nothing can be sent to it.", (b"allow", b"GET, HEAD"))

# What is read by visitors whom nothing sends on, by the outcome of their click.
_PAGES = {"elsewhere": NOT_HERE, "unknown_place": NOT_HERE, "stopped": NOTHING}


def page_of(outcome: str) -> Page:
    return _PAGES.get(outcome, UNAVAILABLE)
