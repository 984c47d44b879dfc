"""The one normalization of e-mail addresses: domain.md section 3, rule 1.

Everything that is compared as an e-mail passes through here exactly once, while it is read.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import idna

_HIDDEN = "•••"


def normalize(address: str) -> str:
    """Give the form of an address in which two of them are compared; ``""`` is no e-mail.

    Trimmed and split at the last ``@``; the local part to NFC and then lower case (``ß`` stays
    ``ß``, plus tags and dots stay); the domain as ``normalize_domain`` says. A value without ``@``,
    such as a NameID, is treated as a local part.
    """
    address = address.strip()
    if address.isascii():
        # NFC leaves ASCII alone, and UTS 46 maps an ASCII domain to its lower case or fails.
        return address.lower()
    local, at, domain = address.rpartition("@")
    if not at:
        return unicodedata.normalize("NFC", domain).lower()
    return f"{unicodedata.normalize('NFC', local).lower()}@{normalize_domain(domain)}"


@lru_cache(maxsize=4096)
def normalize_domain(domain: str) -> str:
    """Give a domain in A-labels by UTS 46, non-transitional; plain lower case where that fails."""
    try:
        return idna.encode(domain, uts46=True, transitional=False).decode("ascii")
    except UnicodeError:  # idna.IDNAError is one; so is a lone surrogate
        return domain.lower()


REMOVED = "(removed)"
"""What stands in the history where an e-mail address was erased."""


def mask(address: str) -> str:
    """Hide an address from whoever may not see it: ``a•••@domain`` (domain.md section 8).

    A value without ``@`` keeps only its first character; ``""`` stays ``""``.
    """
    local, at, domain = address.strip().rpartition("@")
    if not at:
        local, domain = domain, ""
    if not (local or domain):
        return ""
    return f"{local[:1]}{_HIDDEN}{at}{domain}"


def mask_text(text: str) -> str:
    """Hide whatever looks like an address in what somebody wrote."""
    return re.sub(r"[^\s<>()]*@[^\s<>()]*", lambda found: mask(found[0]), text)
