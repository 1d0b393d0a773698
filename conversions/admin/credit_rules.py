"""Rules of credit: their versions, and the page that shows what another version would change before it holds."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.html import format_html
from unfold.enums import ActionVariant
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from attribution.domain.credit_rules import (
    BUILT_IN,
    RuleStartsInThePast,
    end_rule,
    open_rule_version,
    rule_versions,
)
from attribution.domain.credit_words import terms_in_words
from attribution.models import Channel, CreditRule
from campaigns.models import Brand, Campaign
from conversions.domain.credit_preview import MOST_PLAYERS, preview_rule
from tracker_project.common.pages import (
    FactPage,
    ask_first,
    button,
    change_address,
    found,
    instant,
    label,
    list_address,
    plain_list,
)
from tracker_project.common.time import day_bounds

_STATE_COLOURS = {"In force": "success", "To come": "info", "Ended": "warning"}
_LONGEST_DAYS = 92


class RuleForm(forms.ModelForm[CreditRule]):
    """Another version's terms, from when they hold, and the past period that its effect is shown for."""

    channels = forms.CharField(
        widget=UnfoldAdminTextInputWidget,
        help_text="The strongest first, with commas: click, install, promo_code, partner_tag, view.",
    )
    starts_at = forms.DateTimeField(
        required=False,
        label="In force from (UTC)",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M"],
        help_text="Empty: from the moment it is applied. What registered before stays as it was credited.",
    )
    first = forms.DateField(label="Preview from", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    last = forms.DateField(label="Preview to", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    reason = forms.CharField(
        max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}), help_text="Kept with the version."
    )
    previewed = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = CreditRule
        fields: ClassVar[list[str]] = ["brand", "campaign", *CreditRule.TERMS, "starts_at", "reason"]
        widgets: ClassVar[dict[str, Any]] = {
            "brand": UnfoldAdminSelectWidget,
            "campaign": UnfoldAdminSelectWidget,
            "later_touch": UnfoldAdminSelectWidget,
            "credits_same_visitor": UnfoldBooleanWidget,
            **dict.fromkeys(
                (
                    "click_hours",
                    "install_hours",
                    "view_hours",
                    "deposit_days",
                    "protected_seconds",
                    "reengagement_days",
                ),
                UnfoldAdminIntegerFieldWidget,
            ),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, rows in (("brand", Brand.objects.order_by("name")), ("campaign", Campaign.objects.order_by("name"))):
            field = cast("forms.ModelChoiceField[Any]", self.fields[name])
            field.queryset, field.empty_label = rows, "All"

    def clean_channels(self) -> list[str]:
        named = [part.strip() for part in self.cleaned_data["channels"].split(",") if part.strip()]
        unknown = [each for each in named if each not in Channel.values]
        if unknown:
            raise forms.ValidationError(f"“{unknown[0]}” is no channel: choose among {', '.join(Channel.values)}.")
        if not named or len(set(named)) != len(named):
            raise forms.ValidationError("Name at least one channel, and each once.")
        return named

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("brand") and cleaned.get("campaign"):
            raise forms.ValidationError("Choose a brand or a campaign, not both.")
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last and (first > last or last - first >= timedelta(days=_LONGEST_DAYS)):
            raise forms.ValidationError(f"Preview from one day to a later one, at most {_LONGEST_DAYS} days.")
        return cleaned

    def seal(self) -> str:
        """Return what tells these terms from others: what was previewed is what is applied."""
        data = self.cleaned_data
        terms = {name: data[name] for name in CreditRule.TERMS}
        scope = [data["brand"].pk if data["brand"] else None, data["campaign"].pk if data["campaign"] else None]
        said = json.dumps([scope, terms, str(data["starts_at"])], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()

    def draft(self, *, at: datetime) -> CreditRule:
        """Return the version that the form describes, not stored."""
        data = self.cleaned_data
        return CreditRule(
            brand=data["brand"],
            campaign=data["campaign"],
            starts_at=data["starts_at"] or at,
            **{name: data[name] for name in CreditRule.TERMS},
        )


@admin.register(CreditRule)
class CreditRuleAdmin(FactPage):
    purpose = (
        "By which terms a player's touches are credited: a campaign's own, else its brand's, else the default. A "
        "version is never changed; another one takes its place for registrations to come."
    )
    empty = "No rule was made: the terms that the tracker comes with hold. Open a version to change them."
    list_display = ["scope_", "version", "state", "starts_at", "ends_at", "who"]
    list_filter = ["brand", "campaign"]
    list_select_related = ["brand", "campaign", "created_by"]
    ordering = ["-starts_at", "-id"]
    actions_list = ["new_version"]
    actions_detail = ["next_version", "end"]
    fields = ["scope_", ("version", "state"), ("starts_at", "ends_at"), "terms", "reason", ("who", "created_at")]

    def has_rule_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("attribution.add_creditrule")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        rule = self.get_object(request, str(object_id))
        is_open = rule is not None and rule.ends_at is None
        buttons = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        return buttons if is_open else []

    @admin.display(description="For")
    def scope_(self, rule: CreditRule) -> str:
        return rule.scope_name()

    @label("State", _STATE_COLOURS)
    def state(self, rule: CreditRule) -> str:
        now = datetime.now(UTC)
        if rule.starts_at > now:
            return "To come"
        return "In force" if rule.ends_at is None or rule.ends_at > now else "Ended"

    @admin.display(description="Terms")
    def terms(self, rule: CreditRule) -> str:
        return plain_list(terms_in_words(rule))

    @admin.display(description="Made by")
    def who(self, rule: CreditRule) -> str:
        return rule.created_by.get_username() if rule.created_by else "the tracker"

    @button("Open a version…", path="new-version", icon="add", permission="rule", variant=ActionVariant.PRIMARY)
    def new_version(self, request: HttpRequest) -> HttpResponse:
        """Ask for a scope and terms, show what they would change, and open the version."""
        scope = {"brand": request.GET.get("brand") or None, "campaign": request.GET.get("campaign") or None}
        return self._ask(request, _latest(scope))

    @button("Next version…", path="next-version", icon="edit", permission="rule", variant=ActionVariant.PRIMARY)
    def next_version(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask(request, found(self, request, object_id))

    @button("End…", path="end", icon="event_busy", permission="rule")
    def end(self, request: HttpRequest, object_id: str) -> HttpResponse:
        rule = found(self, request, object_id)
        if request.method == "POST":
            end_rule(rule, at=datetime.now(UTC))
            self.message_user(request, f"{rule} has ended.", messages.SUCCESS)
            return redirect(change_address(rule))
        return ask_first(
            self,
            request,
            rule,
            title=f"End {rule}",
            consequence="From now on registrations are credited by the wider rule: a campaign's by its brand's, a "
            "brand's by the default, the default's by the terms that the tracker comes with.",
            button="End it",
        )

    def _ask(self, request: HttpRequest, model: CreditRule) -> HttpResponse:
        if not self.has_rule_permission(request):
            raise PermissionDenied
        now = datetime.now(UTC)
        form = RuleForm(request.POST or None, initial=_initial(model, now))
        preview, status = None, 200
        if request.method == "POST" and form.is_valid():
            draft = form.draft(at=now)
            if "apply" in request.POST and form.cleaned_data["previewed"] == form.seal():
                try:
                    return self._open(request, draft, form.cleaned_data["reason"], now)
                except RuleStartsInThePast as refused:
                    form.add_error("starts_at", str(refused))
            first, last = form.cleaned_data["first"], form.cleaned_data["last"]
            preview = preview_rule(draft, starts_at=day_bounds(first, "UTC")[0], ends_at=day_bounds(last, "UTC")[1])
            form.data = {**request.POST.dict(), "previewed": form.seal()}
        elif request.method == "POST":
            status = 400
        context = {
            **self.admin_site.each_context(request),
            "title": "Another version of a rule of credit",
            "form": form,
            "preview": preview,
            "most_players": MOST_PLAYERS,
            "in_force": terms_in_words(model),
            "in_force_name": model.scope_name() if model.version else "The terms that the tracker comes with",
            "back": list_address(CreditRule),
        }
        return TemplateResponse(request, "tracker/credit_rule.html", context, status=status)

    def _open(self, request: HttpRequest, draft: CreditRule, reason: str, now: datetime) -> HttpResponse:
        rule = open_rule_version(draft, reason=reason, actor=cast(User, request.user), at=now)
        self.log_addition(request, rule, "Opened a version.")
        text = format_html("{} holds for registrations from {} UTC on.", rule, instant(rule.starts_at))
        self.message_user(request, text, messages.SUCCESS)
        return redirect(change_address(rule))


def _latest(scope: dict[str, Any]) -> CreditRule:
    """Return the scope's latest version, else terms to begin with."""
    brand = Brand.objects.filter(pk=scope["brand"]).first() if _is_number(scope["brand"]) else None
    campaign = Campaign.objects.filter(pk=scope["campaign"]).first() if _is_number(scope["campaign"]) else None
    versions = rule_versions(brand=brand, campaign=campaign).select_related("brand", "campaign")
    latest = versions.order_by("-version").first()
    return latest or CreditRule(brand=brand, campaign=campaign, version=0)


def _is_number(text: str | None) -> bool:
    return text is not None and text.isdecimal() and len(text) < 19


def _initial(model: CreditRule, now: datetime) -> dict[str, Any]:
    terms = {name: getattr(model, name) for name in CreditRule.TERMS}
    return {
        **terms,
        "channels": ", ".join(model.channels or BUILT_IN.channels),
        "brand": model.brand_id,
        "campaign": model.campaign_id,
        "reason": "",
        "first": (now - timedelta(days=30)).date(),
        "last": now.date(),
    }
