"""The cookie that keeps a visitor on the flow, landing page and offer that he once drew: signed, first-party.

One a campaign, `t<campaign id>`; its value is flow.landing page.offer.time.proof, ids in decimals, 0 for none.
"""

import hashlib
import hmac
import re
from typing import NamedTuple

KEPT_SECONDS = 30 * 86_400
_FORM = re.compile(rb"([0-9]{1,19})\.([0-9]{1,19})\.([0-9]{1,19})\.([0-9]{1,12})\.([0-9a-f]{16})")
_PROOF_BYTES = 8


class Binding(NamedTuple):
    """What a visitor drew in a campaign, and when he last came (Unix seconds)."""

    flow_id: int
    landing_page_id: int
    offer_id: int
    seen_at: int


class BindingCookies:
    """Reads and writes the cookies under a key that is derived from the first click id key."""

    def __init__(self, key: bytes, *, is_secure: bool) -> None:
        self._key = hmac.digest(key, b"binding cookies", hashlib.sha256)
        rest = "; HttpOnly; SameSite=Lax" + "; Secure" * is_secure
        self._attributes = f"; Path=/; Max-Age={KEPT_SECONDS}{rest}"
        self._forgotten = f"; Path=/; Max-Age=0{rest}"

    @staticmethod
    def name(campaign_id: int) -> bytes:
        return b"t%d" % campaign_id

    def read(self, campaign_id: int, value: bytes | None) -> Binding | None:
        """Return what a cookie says; None for none, and for one that is not ours or is another campaign's."""
        found = _FORM.fullmatch(value) if value is not None else None
        if found is None:
            return None
        text = found[0].rpartition(b".")[0].decode("ascii")
        if not hmac.compare_digest(self._proof(campaign_id, text), found[5].decode("ascii")):
            return None
        return Binding(*map(int, text.split(".")))

    def write(self, campaign_id: int, binding: Binding) -> bytes:
        """Return the value of a Set-Cookie header."""
        text = ".".join(map(str, binding))
        return f"t{campaign_id}={text}.{self._proof(campaign_id, text)}{self._attributes}".encode("ascii")

    def forget(self, campaign_id: int) -> bytes:
        """Return the value of a Set-Cookie header that takes the cookie away."""
        return f"t{campaign_id}={self._forgotten}".encode("ascii")

    def _proof(self, campaign_id: int, text: str) -> str:
        return hmac.digest(self._key, f"{campaign_id}.{text}".encode("ascii"), "sha256")[:_PROOF_BYTES].hex()
