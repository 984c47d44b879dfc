"""The sandbox fleet and its enterprise, as the tests of the sync itself have them."""

from tests.sync.conftest import enterprise, fleet

__all__ = ["enterprise", "fleet"]
