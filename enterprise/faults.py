"""Errors that carry what the owner should do and whether trying again can help.

A code and its parameters are stored on the run; ``wording`` turns them into a sentence in the
viewer's language. Parameters never hold an e-mail, a token or a body.
"""

from __future__ import annotations

from typing import Any


class Fault(Exception):
    """A source could not be read, or what it gave cannot be used.

    ``retry`` says whether trying again can help; ``after`` is the least wait in seconds that the
    server asked for, if it did.
    """

    def __init__(
        self, code: str, *, retry: bool = False, after: float | None = None, **params: Any
    ) -> None:
        super().__init__(code)
        self.code = code
        self.retry = retry
        self.after = after
        self.params = params

    def __str__(self) -> str:
        return f"{self.code} {self.params}" if self.params else self.code


class Refused(Exception):
    """A request of a person that the rules do not allow now; ``code`` has a sentence in ``wording``.

    ``field`` names the form field at fault, if one is.
    """

    def __init__(self, code: str, *, field: str = "", **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self.params = params
