"""Files encrypted with a passphrase, written and read in pieces of any size.

The key comes from the passphrase by scrypt, with a salt of the file. Pieces of 64 KiB are sealed by
AES-256-GCM; the nonce counts them and marks the last one, so that pieces cannot be cut off, left out,
repeated or put in another order without being noticed.
"""

from __future__ import annotations

import os
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

MAGIC = b"licsync.sealed/1\n"
PIECE = 64 * 1024
_SALT = 16
_TAG = 16


class UnsealError(Exception):
    """The file was changed or cut off, or the passphrase is another one."""


def _cipher(passphrase: str, salt: bytes) -> AESGCM:
    return AESGCM(Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(passphrase.encode()))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


class SealingWriter:
    """Encrypts what is written to it; without ``close`` the file has no end, and cannot be read."""

    def __init__(self, file: IO[bytes], passphrase: str) -> None:
        salt = os.urandom(_SALT)
        file.write(MAGIC + salt)
        self._file, self._cipher = file, _cipher(passphrase, salt)
        self._number = 0
        self._waiting = bytearray()

    def write(self, data: bytes) -> int:
        self._waiting += data
        while len(self._waiting) > PIECE:
            self._seal(bytes(self._waiting[:PIECE]), last=False)
            del self._waiting[:PIECE]
        return len(data)

    def flush(self) -> None:
        """Whole pieces are written as they fill."""

    def close(self) -> None:
        self._seal(bytes(self._waiting), last=True)
        self._waiting.clear()

    def _seal(self, piece: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, last=last), piece, MAGIC))
        self._number += 1


class SealedReader:
    """Decrypts a file whose MAGIC has been read. Raises UnsealError while reading."""

    def __init__(self, file: IO[bytes], passphrase: str) -> None:
        self._file, self._cipher = file, _cipher(passphrase, file.read(_SALT))
        self._number = 0
        self._next = file.read(PIECE + _TAG)
        self._ready = bytearray()
        self._ended = False

    def read(self, size: int = -1) -> bytes:
        while not self._ended and (size < 0 or len(self._ready) < size):
            self._ready += self._unseal()
        count = len(self._ready) if size < 0 else size
        data = bytes(self._ready[:count])
        del self._ready[:count]
        return data

    def _unseal(self) -> bytes:
        piece, self._next = self._next, self._file.read(PIECE + _TAG)
        self._ended = not self._next
        try:
            plain = self._cipher.decrypt(_nonce(self._number, last=self._ended), piece, MAGIC)
        except InvalidTag:
            raise UnsealError from None
        self._number += 1
        return plain
