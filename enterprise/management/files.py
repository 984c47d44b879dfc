"""Writing a file from a command: to standard output, or to a place where it appears only when whole."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from django.core.management import CommandError
from django.utils.translation import gettext as _

from enterprise.management.runs import EXIT_FAILED, EXIT_USAGE


def write_out(chunks: Iterable[bytes], *, output: Path | None, name: str) -> Path | None:
    """Write ``chunks`` and return the path, None for standard output.

    ``output`` is the file, or a folder in which it is called ``name``. It is written beside and
    renamed, so that a file with its name is whole; one that was there is replaced. Only its owner may
    read it. Raises CommandError where it cannot be written, and whatever ``chunks`` raises.
    """
    try:
        return _written(chunks, output=output, name=name)
    except OSError as error:
        message = _("The file could not be finished: %s.") % error.strerror
        raise CommandError(message, returncode=EXIT_FAILED) from error


def _written(chunks: Iterable[bytes], *, output: Path | None, name: str) -> Path | None:
    if output is None:
        for chunk in chunks:
            sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
        return None
    path = output / name if output.is_dir() else output
    try:
        number, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        message = _("Cannot write in %(folder)s: %(reason)s.")
        raise CommandError(
            message % {"folder": path.parent, "reason": error.strerror}, returncode=EXIT_USAGE
        ) from error
    try:
        with os.fdopen(number, "wb") as file:
            file.writelines(chunks)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    return path
