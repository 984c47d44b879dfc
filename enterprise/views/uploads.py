"""The page "Add server usage": a file in, a preview out, which is the held run's own page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import closing
from functools import wraps
from typing import TYPE_CHECKING, Any, BinaryIO, Concatenate, ParamSpec

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.core.validators import MinValueValidator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from enterprise import wording
from enterprise.access import Access, Permission, enterprise_view
from enterprise.faults import Fault, Refused
from enterprise.forms import refuse
from enterprise.models import RunTrigger, ServerInstance
from enterprise.services.receiving import Spool
from enterprise.services.uploads import Received, upload_take
from enterprise.sources.upload import MAX_BYTES
from enterprise.views import shell

P = ParamSpec("P")

if TYPE_CHECKING:
    _UploadedFile = UploadedFile[bytes]
else:
    _UploadedFile = UploadedFile


class SpooledFile(_UploadedFile):
    """An uploaded file in a spool; ``fault`` says why it is not whole, None if it is."""

    def __init__(self, spool: BinaryIO, name: str | None, size: int, fault: Fault | None) -> None:
        super().__init__(file=spool, name=name, size=size)
        self.spool = spool
        self.fault = fault


class UploadForm(forms.Form):
    """What is uploaded, of which instance, and as of when."""

    instance = forms.ModelChoiceField(
        label=_("Instance"),
        queryset=ServerInstance.objects.none(),
        empty_label=None,
        to_field_name="host_name",
        help_text=_("Those with GitHub Connect enabled."),
    )
    file = forms.FileField(
        label=_("File"),
        allow_empty_file=True,
        help_text=_("licsync.server-usage/1 or the site-admin report all_users.csv, also as gzip."),
    )
    exported_at = forms.DateTimeField(
        label=_("Exported at"),
        required=False,
        validators=[MinValueValidator(dt.datetime(2000, 1, 1, tzinfo=dt.UTC))],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def __init__(self, access: Access, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["exported_at"].help_text = _(
            "When all_users.csv was downloaded, by the clock of %(zone)s. The other format says it"
            " itself."
        ) % {"zone": timezone.get_current_timezone_name()}
        field = self.fields["instance"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - declared above
        field.queryset = access.enterprise.instances.filter(connect_enabled=True).order_by(
            "host_name"
        )

    def clean_file(self) -> SpooledFile:
        file: SpooledFile = self.cleaned_data["file"]
        if file.fault is not None:
            raise forms.ValidationError(wording.fault_sentence(file.fault))
        return file


class SpoolHandler(FileUploadHandler):
    """Puts the one file into a nameless one of ours; its content type and size are not believed."""

    chunk_size = 2**20

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.spool = Spool()
        self.fault: Fault | None = None

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if self.fault is None:  # the rest is read, so that the browser shows the answer
            try:
                self.spool.write(raw_data)
            except Fault as fault:
                self.fault = fault

    def file_complete(self, file_size: int) -> SpooledFile:
        return SpooledFile(self.spool.file, self.file_name, file_size, self.fault)


def receiving_file(
    view: Callable[Concatenate[HttpRequest, Access, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, Access, P], HttpResponseBase]:
    """A view that takes a large file: only from whoever may send one, and into a spool.

    The check against forged requests reads the form, hence the file: it comes after the check of
    the role, for which the outermost view must be exempt from it.
    """

    @wraps(view)
    def wrapped(
        request: HttpRequest, access: Access, /, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponseBase:
        request.upload_handlers = [SpoolHandler(request)]

        def inner(request: HttpRequest) -> HttpResponse:
            return view(request, access, *args, **kwargs)

        return csrf_protect(inner)(request)

    return wrapped


@csrf_exempt  # inside, receiving_file checks
@enterprise_view(Permission.CHANGE)
@receiving_file
def upload(request: HttpRequest, access: Access) -> HttpResponse:
    """GET asks; POST takes the file and shows the run, held as its preview or failed."""
    if request.method != "POST":
        form = UploadForm(access, initial={"instance": request.GET.get("instance", "")})
        return _page(request, access, form)
    form = UploadForm(access, request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, access, form)
    file: SpooledFile = form.cleaned_data["file"]
    try:
        with closing(file):
            run, _new = upload_take(
                enterprise=access.enterprise,
                actor=access.actor,
                trigger=RunTrigger.UPLOAD,
                received=Received(file.spool, file.name or "", form.cleaned_data["exported_at"]),
                instance=form.cleaned_data["instance"],
                hold=True,
            )
    except Refused as refused:
        refuse(form, refused)
    except Fault as fault:
        form.add_error("file", wording.fault_sentence(fault))
    else:
        return redirect("run", access.enterprise.slug, run.pk)
    return _page(request, access, form)


def _page(request: HttpRequest, access: Access, form: UploadForm) -> HttpResponse:
    return shell.page(
        request,
        access,
        "enterprise/uploads/upload.html",
        {"form": form, "limit": MAX_BYTES},
        tab="settings",
        side="connect",
        status=shell.REFUSED if form.errors else 200,
    )
