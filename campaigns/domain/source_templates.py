"""Ready-made traffic sources: how each network names its click id, its cost and its macros.

Macros stand here only where they could be read up; each template says where. What a network appends by itself is not
asked for again: a second copy would replace the real one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from campaigns.models import SourceParameter, TrafficSource

_Name = SourceParameter.Name
_Platform = TrafficSource.Platform
# Click ids that networks append by themselves, each under a name that is its own alone.
APPENDED_CLICK_IDS = frozenset(
    {"fbclid", "gclid", "gbraid", "wbraid", "ttclid", "msclkid", "twclid", "li_fat_id", "ScCid", "rdt_cid"}
)
# What tagged links carry anyway, under our names for it.
_UTM = {"utm_content": _Name.SUB_ID_1, "utm_medium": _Name.SUB_ID_2, "utm_campaign": _Name.SUB_ID_3}


@dataclass(frozen=True, kw_only=True)
class SourceTemplate:
    """One network. `macros` maps parameters of our link to the network's macros, in the order of the link.

    `parameters` maps the network's own parameters to our names for them; `told_by` says where the macros were read.
    """

    key: str
    name: str
    click_id_parameter: str
    macros: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    cost_parameter: str = ""
    placement_parameter: str = ""
    keyword_parameter: str = ""
    platform: str = _Platform.OTHER
    tracks_in_parallel: bool = False
    note: str = ""
    told_by: str

    @property
    def click_url_parameters(self) -> str:
        """What to add to a link in the network's editor."""
        return "&".join(f"{name}={macro}" for name, macro in self.macros.items())


def add_source_from(template: SourceTemplate, *, name: str) -> TrafficSource:
    """Save a traffic source as the template has it; call it in a transaction."""
    source = TrafficSource.objects.create(
        name=name,
        platform=template.platform,
        click_id_parameter=template.click_id_parameter,
        cost_parameter=template.cost_parameter,
        placement_parameter=template.placement_parameter,
        keyword_parameter=template.keyword_parameter,
        click_url_parameters=template.click_url_parameters,
        tracks_in_parallel=template.tracks_in_parallel,
        notes=template.note,
    )
    SourceParameter.objects.bulk_create(
        SourceParameter(source=source, parameter=parameter, name=kept_as)
        for parameter, kept_as in template.parameters.items()
    )
    return source


