"""Bases of the admin's pages: lists that do not count, facts that nobody edits, buttons that ask first."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django import forms
from django.contrib.admin import ModelAdmin, ShowFacets, TabularInline
from django.contrib.admin.utils import quote, unquote
from django.contrib.postgres.fields import ArrayField
from django.db.models import Field, Model, TextField
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.paginator import InfinitePaginator
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from tracker_project.common.fields import AmountField
from tracker_project.common.money import format_amount

# The theme's classes are Django's with more attributes, and not typed.
if TYPE_CHECKING:
    ThemedModelAdmin = ModelAdmin[Any]
    ThemedTabularInline = TabularInline[Any, Any]
else:
    from unfold.admin import ModelAdmin as ThemedModelAdmin
    from unfold.admin import TabularInline as ThemedTabularInline

NOTHING = "–"
Method = TypeVar("Method", bound=Callable[..., Any])


class TidyAmount(forms.DecimalField):
    """An amount without the zeros that the column pads it with."""

    def prepare_value(self, value: Any) -> Any:
        return tidy(value) if isinstance(value, Decimal) else value


# Keeps an amount and its currency on one line.
_NO_BREAK = "\N{NO-BREAK SPACE}"

FORM_FIELDS: Mapping[type[Field[Any, Any]], Mapping[str, Any]] = {
    AmountField: {"form_class": TidyAmount, "widget": UnfoldAdminDecimalFieldWidget},
    ArrayField: {"widget": UnfoldAdminTextInputWidget},
    TextField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 3})},
}


class Page(ThemedModelAdmin):
    """A list and a form; `purpose` says above the list what it is for, `empty` below it what to do next."""

    purpose = ""
    empty = ""
    formfield_overrides = FORM_FIELDS
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_filter_sheet = False
    list_per_page = 50
    list_before_template = "tracker/purpose.html"
    warn_unsaved_form = True


class FactPage(Page):
    """What happened: looked at and searched, never added, changed or deleted. Its list is never counted."""

    paginator = InfinitePaginator
    # Only columns with an index may be sorted by; a page names its own.
    sortable_by: ClassVar[list[str] | tuple[str, ...] | None] = ()
    warn_unsaved_form = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Inline(ThemedTabularInline):
    """Rows that are edited on their parent's page."""

    formfield_overrides = FORM_FIELDS
    extra = 0


class FactInline(Inline):
    """Rows that are only shown on their parent's page."""

    can_delete = False
    hide_title = True

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return list(self.fields or [])

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def label(description: str, colours: Mapping[str, str]) -> Callable[[Method], Method]:
    """Return a decorator that shows a column's text as a label, in the colour that `colours` names for it."""
    decorated: Callable[[Method], Method] = display(description=description, label=dict(colours))
    return decorated


def button(
    description: str, *, path: str, icon: str, permission: str, variant: ActionVariant = ActionVariant.DEFAULT
) -> Callable[[Method], Method]:
    """Return a decorator that makes a method a button on a row's page, at `path` under it."""
    decorated: Callable[[Method], Method] = action(
        description=description, url_path=path, icon=icon, permissions=[permission], variant=variant
    )
    return decorated


class ReasonForm(forms.Form):
    """Why a person decided so: kept with the decision."""

    reason = forms.CharField(
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Kept with the decision, under your name.",
    )


def ask_first(
    page: Page,
    request: HttpRequest,
    subject: Model,
    *,
    title: str,
    consequence: str,
    button: str,
    form: forms.Form | None = None,
) -> TemplateResponse:
    """Return the page that says what a button will do and asks for a go-ahead (and for `form`, where given)."""
    context = {
        **page.admin_site.each_context(request),
        "title": title,
        "subject": subject,
        "consequence": consequence,
        "button": button,
        "form": form,
        "back": change_address(subject),
    }
    return TemplateResponse(request, "tracker/ask_first.html", context)


def found(page: Page, request: HttpRequest, object_id: str) -> Any:
    """Return the row that a button was pressed on; raises `Http404`."""
    row = page.get_object(request, unquote(object_id))
    if row is None:
        raise Http404
    return row


def change_address(row: Model) -> str:
    """Return the address of the admin page of `row`."""
    options = row._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[quote(row.pk)])


def list_address(model: type[Model]) -> str:
    """Return the address of the admin list of `model`."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def link_to(row: Model | None, text: str = "") -> SafeString | str:
    """Return a link to the admin page of `row`, or a dash where there is none."""
    if row is None:
        return NOTHING
    return format_html('<a class="tracker-link" href="{}">{}</a>', change_address(row), text or str(row))


def copyable(text: str) -> SafeString:
    """Return `text` with a button that copies it."""
    return format_html('<span class="tracker-copy"><code>{}</code>{}</span>', text, copy_button(text))


def copy_button(text: str, name: str = "Copy") -> SafeString:
    """Return a button that copies `text`; copy.js makes it work."""
    return format_html(
        '<button type="button" class="tracker-copy-button" data-copy="{}" title="{}">'
        '<span class="material-symbols-outlined" aria-hidden="true">content_copy</span>'
        '<span data-copy-label aria-live="polite">{}</span></button>',
        text,
        text,
        name,
    )


def exact(amount: Decimal | None, currency: str | None) -> str:
    """Return an amount for people with all the digits that it has, such as the cost of a click, or a dash."""
    if amount is None or not currency:
        return NOTHING
    return f"{tidy(amount)}{_NO_BREAK}{currency}"


def tidy(number: Decimal) -> str:
    """Return `number` without padding, at least two digits after the point, for a form."""
    text = f"{number.normalize():f}"
    whole, _, digits = text.partition(".")
    return f"{whole}.{digits:0<2}"


def money(amount: Decimal | None, currency: str | None) -> str:
    """Return an amount for people, rounded to its currency, or a dash."""
    if amount is None or not currency:
        return NOTHING
    return f"{format_amount(amount, currency)}{_NO_BREAK}{currency}"


def instant(at: datetime | None) -> str:
    """Return an instant for people, in UTC as the whole admin, or a dash."""
    return date_format(localtime(at), "DATETIME_FORMAT") if at else NOTHING


def plain_list(facts: dict[str, Any] | None) -> SafeString | str:
    """Return the fields of a JSON object as lines of name and value."""
    if not facts:
        return NOTHING
    lines = [format_html("<dt>{}</dt><dd>{}</dd>", name, _text(value)) for name, value in facts.items()]
    return format_html('<dl class="tracker-facts">{}</dl>', SafeString("".join(lines)))


def _text(value: Any) -> str:
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_text(part)}" for name, part in value.items())
    return str(value)
