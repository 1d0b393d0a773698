"""Who is no visitor: the operator's rules on bots, asked before the lists, and the networks of staff."""

from collections.abc import Iterable, Sequence
from ipaddress import ip_network

import structlog

from attribution.edge.snapshot import BotRuleRow
from attribution.edge.user_agents import UserAgent
from attribution.edge.visitor import Networks

log = structlog.get_logger(__name__)

_MOST_KEPT = 20_000


class Judge:
    """The rules of one snapshot. A rule for a person wins over one for a bot, both over the lists."""

    def __init__(self, rules: Iterable[BotRuleRow], staff: Sequence[str]) -> None:
        rules = list(rules)
        self._words = {verdict: _lower(rules, "user_agent", verdict) for verdict in ("bot", "person")}
        self._hosts = {verdict: frozenset(_lower(rules, "referrer", verdict)) for verdict in ("bot", "person")}
        self._networks = {verdict: _networks(rules, verdict) for verdict in ("bot", "person")}
        self._asns = {verdict: _numbers(rules, verdict) for verdict in ("bot", "person")}
        self._staff = _readable(staff)
        self._asks_words = bool(self._words["bot"] or self._words["person"])
        self._asks_more = any(
            self._hosts[verdict] or self._networks[verdict].is_any or self._asns[verdict] for verdict in self._hosts
        )
        self._known: dict[bytes, bool | None] = {}

    def is_bot(
        self, header: bytes, user_agent: UserAgent, *, packed: bytes | None, asn: int | None, referrer: str | None
    ) -> bool:
        """Say whether a visitor counts as a bot."""
        by_words = self._by_words(header) if self._asks_words else None
        if self._asks_more and by_words is not False:
            for verdict in ("person", "bot"):
                if (
                    referrer in self._hosts[verdict]
                    or asn in self._asns[verdict]
                    or (packed is not None and packed in self._networks[verdict])
                ):
                    return verdict == "bot"
        return user_agent.is_bot if by_words is None else by_words

    def is_staff(self, packed: bytes | None) -> bool:
        return packed is not None and self._staff.is_any and packed in self._staff

    def _by_words(self, header: bytes) -> bool | None:
        """Return what the rules on user agents say, remembered by header; None when they say nothing."""
        try:
            return self._known[header]
        except KeyError:
            pass
        text = header.decode("utf-8", "replace").lower()
        verdict = None
        if any(word in text for word in self._words["person"]):
            verdict = False
        elif any(word in text for word in self._words["bot"]):
            verdict = True
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
        self._known[header] = verdict
        return verdict


def _lower(rules: Iterable[BotRuleRow], kind: str, verdict: str) -> list[str]:
    return [rule.pattern.lower() for rule in rules if (rule.kind, rule.verdict) == (kind, verdict)]


def _numbers(rules: Iterable[BotRuleRow], verdict: str) -> frozenset[int]:
    texts = [text.removeprefix("as") for text in _lower(rules, "asn", verdict)]
    return frozenset(int(text) for text in texts if text.isdecimal())


def _networks(rules: Iterable[BotRuleRow], verdict: str) -> Networks:
    return _readable(_lower(rules, "network", verdict))


def _readable(networks: Iterable[str]) -> Networks:
    return Networks([network for network in networks if _is_network(network)])


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        log.error("a network of bots or staff cannot be read", network=text)
        return False
    return True
