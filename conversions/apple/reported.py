"""A postback in our words, whichever of Apple's frameworks sent it."""

from dataclasses import asdict, dataclass
from typing import Any


class MalformedPostback(ValueError):
    """The postback is not as Apple documents it: `field` says where, `code` and the message say why."""

    def __init__(self, code: str, message: str, field: str) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


class UnverifiedPostback(Exception):
    """Nothing proves that Apple signed the postback: `code`, `field` and the message say why."""

    def __init__(self, code: str, message: str, field: str) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


@dataclass(frozen=True, kw_only=True)
class ReportedPostback:
    """The columns of `AppPostback`, which say what each means."""

    framework: str
    postback_id: str
    ad_network_id: str
    app_id: int
    conversion_type: str
    signature: str
    version: str = ""
    source_identifier: str = ""
    campaign_number: int | None = None
    source_app_id: int | None = None
    source_domain: str = ""
    marketplace: str = ""
    fidelity: int | None = None
    interaction: str = ""
    did_win: bool | None = None
    window: int | None = None
    conversion_value: int | None = None
    coarse_value: str = ""
    country: str = ""
    is_test: bool = False

    def columns(self) -> dict[str, Any]:
        return asdict(self)

    def terms(self) -> dict[str, Any]:
        """Return the columns that a repeat must match: all but the signature, which may be made anew."""
        return {name: value for name, value in self.columns().items() if name != "signature"}
