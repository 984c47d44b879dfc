"""Which group of an identity provider has which role in this enterprise."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from enterprise.access import Access, Permission, confirmed, enterprise_view
from enterprise.selectors.members import group_role_get, group_roles, persons_by_groups
from enterprise.services.single_sign_on import group_role_remove, group_role_set
from enterprise.settings_forms import GroupRoleForm
from enterprise.views import shell


@enterprise_view(Permission.SEE_SETTINGS)
@confirmed
def groups(request: HttpRequest, access: Access) -> HttpResponse:
    """The rules; an owner adds one below them."""
    form = GroupRoleForm(request.POST or None)
    give = partial(group_role_set, enterprise=access.enterprise, actor=access.actor)
    done = _("%(group)s has the role from the next sign-in of each of its members on.")
    if shell.saved(request, form, give, done % {"group": form.data.get("group", "")}):
        return redirect("groups", access.enterprise.slug)
    context = {"form": form, "rules": group_roles(access.enterprise)}
    status = shell.REFUSED if form.errors else 200
    template = "enterprise/members/groups.html"
    return shell.page(
        request, access, template, context, tab="settings", side="members", status=status
    )


@enterprise_view(Permission.CHANGE)
def group_remove(request: HttpRequest, access: Access, pk: int) -> HttpResponse:
    """GET asks; POST removes."""
    rule = shell.found_or_404(group_role_get(access.enterprise, pk))
    if request.method != "POST":
        return shell.ask(
            request,
            access,
            "enterprise/members/_group_remove_form.html",
            {"rule": rule, "persons": persons_by_groups(access.enterprise, rule.provider)},
            title=_("Remove the role of %(group)s?") % {"group": rule.group},
            back=(_("Single sign-on groups"), reverse("groups", args=[access.enterprise.slug])),
            tab="settings",
            side="members",
        )
    group_role_remove(rule=rule, actor=access.actor)
    text = _("%(group)s has no role any more. Its members are signed out, and sign in without it.")
    messages.success(request, text % {"group": rule.group})
    return redirect("groups", access.enterprise.slug)
