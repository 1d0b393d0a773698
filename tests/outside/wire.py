"""A casino whose every message is shown as it is sent, with its answer."""

import json
from collections.abc import Callable, Mapping

from tests.outside.casino import Answer, Casino
from tests.outside.setup import Demo

Say = Callable[[str], None]
_LONGEST_BODY = 2000


class ShownCasino(Casino):
    """Says what goes over the wire, both ways."""

    def __init__(self, demo: Demo, *, say: Say) -> None:
        super().__init__(demo)
        self._say = say
        self._slug = demo.platform_slug

    def post_raw(
        self,
        event: str,
        body: bytes,
        *,
        secret: str | None = None,
        webhook_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        to_default_platform: bool = False,
    ) -> Answer:
        address = f"/webhooks/{event}" if to_default_platform else f"/webhooks/{self._slug}/{event}"
        signed_by = "another secret than ours" if secret else "the platform's secret"
        self._say(f"  Sent      POST {address}, signed by {signed_by}")
        self._say(f"            {body.decode(errors='replace')[:_LONGEST_BODY]}")
        answer = super().post_raw(
            event, body, secret=secret, webhook_id=webhook_id, headers=headers, to_default_platform=to_default_platform
        )
        self._say(f"  Answered  {answer.status} {json.dumps(answer.body)}")
        return answer
