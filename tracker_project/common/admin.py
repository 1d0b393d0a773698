"""Staff accounts and their groups, in the theme's forms."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from tracker_project.common.pages import Page

admin.site.index_title = "Overview"
admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin[User], Page):
    purpose = "People who may sign in here. Give rights by group; a superuser may do everything."
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "first_name", "last_name", "is_active", "is_superuser", "last_login"]
    list_filter = ["is_active", "is_superuser", "groups"]


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, Page):
    purpose = "Sets of rights: what media buyers, finance and others may see and do."
    empty = "Make one group for each kind of work, such as Media buyers and Finance, and put people in it."
