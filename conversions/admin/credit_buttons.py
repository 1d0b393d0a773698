"""The buttons on a player's page by which staff change his credit: each asks for a reason and calls one verb."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from attribution.domain.touches import Claim
from campaigns.models import Partner, TrackingLink
from conversions.domain.credit_story import touch_title
from conversions.domain.interventions import (
    AlreadyMerged,
    NothingToRetag,
    UnusableTouch,
    is_retagged,
    join_touch,
    merge_players,
    rejoin_touch,
    release_player,
    retag_player,
    separate_touch,
    undo_merge,
)
from conversions.domain.touchpoints import rows_of, standing_rows_of
from conversions.models import Player, PlayerMerge, Touchpoint
from tracker_project.common.pages import FactPage, ask_first, button, change_address, found

_Act = Callable[..., Any]


class _Reasoned(forms.Form):
    """Asks why; a subclass asks for more before it."""

    reason = forms.CharField(
        max_length=400,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Kept under your name, and shown in the history of both partners.",
    )

    field_order = ("link", "partner", "click_id", "promo_code", "partner_tag", "other", "touch", "merge", "reason")

    def __init__(self, player: Player, data: Any) -> None:
        super().__init__(data)
        self.player = player


class RetagForm(_Reasoned):
    link = forms.CharField(
        required=False,
        max_length=32,
        widget=UnfoldAdminTextInputWidget,
        label="Tracking link's code",
        help_text="Gives him to the link's campaign and partner.",
    )
    partner = forms.ModelChoiceField(
        Partner.objects.order_by("name"),
        required=False,
        empty_label="",
        widget=UnfoldAdminSelectWidget,
        help_text="Without a link: to the partner alone, without a campaign.",
    )

    def clean_link(self) -> TrackingLink | None:
        code = self.cleaned_data["link"].strip()
        if not code:
            return None
        link = TrackingLink.objects.select_related("partner").filter(code=code).first()  # at most one, by constraint
        if link is None:
            raise forms.ValidationError("There is no tracking link of this code.")
        return link

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and bool(cleaned.get("link")) == bool(cleaned.get("partner")):
            raise forms.ValidationError("Give a link's code or choose a partner: one of the two.")
        return cleaned


class JoinForm(_Reasoned):
    click_id = forms.CharField(
        required=False, max_length=48, widget=UnfoldAdminTextInputWidget, help_text="48 digits and letters a to f."
    )
    promo_code = forms.CharField(required=False, max_length=50, widget=UnfoldAdminTextInputWidget)
    partner_tag = forms.CharField(required=False, max_length=50, widget=UnfoldAdminTextInputWidget)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        named = [name for name in ("click_id", "promo_code", "partner_tag") if cleaned.get(name)]
        if not self.errors and len(named) != 1:
            raise forms.ValidationError("Give one of the three.")
        return cleaned


class TouchForm(_Reasoned):
    touch = forms.ChoiceField(widget=UnfoldAdminSelectWidget)

    def __init__(self, player: Player, data: Any, *, separated: bool) -> None:
        super().__init__(player, data)
        self.rows = {f"{row.channel}:{row.name}": row for row in _touches(player, separated=separated)}
        choices = [(key, f"{touch_title(row)}, {row.occurred_at:%Y-%m-%d %H:%M}") for key, row in self.rows.items()]
        cast(forms.ChoiceField, self.fields["touch"]).choices = choices


class MergeForm(_Reasoned):
    other = forms.CharField(
        max_length=200, widget=UnfoldAdminTextInputWidget, label="The other player's id", help_text="Whole."
    )

    def clean_other(self) -> Player:
        players = Player.objects.filter(platform=self.player.platform_id, player_id=self.cleaned_data["other"].strip())
        other = players.exclude(pk=self.player.pk).first()  # at most one, by constraint
        if other is None:
            raise forms.ValidationError("This platform has no other player of this id.")
        return other


class UndoMergeForm(_Reasoned):
    merge = forms.ModelChoiceField(PlayerMerge.objects.none(), empty_label=None, widget=UnfoldAdminSelectWidget)

    def __init__(self, player: Player, data: Any) -> None:
        super().__init__(player, data)
        field = cast("forms.ModelChoiceField[PlayerMerge]", self.fields["merge"])
        field.queryset = _merges(player)
        field.label_from_instance = self._other  # type: ignore[method-assign]

    def _other(self, obj: PlayerMerge) -> str:
        return str(obj.other if obj.player_id == self.player.pk else obj.player)


class CreditButtons(FactPage):
    """A player's page with the buttons that change his credit."""

    actions_detail = ["retag", "release", "separate", "rejoin", "join", "merge", "unmerge"]

    def has_credit_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("conversions.add_creditintervention")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        player = self.get_object(request, str(object_id))
        offered = _offered(player) if player else set()
        buttons = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        return [each for each in buttons if each.path in offered]

    @button("Re-tag…", path="retag", icon="sell", permission="credit")
    def retag(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def act(player: Player, data: dict[str, Any], **by: Any) -> None:
            retag_player(player, link=data["link"], partner=data["partner"], **by)

        return self._change(
            request,
            object_id,
            title="Give to another partner or link",
            consequence="His registration and all his deposits are credited to whom you choose, and reviewed again. "
            "Commissions move with them: what was booked for one partner is reversed and booked for the other.",
            form=RetagForm,
            act=act,
        )

    @button("Release…", path="release", icon="undo", permission="credit")
    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def act(player: Player, data: dict[str, Any], **by: Any) -> None:
            release_player(player, **by)

        return self._change(
            request,
            object_id,
            title="Leave to the rule again",
            consequence="His touches and the rule in force when he registered decide again who is credited.",
            form=_Reasoned,
            act=act,
        )

    @button("Separate…", path="separate", icon="link_off", permission="credit")
    def separate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._touch(
            request,
            object_id,
            separated=False,
            title="Separate a touch",
            consequence="The touch no longer counts as his, nor what is known of him by it alone.",
            verb=separate_touch,
        )

    @button("Put back…", path="rejoin", icon="link", permission="credit")
    def rejoin(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._touch(
            request,
            object_id,
            separated=True,
            title="Put a touch back",
            consequence="The touch counts as his again.",
            verb=rejoin_touch,
        )

    @button("Join…", path="join", icon="add_link", permission="credit")
    def join(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def act(player: Player, data: dict[str, Any], **by: Any) -> None:
            names = ("click_id", "promo_code", "partner_tag")
            join_touch(player, Claim(**{name: data[name].strip() for name in names}), **by)

        return self._change(
            request,
            object_id,
            title="Join a touch",
            consequence="The click, code or tag counts as his, and the rule in force when he registered decides anew.",
            form=JoinForm,
            act=act,
        )

    @button("Merge…", path="merge", icon="merge", permission="credit")
    def merge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def act(player: Player, data: dict[str, Any], **by: Any) -> None:
            merge_players(player, data["other"], **by)

        return self._change(
            request,
            object_id,
            title="Merge with another player",
            consequence="The touches of both count for both. Their accounts, deposits and values stay apart, and the "
            "merge can be undone.",
            form=MergeForm,
            act=act,
        )

    @button("Unmerge…", path="unmerge", icon="call_split", permission="credit")
    def unmerge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def act(player: Player, data: dict[str, Any], **by: Any) -> None:
            undo_merge(data["merge"], **by)

        return self._change(
            request,
            object_id,
            title="Undo a merge",
            consequence="Each has his own touches again, and his credit is decided by them.",
            form=UndoMergeForm,
            act=act,
        )

    def _touch(
        self, request: HttpRequest, object_id: str, *, separated: bool, title: str, consequence: str, verb: _Act
    ) -> HttpResponse:
        def act(player: Player, data: dict[str, Any], **by: Any) -> None:
            channel, _, name = data["touch"].partition(":")
            verb(player, channel=channel, name=name, **by)

        def form(player: Player, data: Any) -> forms.Form:
            return TouchForm(player, data, separated=separated)

        return self._change(request, object_id, title=title, consequence=consequence, form=form, act=act)

    def _change(
        self, request: HttpRequest, object_id: str, *, title: str, consequence: str, form: _Act, act: _Act
    ) -> HttpResponse:
        player = found(self, request, object_id)
        asked = form(player, request.POST or None)
        if request.method == "POST" and asked.is_valid():
            by = {"actor": cast(User, request.user), "at": datetime.now(UTC), "reason": asked.cleaned_data["reason"]}
            try:
                act(player, asked.cleaned_data, **by)
            except (NothingToRetag, UnusableTouch, AlreadyMerged) as refused:
                asked.add_error(None, str(refused))
            else:
                self.message_user(request, "Done. His timeline says what followed from it.", messages.SUCCESS)
                return redirect(change_address(player))
        return ask_first(self, request, player, title=title, consequence=consequence, button=title, form=asked)


def _touches(player: Player, *, separated: bool) -> list[Touchpoint]:
    """Return one row for each of the player's touches that stand, or of those that were separated."""
    standing = {row.pk for row in standing_rows_of(player)}
    rows = [row for row in rows_of(player) if (row.pk in standing) != separated]
    return list({(row.channel, row.name): row for row in rows}.values())


def _merges(player: Player) -> Any:
    merges = PlayerMerge.objects.filter(Q(player=player) | Q(other=player), undone_at=None)
    return merges.select_related("player", "other").order_by("pk")


def _offered(player: Player) -> set[str]:
    """Return the buttons that would change something."""
    offered = {"join", "merge"}
    if player.registered_at is not None:
        offered.add("retag")
    if is_retagged(player):
        offered.add("release")
    if _touches(player, separated=False):
        offered.add("separate")
    if _touches(player, separated=True):
        offered.add("rejoin")
    if _merges(player).exists():
        offered.add("unmerge")
    return offered
