"""The least that granian can answer over ASGI: a redirect."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
_START: Message = {
    "type": "http.response.start",
    "status": 302,
    "headers": [(b"location", b"https://casino.example/"), (b"cache-control", b"no-store")],
}
_BODY: Message = {"type": "http.response.body", "body": b""}


async def application(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    if scope["type"] == "http":
        await send(_START)
        await send(_BODY)
        return
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
