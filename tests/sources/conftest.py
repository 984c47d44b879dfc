from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator

import pytest

from enterprise.faults import Fault
from tests.sources.peer import SECRETS, Peer, peers


@pytest.fixture
def make_peer() -> Iterator[Callable[..., Peer]]:
    yield from peers()


@pytest.fixture
def caught() -> Callable[[Callable[[], object]], Fault]:
    """Run something that must end in a Fault, which must tell nothing personal and no secret."""

    def run(action: Callable[[], object]) -> Fault:
        with pytest.raises(Fault) as info:
            action()
        fault = info.value
        text = "".join(traceback.format_exception(fault)) + repr(fault.params)
        assert not [secret for secret in SECRETS if secret in text], text
        assert fault.__cause__ is None
        return fault

    return run
