"""allauth's pages of recovery codes, for codes that cannot be read since the key of them is lost too.

Without it they end in an error, the one by which somebody gets new codes as well.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.mfa.recovery_codes import views
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from licsync.sign_in import UnreadableError

View = Callable[..., HttpResponseBase]


def _new_ones_if_unreadable(view: View) -> View:
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except UnreadableError:
            messages.error(
                request,
                _(
                    "Your recovery codes cannot be read: the server lost the key to them."
                    " Generate new ones here."
                ),
            )
            return redirect("mfa_generate_recovery_codes")

    return wrapped


class GenerateRecoveryCodesView(views.GenerateRecoveryCodesView):  # type: ignore[misc]
    """Of codes that cannot be read, none is left."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        try:
            context: dict[str, Any] = super().get_context_data(**kwargs)
        except UnreadableError:
            context = super(views.GenerateRecoveryCodesView, self).get_context_data(**kwargs)
            context["unused_code_count"] = 0
        return context


view_recovery_codes = _new_ones_if_unreadable(views.view_recovery_codes)
download_recovery_codes = _new_ones_if_unreadable(views.download_recovery_codes)
generate_recovery_codes = GenerateRecoveryCodesView.as_view()
