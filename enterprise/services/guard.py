"""When a result is too surprising to apply without an owner (domain.md section 5, "Held")."""

from __future__ import annotations

from typing import NamedTuple

from enterprise.models import Enterprise, ServerInstance


class Loss(NamedTuple):
    """How much of what is applied a result takes away: removed, no longer consuming, e-mail changed."""

    removed: int = 0
    stopped: int = 0
    moved: int = 0

    @property
    def total(self) -> int:
        return self.removed + self.stopped + self.moved


def guard_share(enterprise: Enterprise, instance: ServerInstance | None) -> int:
    """Per cent of the applied accounts that one run may take away by itself."""
    if instance is not None and instance.guard_share is not None:
        return instance.guard_share
    return enterprise.guard_share


def guard_allows(*, enterprise: Enterprise, share: int, applied: int, loss: Loss) -> bool:
    """Whether a loss is within max(guard_minimum, share per cent of what is applied)."""
    return loss.total <= max(enterprise.guard_minimum, applied * share / 100)


def first_read_is_plausible(*, share: int, read: int, stated: int | None) -> bool:
    """Whether a first read has at least (100 − share) per cent of the instance's own user total."""
    return stated is None or read >= stated * (100 - share) / 100
