"""Reading the body of a reply: bounded in size, packed and unpacked, and in time."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping

import requests
import urllib3
import urllib3.exceptions

from enterprise.faults import Fault
from licsync.watch import Watch

_STEP = 2**16
_GZIP = 31  # zlib's number for gzip with a full window
_ERROR_BYTES = 64 * 2**10
_ERROR_SECONDS = 10.0


class Reply:
    """A reply whose body is still to be read, in limited steps."""

    def __init__(self, response: requests.Response, checkpoint: Callable[[], None]) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._raw: urllib3.HTTPResponse = response.raw
        self._checkpoint = checkpoint

    @property
    def framed(self) -> bool:
        """Whether the server said where the body ends, so that a cut one is noticed."""
        return (
            "content-length" in self.headers
            or "chunked" in self.headers.get("transfer-encoding", "").lower()
        )

    def message(self) -> str:
        """Give the beginning of an error body, only to be compared with known phrases."""
        try:
            return b"".join(self.chunks(limit=_ERROR_BYTES, seconds=_ERROR_SECONDS)).decode(
                errors="replace"
            )
        except Fault:
            return ""  # the status says enough

    def chunks(self, *, limit: int, seconds: float) -> Iterator[bytes]:
        """Yield the body, at most ``limit`` bytes before and after unpacking, within ``seconds``.

        Raises Fault ``too_large``, ``timed_out``, ``cut_short`` or ``unreadable_encoding``.
        """
        encoding = self.headers.get("content-encoding", "").strip().lower()
        if encoding in ("", "identity"):
            yield from self._received(limit, seconds)
        elif encoding in ("gzip", "x-gzip"):
            yield from unpacked(self._received(limit, seconds), limit)
        else:
            raise Fault("unreadable_encoding")

    def _received(self, limit: int, seconds: float) -> Iterator[bytes]:
        size = 0
        with Watch(seconds, self._raw.shutdown) as watch:
            while True:
                self._checkpoint()
                fault = None
                chunk = b""
                try:
                    chunk = self._raw.read1(_STEP, decode_content=False)
                except urllib3.exceptions.ReadTimeoutError:
                    fault = Fault("timed_out", retry=True)
                except (urllib3.exceptions.HTTPError, OSError, ValueError):
                    fault = Fault("cut_short", retry=True)
                if watch.fired:
                    raise Fault("timed_out", retry=True)
                if fault is not None:
                    raise fault
                if not chunk:
                    return
                size += len(chunk)
                if size > limit:
                    raise Fault("too_large", limit=limit)
                yield chunk


def unpacked(chunks: Iterator[bytes], limit: int) -> Iterator[bytes]:
    """Unpack gzip, of several members too, in bounded steps.

    A bomb is noticed when it has unfolded one step too far.
    """
    unpacker = zlib.decompressobj(_GZIP)
    size = 0
    for chunk in chunks:
        packed = chunk
        while packed:
            if unpacker.eof:
                unpacker = zlib.decompressobj(_GZIP)
            piece, broken = b"", False
            try:
                piece = unpacker.decompress(packed, _STEP)
            except zlib.error:
                broken = True
            if broken:
                raise Fault("unreadable_encoding")
            packed = unpacker.unconsumed_tail or unpacker.unused_data
            size += len(piece)
            if size > limit:
                raise Fault("too_large", limit=limit)
            if piece:
                yield piece
    rest = unpacker.flush()
    if not unpacker.eof:
        raise Fault("cut_short", retry=True)
    if rest:
        yield rest
