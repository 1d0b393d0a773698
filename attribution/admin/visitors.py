"""Who counts as a visitor: the operator's rules for bots, and the networks of staff."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError

from attribution.domain.visitor_rules import plain_network, plain_pattern
from attribution.models import BotRule, StaffNetwork
from tracker_project.common.pages import Page, label

VERDICT_COLOURS = {"A bot": "danger", "A person": "success"}


class BotRuleForm(forms.ModelForm[BotRule]):
    """Brings the pattern into the form that edges compare with."""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        kind, pattern = cleaned.get("kind"), cleaned.get("pattern")
        if kind and pattern:
            try:
                cleaned["pattern"] = plain_pattern(kind, pattern)
            except ValidationError as error:
                self.add_error("pattern", error)
        return cleaned


@admin.register(BotRule)
class BotRuleAdmin(Page):
    form = BotRuleForm
    purpose = (
        "Your own word on who is a bot, asked before the built-in lists; a rule for a person wins over one for a bot. "
        "Bots are sent on like everybody, and counted apart. Edges follow within seconds; clicks that are stored stay "
        "what they are."
    )
    empty = "No rule of your own: the built-in lists decide. Add one where they take a bot for a person, or a person."
    list_display = ["pattern", "kind", "verdict_label", "is_active", "notes"]
    list_display_links = ["pattern"]
    list_filter = ["kind", "verdict", "is_active"]
    search_fields = ["pattern", "notes"]
    ordering = ["kind", "pattern"]

    @label("Who matches is", VERDICT_COLOURS)
    def verdict_label(self, rule: BotRule) -> str:
        return rule.get_verdict_display()


class StaffNetworkForm(forms.ModelForm[StaffNetwork]):
    """Brings the network into the form that edges compare with."""

    def clean_network(self) -> str:
        return plain_network(self.cleaned_data["network"])


@admin.register(StaffNetwork)
class StaffNetworkAdmin(Page):
    form = StaffNetworkForm
    purpose = (
        "Networks of your own people. Their clicks are kept and marked as staff; no report counts them, unless the "
        "campaign says that it does."
    )
    empty = "No network yet: your own visits count like everybody's. Add the office's network to leave them out."
    list_display = ["network", "notes"]
    search_fields = ["network", "notes"]
    ordering = ["network"]
