"""Pages on whose changes campaigns depend: what would break an active one is undone and said in its form."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from campaigns.domain.soundness import CampaignBroken, refuse_broken
from tracker_project.common.database import broken_constraint
from tracker_project.common.pages import Page

# What the database says when another change came between looking and saving.
_WALLS = {
    "active_campaign_leads_somewhere": "An active campaign would have neither an offer nor a flow that leads anywhere.",
    "one_default_flow_per_campaign": "The campaign has an active default flow already.",
    "one_flow_per_name_and_campaign": "The campaign has a flow of this name already.",
    "one_cap_of_a_kind": "There is a cap of this kind already.",
}


@dataclass(kw_only=True)
class Attempt:
    """A change that is not committed yet: the campaigns that it may break, and what to say once it is."""

    campaigns: set[int] = field(default_factory=set)
    said: list[tuple[Any, ...]] = field(default_factory=list)
    refused_for: list[str] = field(default_factory=list)


class _Undone(Exception):
    """A deletion was only tried."""


class RefusingPage(Page):
    """A page whose changes are tried in a transaction and refused, with the reasons, when they break a campaign."""

    delete_confirmation_template = "tracker/delete_confirmation.html"
    delete_selected_confirmation_template = "tracker/delete_selected_confirmation.html"

    def campaigns_at_risk(self, row: Any) -> set[int]:
        """Return the ids of the campaigns that a change of `row` may break."""
        raise NotImplementedError

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        def answer() -> Any:
            return super(RefusingPage, self).changeform_view(request, object_id, form_url, extra_context)

        if request.method != "POST":
            return answer()
        tried = self._try(request, answer)
        # Refused: the same form once more, which now says why and saves nothing.
        return answer() if tried is None else tried

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        def answer() -> Any:
            return super(RefusingPage, self).changelist_view(request, extra_context)

        if request.method != "POST":
            return answer()
        tried = self._try(request, answer)
        if tried is not None:
            return tried
        if "_save" in request.POST:
            return answer()
        return self._back(request, request.get_full_path())

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        def answer() -> Any:
            return super(RefusingPage, self).delete_view(request, object_id, extra_context)

        if request.method != "POST":
            return answer()
        tried = self._try(request, answer)
        return self._back(request, request.get_full_path()) if tried is None else tried

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        deleted, counts, missing, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, missing, protected or self._broken_by_deleting(list(objs))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        attempt = _attempt_of(request)
        return _refused(form, attempt.refused_for) if attempt and attempt.refused_for else form

    def get_changelist_formset(self, request: HttpRequest, **kwargs: Any) -> Any:
        formset = super().get_changelist_formset(request, **kwargs)
        attempt = _attempt_of(request)
        return _refused(formset, attempt.refused_for) if attempt and attempt.refused_for else formset

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        self._note_risk(request, [form.instance])

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self._note_risk(request, [obj])
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        self._note_risk(request, queryset)
        super().delete_queryset(request, queryset)

    def message_user(
        self,
        request: HttpRequest,
        message: Any,
        level: int | str = messages.INFO,
        extra_tags: str = "",
        fail_silently: bool = False,
    ) -> None:
        attempt = _attempt_of(request)
        if attempt is None:
            super().message_user(request, message, level, extra_tags, fail_silently)
        else:
            attempt.said.append((message, level, extra_tags, fail_silently))

    def _try(self, request: HttpRequest, answer: Callable[[], Any]) -> Any:
        """Return the answer once its changes are sound and committed; else None, with the reasons kept."""
        attempt = Attempt()
        request.tracker_attempt = attempt  # type: ignore[attr-defined]
        try:
            with transaction.atomic():
                response = answer()
                refuse_broken(attempt.campaigns)
        except CampaignBroken as broken:
            attempt.refused_for = broken.sentences
            return None
        except IntegrityError as error:
            sentence = _WALLS.get(broken_constraint(error))
            if sentence is None:
                raise
            attempt.refused_for = [sentence]
            return None
        del request.tracker_attempt  # type: ignore[attr-defined]
        for said in attempt.said:
            self.message_user(request, *said)
        return response

    def _back(self, request: HttpRequest, address: str) -> HttpResponse:
        attempt = _attempt_of(request)
        del request.tracker_attempt  # type: ignore[attr-defined]
        for sentence in attempt.refused_for if attempt else []:
            self.message_user(request, sentence, messages.ERROR)
        return HttpResponseRedirect(address)

    def _note_risk(self, request: HttpRequest, rows: Iterable[Any]) -> None:
        attempt = _attempt_of(request)
        if attempt is not None:
            attempt.campaigns.update(*(self.campaigns_at_risk(row) for row in rows))

    def _broken_by_deleting(self, rows: list[Model]) -> list[str]:
        """Return why `rows` cannot be deleted, by deleting them and taking it back."""
        if not rows:
            return []
        at_risk = set[int]().union(*(self.campaigns_at_risk(row) for row in rows))
        try:
            with transaction.atomic():
                type(rows[0])._default_manager.filter(pk__in=[row.pk for row in rows]).delete()
                refuse_broken(at_risk)
                raise _Undone
        except _Undone:
            return []
        except CampaignBroken as broken:
            return broken.sentences


def _attempt_of(request: HttpRequest) -> Attempt | None:
    return getattr(request, "tracker_attempt", None)


def _refused(form: type[Any], sentences: list[str]) -> type[Any]:
    """Return the class of a form or formset that is invalid for these reasons."""

    class Refused(form):  # type: ignore[misc]
        def clean(self) -> Any:
            super().clean()
            raise forms.ValidationError([forms.ValidationError(each, code="campaign_broken") for each in sentences])

    return Refused
