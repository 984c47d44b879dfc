"""A person's own settings."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from enterprise.forms import ProfileForm
from enterprise.models import User
from enterprise.selectors.members import identities_of
from enterprise.views import shell


@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """Language, time zone, theme; the password is changed on a page of its own."""
    user = request.user
    if not isinstance(user, User):
        raise Http404
    form = ProfileForm(request.POST or None, instance=User.objects.get(pk=user.pk))
    if request.method == "POST" and form.is_valid():
        saved = form.save()
        with override(saved.language or get_language()):
            messages.success(request, _("Saved."))
        return redirect("profile")
    status = shell.REFUSED if form.errors else 200
    context = {"form": form, "identities": identities_of(user)}
    return render(request, "enterprise/profile.html", context, status=status)
