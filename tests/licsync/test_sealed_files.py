"""Encrypted files: read back as written, and nothing that was done to them goes unnoticed."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from licsync.sealed_files import MAGIC, PIECE, SealedReader, SealingWriter, UnsealError

WORD = "correct horse battery staple"


def sealed(plain: bytes, passphrase: str = WORD) -> bytes:
    file = io.BytesIO()
    writer = SealingWriter(file, passphrase)
    for start in range(0, len(plain), 10_000):
        writer.write(plain[start : start + 10_000])
    writer.close()
    return file.getvalue()


def opened(data: bytes, passphrase: str = WORD) -> bytes:
    file = io.BytesIO(data)
    assert file.read(len(MAGIC)) == MAGIC
    reader = SealedReader(file, passphrase)
    parts = []
    while part := reader.read(7000):
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_what_is_read_is_what_was_written(size: int) -> None:
    plain = bytes(range(256)) * (size // 256 + 1)
    assert opened(sealed(plain[:size])) == plain[:size]


def test_nothing_of_it_can_be_seen() -> None:
    assert b"mona@example.com" not in sealed(b"mona@example.com" * 100)


def test_another_passphrase_opens_nothing() -> None:
    with pytest.raises(UnsealError):
        opened(sealed(b"x"), "another passphrase")


HEAD = len(MAGIC) + 16
SEALED = PIECE + 16


@pytest.mark.parametrize(
    "deed",
    [
        lambda data: data[:-1],
        lambda data: data[: HEAD + SEALED],
        lambda data: data[: HEAD + SEALED] + data[HEAD + 2 * SEALED :],
        lambda data: data[:HEAD] + data[HEAD + SEALED : HEAD + 2 * SEALED] + data[HEAD:],
        lambda data: data[: HEAD + 5] + bytes([data[HEAD + 5] ^ 1]) + data[HEAD + 6 :],
        lambda data: data + b"x",
    ],
    ids=["cut", "cut after a piece", "a piece left out", "in another order", "a bit", "longer"],
)
def test_a_file_that_was_changed_or_cut_off_is_refused(deed: Callable[[bytes], bytes]) -> None:
    with pytest.raises(UnsealError):
        opened(deed(sealed(b"a" * (3 * PIECE))))
