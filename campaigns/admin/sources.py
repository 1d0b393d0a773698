"""Admin of traffic sources, and the page that adds one from a network's template."""

from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from campaigns.admin.archive import with_note
from campaigns.admin.refusing import RefusingPage
from campaigns.domain.link_addresses import source_parameters
from campaigns.domain.source_templates import BY_KEY, SOURCE_TEMPLATES, SourceTemplate, add_source_from
from campaigns.models import Campaign, SourceParameter, TrafficSource
from tracker_project.common.database import broken_constraint
from tracker_project.common.pages import NOTHING, Inline, button, change_address, copyable, list_address


class SourceParameterInline(Inline):
    model = SourceParameter
    fields = ["parameter", "name"]
    verbose_name = "parameter"
    verbose_name_plural = "More parameters of its links"
    ordering = ["id"]


class SourceForm(forms.ModelForm[TrafficSource]):
    class Meta:
        model = TrafficSource
        exclude: ClassVar[Any] = []

    def clean_click_url_parameters(self) -> str:
        text = str(self.cleaned_data["click_url_parameters"]).strip().lstrip("?&")
        if any(character.isspace() for character in text):
            raise forms.ValidationError("Write them in one line without blanks, such as sub_id_1={{ad.id}}&cost={cost}")
        return text


class TemplateForm(forms.Form):
    """Which network, and what the new source is called."""

    template = forms.ChoiceField(
        label="network", choices=[(each.key, each.name) for each in SOURCE_TEMPLATES], widget=UnfoldAdminSelectWidget
    )
    name = forms.CharField(
        max_length=100,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Empty: the network's name. Give another one where you have several accounts.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        template = self.chosen
        cleaned["name"] = (cleaned.get("name") or "").strip() or (template.name if template else "")
        if TrafficSource.objects.filter(name=cleaned["name"]).exists():
            self.add_error("name", f"There is a source called “{cleaned['name']}” already: write another name.")
        return cleaned

    @property
    def chosen(self) -> SourceTemplate | None:
        return BY_KEY.get(self.cleaned_data.get("template", ""))


@admin.register(TrafficSource)
class TrafficSourceAdmin(RefusingPage):
    form = SourceForm
    purpose = "Networks that sell clicks, and the names of the URL parameters in which each sends its own facts."
    empty = "Add the first one from a template, such as Meta Ads or Google Ads; campaigns buy from it."
    list_display = ["named", "platform", "click_id_parameter", "cost_parameter", "in_parallel"]
    list_filter = ["platform", "tracks_in_parallel"]
    search_fields = ["name", "click_id_parameter", "notes"]
    ordering = ["name"]
    inlines = [SourceParameterInline]
    actions_list = ["add_from_template"]
    fieldsets = [
        (None, {"fields": [("name", "platform"), ("click_id_parameter", "tracks_in_parallel")]}),
        ("Cost of a click", {"fields": [("cost_parameter", "cost_currency")]}),
        ("Where it was shown", {"fields": [("placement_parameter", "keyword_parameter")]}),
        ("To paste", {"fields": ["click_url_parameters", "to_paste"]}),
        ("Notes", {"classes": ["collapse"], "fields": ["notes"]}),
    ]
    readonly_fields = ["to_paste"]

    def campaigns_at_risk(self, row: TrafficSource) -> set[int]:
        return set(Campaign.objects.filter(source=row).values_list("pk", flat=True))

    def has_template_permission(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request)

    @admin.display(description="Name", ordering="name")
    def named(self, source: TrafficSource) -> str:
        return with_note(source.name, source.notes)

    @admin.display(description="Tracks in parallel", ordering="tracks_in_parallel")
    def in_parallel(self, source: TrafficSource) -> str:
        return "yes" if source.tracks_in_parallel else NOTHING

    @admin.display(description="A link's parameters")
    def to_paste(self, source: TrafficSource) -> str:
        return copyable(source_parameters(source)) if source.pk else "shown once saved"

    @button(
        "Add from a template…",
        path="add-from-template",
        icon="library_add",
        permission="template",
        variant=ActionVariant.PRIMARY,
    )
    def add_from_template(self, request: HttpRequest) -> HttpResponse:
        """Ask for a network and a name, and save the source that its template describes."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = TemplateForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            template = cast(SourceTemplate, form.chosen)
            try:
                with transaction.atomic():
                    source = add_source_from(template, name=form.cleaned_data["name"])
                    self.log_addition(request, source, f"Added from the template {template.name}.")
            except IntegrityError as error:
                if "name" not in broken_constraint(error):
                    raise
                form.add_error("name", "There is a source of this name already.")
            else:
                self.message_user(request, f"{source} is ready: look its parameters through.", messages.SUCCESS)
                return redirect(change_address(source))
        context = {
            **self.admin_site.each_context(request),
            "title": "Add a source from a template",
            "form": form,
            "templates": SOURCE_TEMPLATES,
            "back": list_address(TrafficSource),
        }
        return TemplateResponse(request, "tracker/source_templates.html", context)
