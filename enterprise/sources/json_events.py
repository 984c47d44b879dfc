"""JSON of any size as a stream of events, in bounded memory, with the place of a fault in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import ijson

from enterprise.faults import Fault

Event = tuple[str, Any]
Chunks = Callable[[], Iterator[bytes]]

MAX_QUIET = 2**20  # bytes without progress: far more than the longest user
_MARK = b"\xef\xbb\xbf"


class JsonEvents:
    """The events of ijson over chunks that can be opened again.

    ``take`` gives the next event. Whoever reads calls ``progress`` after each part of bounded size;
    Fault ``upload_item_too_large`` is raised where that never comes, so that one endless value does
    not fill the memory. Text that is no JSON is Fault ``upload_not_json`` (line, column), text that
    ends too early ``upload_truncated_json`` (line, column, path).
    """

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks
        self._quiet = 0
        self.path = ""  # what is being read, for faults that the reader does not raise itself
        self.take: Callable[[], Event] = self._events().__next__

    def progress(self) -> None:
        self._quiet = 0

    def end(self) -> None:
        """Read to the end of the text, after which nothing may come but white space."""
        for _event in iter(self.take, ("", None)):
            pass

    def _events(self) -> Iterator[Event]:
        found = ijson.sendable_list()
        parser = ijson.basic_parse_coro(found)
        for number, chunk in enumerate(_unmarked(self._chunks())):
            broken = not _feed(parser, chunk)
            yield from found
            found.clear()
            if broken:
                line, column = self._place(number)
                raise Fault("upload_not_json", line=line, column=column)
            self._quiet += len(chunk)
            if self._quiet > MAX_QUIET:
                raise Fault("upload_item_too_large", path=self.path, limit=MAX_QUIET)
        complete = _close(parser)
        yield from found
        if not complete:
            line, column = self._place(None)
            raise Fault("upload_truncated_json", line=line, column=column, path=self.path)
        yield "", None

    def _place(self, broken: int | None) -> tuple[int, int]:
        """Line and column (in bytes, from 1) where chunk ``broken`` is no JSON; None for the end."""
        line, column = 1, 1
        parser = ijson.basic_parse_coro(found := ijson.sendable_list())
        for number, chunk in enumerate(_unmarked(self._chunks())):
            good = chunk
            if number == broken:
                good = chunk[: _first_bad(parser, chunk)]
            elif broken is not None:
                _feed(parser, chunk)
                found.clear()
            newlines = good.count(b"\n")
            line += newlines
            column = len(good) - good.rfind(b"\n") if newlines else column + len(good)
            if number == broken:
                break
        return line, column


def _first_bad(parser: Any, chunk: bytes) -> int:
    """How many bytes of the chunk are good."""
    for at in range(len(chunk)):
        if not _feed(parser, chunk[at : at + 1]):
            return at
    return len(chunk)


def _feed(parser: Any, chunk: bytes) -> bool:
    """Whether the chunk goes on as JSON does. The parser's message quotes the text and is dropped."""
    try:
        parser.send(chunk)
    except (ijson.JSONError, ValueError, SystemError):  # the last two: a number without end
        return False
    return True


def _close(parser: Any) -> bool:
    try:
        parser.close()
    except ijson.JSONError:
        return False
    return True


def _unmarked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Drop a byte order mark."""
    first = next(chunks, b"")
    yield first.removeprefix(_MARK)
    yield from chunks
