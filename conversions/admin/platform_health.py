"""What a platform's page says of its health, and its buttons: a sample, the sandbox, a link for its developer."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from campaigns.models import TrackingLink
from conversions.api.sample import PREFIX, Step, send_sample, way_of
from conversions.domain.developer_links import LONGEST_DAYS, give_link
from conversions.domain.sandbox import open_sandbox
from conversions.models import Endpoint, Platform, Player, SourceWatch
from tracker_project.common.pages import (
    Page,
    ask_first,
    button,
    change_address,
    copyable,
    found,
    instant,
    link_to,
)


class SampleForm(forms.Form):
    link = forms.CharField(
        label="Tracking link",
        required=False,
        max_length=50,
        widget=UnfoldAdminTextInputWidget(),
        help_text="The code of the link by which the test player comes; empty: he comes by none, and nobody is "
        "credited. The click itself is not counted.",
    )

    def clean_link(self) -> TrackingLink | None:
        code = self.cleaned_data["link"].strip()
        if not code:
            return None
        link = TrackingLink.objects.select_related("campaign__offer").filter(code=code).first()  # at most one
        if link is None:
            raise forms.ValidationError(
                f"No tracking link has the code “{code}”: copy it from Running › Tracking links."
            )
        return link


class GiveLinkForm(forms.Form):
    given_to = forms.CharField(
        label="For whom",
        max_length=100,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Such as “integration team of the casino”: so that you know later whom you gave it.",
    )
    days = forms.IntegerField(
        label="Days",
        min_value=1,
        max_value=LONGEST_DAYS,
        initial=14,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=f"It ends by itself after so many days, at most {LONGEST_DAYS}.",
    )


def silence_of(source: Platform | Endpoint) -> str:
    """Return when a source was heard last and what is unusual about its silence, for its page."""
    of = {"endpoint": source} if isinstance(source, Endpoint) else {"platform": source, "endpoint": None}
    watch = SourceWatch.objects.filter(**of).first()  # at most one, by constraint
    if watch is None:
        return "Nothing has come yet, or it has not been looked at yet: that happens every five minutes."
    heard = f"Last on {instant(watch.last_heard_at)} UTC, first on {instant(watch.first_heard_at)} UTC."
    return f"{watch.alarm} {heard}" if watch.alarm else heard


if TYPE_CHECKING:
    _Base = Page
else:
    _Base = object


class ShowsSilence(_Base):
    """A source's page says when it was heard."""

    @admin.display(description="Heard")
    def heard(self, source: Platform | Endpoint) -> str:
        return silence_of(source)


class PlatformHealth(ShowsSilence):
    """The parts of a platform's page that are about its health; it names `heard` and `sandbox_shown` in its fields."""

    health_actions = ["try_the_whole_way", "show_sandbox", "give_a_link"]

    @admin.display(description="Sandbox")
    def sandbox_shown(self, platform: Platform) -> Any:
        if platform.sandbox_of is not None:
            return link_to(
                platform.sandbox_of, f"This is the sandbox of {platform.sandbox_of}: all that comes is a test."
            )
        sandbox = Platform.objects.filter(sandbox_of=platform).first()  # at most one, by constraint
        return link_to(sandbox) if sandbox else "None yet: the button “Sandbox key…” makes one."

    @button("Send a sample…", path="sample", icon="science", permission="change")
    def try_the_whole_way(self, request: HttpRequest, object_id: str) -> HttpResponse:
        platform = found(self, request, object_id)
        if player_id := request.GET.get("player"):
            return self._show_way(request, platform, player_id)
        form = SampleForm(request.POST or None, initial={"link": _newest_link()})
        if request.method == "POST" and form.is_valid():
            player_id, steps = send_sample(platform, link=form.cleaned_data["link"], at=timezone.now())
            request.session[_session_key(player_id)] = [asdict(step) for step in steps]
            self.log_change(request, platform, f"Sent a sample as the test player {player_id}.")
            return redirect(f"{request.path}?player={player_id}")
        return ask_first(
            self,
            request,
            platform,
            title="Send a sample",
            consequence="A test player registers and deposits by signed messages that go the whole way: signature, "
            "inbox, recording, credit, review, and postbacks to destinations in test mode. He counts in no total.",
            button="Send the sample",
            form=form,
        )

    @button("Sandbox key…", path="sandbox", icon="experiment", permission="change")
    def show_sandbox(self, request: HttpRequest, object_id: str) -> HttpResponse:
        platform = found(self, request, object_id)
        known = Platform.objects.filter(sandbox_of=platform).first()  # at most one, by constraint
        if known is not None:
            self.message_user(request, "This is the sandbox. If its secret is lost, make a new one here.")
            return redirect(change_address(known))
        if request.method == "POST":
            sandbox = open_sandbox(platform)
            self.log_change(request, platform, "Opened the sandbox.")
            return self._show_sandbox_secret(request, platform, sandbox)
        return ask_first(
            self,
            request,
            platform,
            title="Sandbox key",
            consequence="A second secret is made and shown once. What the casino signs with it, at the same addresses, "
            "is recorded as a test, with players and transactions apart from the real ones: it never counts.",
            button="Make the sandbox key",
        )

    @button("Link for the developer…", path="developer-link", icon="share", permission="change")
    def give_a_link(self, request: HttpRequest, object_id: str) -> HttpResponse:
        platform = found(self, request, object_id)
        form = GiveLinkForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            link = give_link(platform, **form.cleaned_data, by=request.user, at=timezone.now())
            self.log_change(request, platform, f"Made a link for {link.given_to}.")
            return redirect(change_address(link))
        return ask_first(
            self,
            request,
            platform,
            title="Link for the developer",
            consequence="Whoever has the link sees this platform's last requests with our answers, and its sandbox's, "
            "without signing in here: no other platform, no figures, no personal data. You can take it back.",
            button="Make the link",
            form=form,
        )

    def _show_way(self, request: HttpRequest, platform: Platform, player_id: str) -> HttpResponse:
        posted = [Step(**step) for step in request.session.get(_session_key(player_id), [])]
        is_known = bool(posted) or Player.objects.filter(platform=platform, player_id=player_id).exists()
        if not player_id.startswith(PREFIX) or not is_known:
            raise Http404
        steps = [*posted, *way_of(platform, player_id)]
        waits = any(step.is_right is None and "test mode:" not in step.result for step in steps)
        context = {
            **self.admin_site.each_context(request),
            "title": "Sample of the whole way",
            "subject": platform,
            "player_id": player_id,
            "steps": steps,
            "waits": waits,
            "again": request.path,
            "back": change_address(platform),
        }
        return TemplateResponse(request, "tracker/sample.html", context)

    def _show_sandbox_secret(self, request: HttpRequest, platform: Platform, sandbox: Platform) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"Sandbox key of {platform}",
            "key": copyable(sandbox.secret),
            "intro": "The casino's developer signs his tests with it, at the same addresses as real messages, such as:",
            "address": copyable(f"{settings.PUBLIC_WEB_URL}/webhooks/{platform.slug}/registration"),
            "advice": "Whatever is signed with it is a test and never counts.",
            "back": change_address(sandbox),
        }
        # The admin's views are never cached, so the key is in nobody's history.
        return TemplateResponse(request, "tracker/key_shown_once.html", context)


def developer_address(token: str) -> str:
    """Return the whole address of a developer's page."""
    return settings.PUBLIC_WEB_URL + reverse("developer-requests", args=[token])


def _newest_link() -> str:
    return TrackingLink.objects.order_by("-pk").values_list("code", flat=True).first() or ""


def _session_key(player_id: str) -> str:
    return f"sample {player_id}"
