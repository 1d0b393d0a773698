"""Apple's well-known paths, under the registrable domain that an app names; with and without the slash at the end."""

from django.urls import re_path

from conversions.api.apple import AdAttributionKitPostback, SKAdNetworkPostback

urlpatterns = [
    re_path(r"^skadnetwork/report-attribution/?\Z", SKAdNetworkPostback.as_view(), name="skadnetwork-postback"),
    re_path(
        r"^appattribution/report-attribution/?\Z", AdAttributionKitPostback.as_view(), name="adattributionkit-postback"
    ),
]
