"""The button that copies a row, after asking for the copy's name."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.widgets import UnfoldAdminTextInputWidget

from campaigns.domain.cloning import NameTaken, name_of_copy
from campaigns.domain.soundness import CampaignBroken
from tracker_project.common.pages import Page, ask_first, change_address, found


class CopyForm(forms.Form):
    name = forms.CharField(max_length=100, widget=UnfoldAdminTextInputWidget, label="Name of the copy")


class Copyable(Page):
    """A page with the button; whoever may add rows may copy them."""

    def has_copy_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.has_add_permission(request)


def copy_row(
    page: Page,
    request: HttpRequest,
    object_id: str,
    *,
    consequence: str,
    clone: Callable[..., Any],
    taken: Callable[[Any, str], bool],
) -> HttpResponse:
    """Ask for a name, copy the row with `clone(row, name=…)`, and lead to the copy.

    `taken(row, name)` says whether a name is in use where the copy will be.
    """
    row = found(page, request, object_id)
    form = CopyForm(request.POST or None, initial={"name": name_of_copy(row.name, lambda name: taken(row, name))})
    if request.method == "POST" and form.is_valid():
        try:
            copy = clone(row, name=form.cleaned_data["name"])
        except NameTaken:
            form.add_error("name", "This name is taken.")
        except CampaignBroken as broken:
            for sentence in broken.sentences:
                form.add_error(None, sentence)
        else:
            page.log_addition(request, copy, f"Copied from {row}.")
            page.message_user(request, f"This is the copy of {row}.", messages.SUCCESS)
            return redirect(change_address(copy))
    return ask_first(page, request, row, title=f"Copy {row}", consequence=consequence, button="Copy", form=form)
