"""What the form of a destination advises on the kind that is chosen in it; the rest stands in docs/postbacks.md."""

from collections.abc import Mapping

from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from conversions.domain.predicted_value import HORIZON_DAYS, LEAST_PLAYERS
from conversions.models import Destination

Kind = Destination.Kind

KIND_HELP = "Adjust is none of them: its events require an advertising id, and no device id ever leaves the tracker."
_FEWER = "with fewer, let it optimise for the count. Rules of thumb, not promises."
_KEEPS_THE_FIRST = "keeps the value that it hears first, so that the predicted lifetime value tells it most."
_RESTATES = (
    "Google hears of a deposit's value anew as it grows, so that all deposits so far tell it most. Its target ROAS "
    f"wants 30 to 50 conversions a month in a campaign; {_FEWER}"
)
_BY_ACTION = "Google counts by conversion action: make one destination for registrations and another for deposits."
_NO_CORRECTION = "cannot hear that a conversion was taken back."

_ON_EVENTS = {
    Kind.META: "Registrations are off by default: as website events they would need the visitor's user agent, which is "
    "never sent. They go as system_generated, and how much such events weigh in Meta's bidding is not documented.",
    Kind.GOOGLE: _BY_ACTION,
    Kind.GOOGLE_ADS: _BY_ACTION,
}
_ON_VALUES = {
    Kind.META: f"To bid for value Meta wants about 50 conversions a week in an ad set; {_FEWER} It {_KEEPS_THE_FIRST}",
    Kind.TIKTOK: f"To bid for value TikTok wants about 50 conversions a week in an ad group; {_FEWER} "
    f"It {_KEEPS_THE_FIRST}",
    Kind.GOOGLE: _RESTATES,
    Kind.GOOGLE_ADS: _RESTATES,
    Kind.APPSFLYER: f"AppsFlyer {_KEEPS_THE_FIRST}",
    Kind.GENERIC: "The value stands where the address, the headers or the body say {value} and {value_currency}.",
}
_ON_ACCESS = {
    Kind.META: f"Meta {_NO_CORRECTION}",
    Kind.TIKTOK: f"TikTok {_NO_CORRECTION}",
    Kind.APPSFLYER: "AppsFlyer is told only of players who came with its own id, and of iPhones only where tracking "
    f"was allowed. It {_NO_CORRECTION}",
    Kind.GOOGLE: "The credentials need the scope https://www.googleapis.com/auth/datamanager.",
    Kind.GOOGLE_ADS: "Google takes uploads only from developer tokens that sent some before June 2026: without one, "
    "choose the Data Manager API. The credentials need the scope https://www.googleapis.com/auth/adwords.",
}
_TOKENS = {
    Kind.META: "The dataset's access token.",
    Kind.TIKTOK: "The pixel's access token.",
    Kind.APPSFLYER: "The S2S key.",
    Kind.GOOGLE_ADS: "The developer token.",
}
PREDICTION = (
    f"What a player's deposits of his first {HORIZON_DAYS} days will probably come to, as those of the brand's earlier "
    f"players grew. It needs {LEAST_PLAYERS} players of the brand whose first deposit is {HORIZON_DAYS} days old, else "
    "the deposits so far are told. Google is told anew when it moves by a fifth."
)


def _by_kind(texts: Mapping[Destination.Kind, str], tag: str) -> SafeString:
    """Return texts of which the theme's script shows the one of the kind that the form has chosen."""
    template = "<{} x-cloak x-show=\"kind == '{}'\">{}</{}>"
    return format_html_join("", template, ((tag, kind.value, text, tag) for kind, text in texts.items()))


EVENTS_ADVICE = _by_kind(_ON_EVENTS, "p")
VALUE_ADVICE = _by_kind(_ON_VALUES, "p")
ACCESS_ADVICE = _by_kind(_ON_ACCESS, "p")
TOKEN_HELP = _by_kind(_TOKENS, "span")
