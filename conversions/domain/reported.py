"""Events as a platform reported them, in our words; every dialect ends here."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from attribution.domain.credit import Claim
from tracker_project.common.money import Money


def plain_amount(amount: Decimal) -> str:
    """Return an amount as terms hold it: plain digits, no zeros at the end."""
    return f"{amount.normalize():f}"


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


@dataclass(frozen=True, kw_only=True)
class ReportedRegistration:
    """A player who opened an account; consent is None where the platform did not say."""

    event_id: str
    occurred_at: datetime
    player_id: str
    claim: Claim
    country: str = ""
    region: str = ""
    consent_ad_user_data: bool | None = None
    consent_ad_personalization: bool | None = None
    is_test: bool = False

    def terms(self) -> dict[str, Any]:
        """Return the normalised fields that a repeat of the event must match."""
        return {
            "occurred_at": _instant(self.occurred_at),
            "player_id": self.player_id,
            "click_id": self.claim.click_id,
            "promo_code": self.claim.promo_code,
            "partner_tag": self.claim.partner_tag,
            "country": self.country,
            "region": self.region,
            "consent_ad_user_data": self.consent_ad_user_data,
            "consent_ad_personalization": self.consent_ad_personalization,
            "is_test": self.is_test,
        }


@dataclass(frozen=True, kw_only=True)
class ReportedDeposit:
    """A deposit's status as the platform sees it; one transaction may be reported many times."""

    event_id: str
    transaction_id: str
    status: str
    occurred_at: datetime
    player_id: str
    money: Money
    product: str = ""
    is_test: bool = False

    def terms(self) -> dict[str, Any]:
        """Return the normalised fields that a repeat of the event must match."""
        return {
            "transaction_id": self.transaction_id,
            "status": self.status,
            "occurred_at": _instant(self.occurred_at),
            "player_id": self.player_id,
            "amount": plain_amount(self.money.amount),
            "currency": self.money.currency,
            "product": self.product,
            "is_test": self.is_test,
        }
