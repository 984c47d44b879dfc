"""Keys that the embedded mode makes once and keeps in the data folder, for its owner only."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.fernet import Fernet

from licsync.env import refused


def data_folder(path: Path) -> Path:
    """Make the data folder, closed to other users, if it is not there.

    One that was made for a new console, or by a demo inside of it, is closed too. Where there is a
    key already somebody has opened the folder since, which licsync.E001 tells.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (path / "secret_key").exists():
            with contextlib.suppress(PermissionError):  # not our own: licsync.E001 tells
                path.chmod(0o700)
    except OSError as error:
        raise refused("LICSYNC_VAR_DIR", "cannot be made; name a folder we may write.") from error
    return path


def kept(path: Path, make: Callable[[], str]) -> str:
    """The key in ``path``; made first if there is none. Processes that start at once get the same.

    The key is written to a file of its own and linked into place, which one process wins, so that
    nobody reads half of it.
    """
    if not path.exists():
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(make() + "\n")
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):  # another was first: its key is the key
                os.link(draft, path)
        finally:
            draft.unlink()
    return path.read_text(encoding="ascii").strip()


def new_secret_key() -> str:
    return secrets.token_urlsafe(64)


def new_credential_key() -> str:
    return Fernet.generate_key().decode("ascii")


def checked_credential_keys(name: str, keys: Sequence[str]) -> list[str]:
    """``keys`` if each is a Fernet key and there is one at least; the first one encrypts."""
    hint = (
        "make one with: python -c "
        '"from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
    )
    if not keys:
        raise refused(name, f"must be set (or {name}_FILE); {hint}")
    for position, key in enumerate(keys, start=1):
        try:
            Fernet(key)
        except ValueError as error:
            raise refused(name, f"key {position} is not a Fernet key; {hint}") from error
    return list(keys)
