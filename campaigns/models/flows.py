"""How a campaign routes: flows with filters, the offers and landing pages they split visitors over, scenarios."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from campaigns.domain.macros import validate_landing_page_url
from campaigns.models.catalogue import Offer
from campaigns.models.running import Campaign
from tracker_project.common.time import validate_time_zone


class LandingPage(models.Model):
    """A page between the click and the offer; its links lead to `/go/<click id>` on the click host."""

    name = models.CharField(max_length=100, unique=True)
    url = models.TextField(
        "URL template",
        validators=[validate_landing_page_url],
        help_text="With macros, such as https://lp.example/slots?cid={click_id}. Its links lead to /go/<click id>.",
    )
    notes = models.TextField(blank=True)
    is_archived = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "landing_pages"
        constraints = [
            models.CheckConstraint(condition=Q(url__regex=r"^https?://"), name="landing_page_url_is_a_web_address"),
        ]

    def __str__(self) -> str:
        return self.name


class Scenario(models.Model):
    """A named period that reports compare and flows can ask for; its days are those of its time zone."""

    name = models.CharField(max_length=100, unique=True)
    slug = models.CharField(
        max_length=50,
        unique=True,
        validators=[RegexValidator(r"^[a-z0-9-]+\Z", "A slug has small letters, digits and - only.")],
        help_text="What a flow's filter names, such as summer-2026.",
    )
    starts_on = models.DateField(help_text="The first day.")
    ends_on = models.DateField(null=True, blank=True, help_text="The first day after it. Empty: it goes on.")
    time_zone = models.CharField(max_length=50, default="UTC", validators=[validate_time_zone])
    separator_on = models.DateField(
        null=True, blank=True, help_text="The day that parts before from after, such as a redesign."
    )
    campaigns = models.ManyToManyField(
        Campaign, blank=True, related_name="scenarios", help_text="None chosen: all campaigns."
    )
    notes = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "scenarios"
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gt=F("starts_on")), name="scenario_ends_after_it_starts"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Flow(models.Model):
    """One way through a campaign.

    Forced flows are tried first, by position; then regular ones, by position or by weight (`Campaign.flow_choice`);
    then the default flow; a campaign without one sends the rest to its own offer.
    """

    class Kind(models.TextChoices):
        FORCED = "forced", "Forced: tried first, by position"
        REGULAR = "regular", "Regular: by position or by weight"
        DEFAULT = "default", "Default: takes whom no other flow took"

    class Action(models.TextChoices):
        OFFERS = "offers", "Redirect to its landing pages and offers"
        PAUSED_PAGE = "paused_page", "Show a page: the offer is taking a break"
        NOTHING = "nothing", "Send nobody on: a short page says that there is nothing here"

    class Match(models.TextChoices):
        ALL = "all", "All filters (AND)"
        ANY = "any", "Any filter (OR)"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="flows")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.REGULAR)
    position = models.PositiveSmallIntegerField(default=1, help_text="1 is tried first.")
    weight = models.PositiveIntegerField(default=100, help_text="0: only visitors that it already bound to it.")
    action = models.CharField(max_length=12, choices=Action, default=Action.OFFERS)
    matches = models.CharField("takes who matches", max_length=3, choices=Match, default=Match.ALL)
    is_active = models.BooleanField(default=True)
    notes = models.TextField(blank=True)

    class Meta:
        db_table = "flows"
        constraints = [
            models.UniqueConstraint(fields=["campaign", "name"], name="one_flow_per_name_and_campaign"),
            models.UniqueConstraint(
                fields=["campaign"], condition=Q(kind="default", is_active=True), name="one_default_flow_per_campaign"
            ),
            models.CheckConstraint(condition=Q(kind__in=["forced", "regular", "default"]), name="flow_kind_is_known"),
            models.CheckConstraint(
                condition=Q(action__in=["offers", "paused_page", "nothing"]), name="flow_action_is_known"
            ),
            models.CheckConstraint(condition=Q(matches__in=["all", "any"]), name="flow_matches_all_or_any"),
        ]

    def __str__(self) -> str:
        return self.name


class FlowFilter(models.Model):
    """One question that a flow asks of a visitor. What may stand in `values` is said in campaigns.domain.filters."""

    class Field(models.TextChoices):
        COUNTRY = "country", "Country"
        REGION = "region", "Region"
        CITY = "city", "City"
        LANGUAGE = "language", "Language"
        DEVICE = "device", "Device type"
        OS = "os", "OS"
        OS_VERSION = "os_version", "OS version"
        BROWSER = "browser", "Browser"
        CONNECTION = "connection", "Connection type"
        ISP = "isp", "ISP"
        ASN = "asn", "AS number"
        REFERRER = "referrer", "Referrer"
        KEYWORD = "keyword", "Keyword"
        PLACEMENT = "placement", "Placement"
        SUB_ID_1 = "sub_id_1", "Sub id 1"
        SUB_ID_2 = "sub_id_2", "Sub id 2"
        SUB_ID_3 = "sub_id_3", "Sub id 3"
        SUB_ID_4 = "sub_id_4", "Sub id 4"
        SUB_ID_5 = "sub_id_5", "Sub id 5"
        SUB_ID_6 = "sub_id_6", "Sub id 6"
        SUB_ID_7 = "sub_id_7", "Sub id 7"
        SUB_ID_8 = "sub_id_8", "Sub id 8"
        SUB_ID_9 = "sub_id_9", "Sub id 9"
        SUB_ID_10 = "sub_id_10", "Sub id 10"
        PLATFORM_CLICK_ID = "platform_click_id", "Platform click id present"
        WEEKDAY = "weekday", "Weekday"
        HOUR = "hour", "Hour"
        UNIQUE = "unique", "Unique visitor"
        BOT = "bot", "Bot"
        SCENARIO = "scenario", "Scenario"

    class Operator(models.TextChoices):
        IS = "is", "is"
        IS_NOT = "is_not", "is not"

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="filters")
    field = models.CharField(max_length=20, choices=Field)
    operator = models.CharField(max_length=6, choices=Operator, default=Operator.IS)
    values = ArrayField(models.CharField(max_length=200), help_text="One of them is enough, such as MT,FI.")

    class Meta:
        db_table = "flow_filters"
        constraints = [
            models.CheckConstraint(condition=Q(operator__in=["is", "is_not"]), name="filter_is_or_is_not"),
            models.CheckConstraint(condition=Q(values__len__gt=0), name="filter_has_values"),
        ]

    def __str__(self) -> str:
        return f"{self.get_field_display()} {self.get_operator_display()} {', '.join(self.values)}"


class FlowOffer(models.Model):
    """An offer of a flow and its share of the visitors; weight 0 keeps those it already has."""

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="flow_offers")
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="flow_offers")
    position = models.PositiveSmallIntegerField(
        default=1, help_text="The number of its link on a landing page: /go/<click id>/2 leads to number 2."
    )
    weight = models.PositiveIntegerField(default=100)

    class Meta:
        db_table = "flow_offers"
        constraints = [
            models.UniqueConstraint(fields=["flow", "offer"], name="an_offer_once_a_flow"),
        ]

    def __str__(self) -> str:
        return f"{self.offer} ({self.weight})"


class FlowLandingPage(models.Model):
    """A landing page of a flow and its share of the visitors; weight 0 keeps those it already has."""

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="flow_landing_pages")
    landing_page = models.ForeignKey(LandingPage, on_delete=models.PROTECT, related_name="flow_landing_pages")
    weight = models.PositiveIntegerField(default=100)

    class Meta:
        db_table = "flow_landing_pages"
        constraints = [
            models.UniqueConstraint(fields=["flow", "landing_page"], name="a_landing_page_once_a_flow"),
        ]

    def __str__(self) -> str:
        return f"{self.landing_page} ({self.weight})"