SOURCE_TEMPLATES: tuple[SourceTemplate, ...] = (
    SourceTemplate(
        key="meta",
        name="Meta Ads",
        platform=_Platform.META,
        click_id_parameter="fbclid",
        placement_parameter="placement",
        keyword_parameter="adset_name",
        macros={
            "sub_id_1": "{{ad.id}}",
            "sub_id_2": "{{adset.id}}",
            "sub_id_3": "{{campaign.id}}",
            "sub_id_4": "{{site_source_name}}",
            "placement": "{{placement}}",
            "adset_name": "{{adset.name}}",
        },
        parameters=_UTM,
        note="Meta appends fbclid itself: never write fbclid={fbclid} into an ad.",
        told_by="doc.eulerian.com and docs.clar.io on Meta's URL parameters",
    ),
    SourceTemplate(
        key="google",
        name="Google Ads",
        platform=_Platform.GOOGLE,
        click_id_parameter="gclid",
        placement_parameter="placement",
        keyword_parameter="keyword",
        tracks_in_parallel=True,
        macros={
            "gclid": "{gclid}",
            "sub_id_1": "{creative}",
            "sub_id_2": "{adgroupid}",
            "sub_id_3": "{campaignid}",
            "sub_id_4": "{network}",
            "sub_id_5": "{matchtype}",
            "placement": "{placement}",
            "keyword": "{keyword}",
        },
        parameters={"gbraid": _Name.EXTERNAL_ID, "wbraid": _Name.EXTERNAL_ID, "utm_term": _Name.KEYWORD, **_UTM},
        note="Paste the tracking template of a campaign's page into Google Ads; auto-tagging has to be on.",
        told_by="support.google.com/google-ads/answer/6305348 and 7197008",
    ),
    SourceTemplate(
        key="tiktok",
        name="TikTok Ads",
        platform=_Platform.TIKTOK,
        click_id_parameter="ttclid",
        placement_parameter="placement",
        keyword_parameter="adgroup_name",
        macros={
            "sub_id_1": "__CID__",
            "sub_id_2": "__AID__",
            "sub_id_3": "__CAMPAIGN_ID__",
            "placement": "__PLACEMENT__",
            "adgroup_name": "__AID_NAME__",
        },
        parameters=_UTM,
        note="TikTok appends ttclid itself.",
        told_by="ads.tiktok.com/help/article/tiktok-click-id and ruler-documentation.readme.io/docs/tiktok-ads",
    ),
    SourceTemplate(
        key="kwai",
        name="Kwai",
        click_id_parameter="click_id",
        placement_parameter="placement",
        macros={
            "sub_id_1": "__CREATIVE_ID__",
            "sub_id_2": "__ADGROUP_ID__",
            "sub_id_3": "__CAMPAIGN_ID__",
            "placement": "__PLACEMENT__",
        },
        parameters=_UTM,
        note="Kwai appends click_id itself. Its macros are known from other advertisers' links: try one ad first.",
        told_by="links of advertisers in public repositories; Kwai publishes no list",
    ),
    SourceTemplate(
        key="microsoft",
        name="Microsoft Ads",
        click_id_parameter="msclkid",
        keyword_parameter="keyword",
        tracks_in_parallel=True,
        macros={
            "msclkid": "{msclkid}",
            "sub_id_1": "{AdId}",
            "sub_id_2": "{AdGroupId}",
            "sub_id_3": "{CampaignId}",
            "sub_id_4": "{Network}",
            "sub_id_5": "{MatchType}",
            "keyword": "{keyword}",
        },
        parameters={"utm_term": _Name.KEYWORD, **_UTM},
        note="Paste the tracking template of a campaign's page into Microsoft Advertising.",
        told_by="help.ads.microsoft.com/apex/index/3/en/56799",
    ),
    SourceTemplate(
        key="x",
        name="X Ads",
        click_id_parameter="twclid",
        parameters=_UTM,
        note="X appends twclid itself and has no macros: write sub ids by hand, or one tracking link for each ad.",
        told_by="opsblu.com/documentation/ad-platforms/x-ads",
    ),
    SourceTemplate(
        key="snapchat",
        name="Snapchat Ads",
        click_id_parameter="ScCid",
        placement_parameter="placement",
        keyword_parameter="adset_name",
        macros={
            "sub_id_1": "{{ad.id}}",
            "sub_id_2": "{{adSet.id}}",
            "sub_id_3": "{{campaign.id}}",
            "placement": "{{site_source_name}}",
            "adset_name": "{{adSet.name}}",
        },
        parameters=_UTM,
        note="Snapchat appends ScCid itself.",
        told_by="help.godatafeed.com on Snap URL macros, urlmacros.com/snapchat.html",
    ),
    SourceTemplate(
        key="reddit",
        name="Reddit Ads",
        click_id_parameter="rdt_cid",
        parameters=_UTM,
        note="Reddit appends rdt_cid itself; a macro of that name does not exist and would replace the real id.",
        told_by="docs.metarouter.io/docs/reddit-ads",
    ),
    SourceTemplate(
        key="propellerads",
        name="PropellerAds",
        click_id_parameter="visitor_id",
        cost_parameter="cost",
        placement_parameter="zoneid",
        macros={
            "visitor_id": "${SUBID}",
            "cost": "{cost}",
            "zoneid": "{zoneid}",
            "sub_id_1": "{bannerid}",
            "sub_id_3": "{campaignid}",
        },
        note="The cost is in the account's currency: set it here if it is not the campaigns'.",
        told_by="target URLs of PropellerAds campaigns in public repositories",
    ),
    SourceTemplate(
        key="taboola",
        name="Taboola",
        click_id_parameter="click_id",
        placement_parameter="site",
        macros={
            "click_id": "{click_id}",
            "site": "{site}",
            "sub_id_1": "{campaign_item_id}",
            "sub_id_2": "{site_id}",
            "sub_id_3": "{campaign_id}",
            "sub_id_4": "{platform}",
        },
        told_by="kintura.com/docs/presets (Taboola), developers.taboola.com/pixel/docs/s2s-manual-integration",
    ),
    SourceTemplate(
        key="outbrain",
        name="Outbrain",
        click_id_parameter="ob_click_id",
        placement_parameter="section_name",
        macros={
            "ob_click_id": "{{ob_click_id}}",
            "section_name": "{{section_name}}",
            "sub_id_1": "{{ad_id}}",
            "sub_id_2": "{{section_id}}",
            "sub_id_3": "{{campaign_id}}",
            "sub_id_4": "{{publisher_name}}",
        },
        told_by="outbrain.com/help/advertisers/server2server-integrations, suffixes of Amplify campaigns",
    ),
    SourceTemplate(
        key="mgid",
        name="MGID",
        click_id_parameter="click_id",
        cost_parameter="cost",
        placement_parameter="widget_id",
        macros={
            "click_id": "{click_id}",
            "cost": "{click_price}",
            "widget_id": "{widget_id}",
            "sub_id_1": "{teaser_id}",
            "sub_id_3": "{campaign_id}",
        },
        note="The cost is in the account's currency: set it here if it is not the campaigns'. MGID may later take "
        "single clicks off its own bill.",
        told_by="help.mgid.com/macros.-setting-up-non-standard-markup-for-links-to-track-traffic",
    ),
    SourceTemplate(
        key="richads",
        name="RichAds",
        click_id_parameter="click_id",
        placement_parameter="site_id",
        macros={
            "click_id": "[CLICK_ID]",
            "site_id": "[SITE_ID]",
            "sub_id_1": "[CREATIVE_ID]",
            "sub_id_2": "[PUBLISHER_ID]",
            "sub_id_3": "[CAMPAIGN_ID]",
        },
        told_by="validvisit.com/tools/tracking-tokens/richads, checked there against RichAds' own list",
    ),
    SourceTemplate(
        key="exoclick",
        name="ExoClick",
        click_id_parameter="conversions_tracking",
        cost_parameter="cost",
        placement_parameter="zone_id",
        macros={
            "conversions_tracking": "{conversions_tracking}",
            "cost": "{actual_cost}",
            "zone_id": "{zone_id}",
            "sub_id_2": "{site_id}",
            "sub_id_3": "{campaign_id}",
            "sub_id_4": "{src_hostname}",
        },
        note="The cost is in the account's currency: set it here if it is not the campaigns'.",
        told_by="docs.binom.org/conv-to-source.php, target URLs of ExoClick campaigns in public repositories",
    ),
    SourceTemplate(
        key="zeropark",
        name="Zeropark",
        click_id_parameter="cid",
        cost_parameter="cost",
        placement_parameter="target",
        keyword_parameter="keyword",
        macros={
            "cid": "{cid}",
            "cost": "{visit_cost}",
            "target": "{target}",
            "keyword": "{keyword}",
            "sub_id_2": "{source}",
            "sub_id_3": "{campaign_id}",
        },
        note="The cost is in the account's currency: set it here if it is not the campaigns'.",
        told_by="doc.zeropark.com/en/sources.html and the Zeropark template of ClickerVolt",
    ),
    SourceTemplate(
        key="trafficstars",
        name="TrafficStars",
        click_id_parameter="click_id",
        cost_parameter="cost",
        placement_parameter="site_id",
        keyword_parameter="keywords",
        macros={
            "click_id": "{click_id}",
            "cost": "{cost}",
            "site_id": "{site_id}",
            "keywords": "{keywords}",
            "sub_id_1": "{creative_id}",
            "sub_id_2": "{adspot_id}",
            "sub_id_3": "{campaign_id}",
        },
        note="The cost is in the account's currency: set it here if it is not the campaigns'.",
        told_by="support.trafficstars.com/advertising/tracking/what-are-the-available-dynamic-parameters",
    ),
)
BY_KEY: Mapping[str, SourceTemplate] = {template.key: template for template in SOURCE_TEMPLATES}
# Sources that were entered by hand are known by these.
BY_CLICK_ID: Mapping[str, SourceTemplate] = {
    template.click_id_parameter: template
    for template in SOURCE_TEMPLATES
    if template.click_id_parameter in APPENDED_CLICK_IDS
}
