"""One server for all tests that do not end it: each has people of its own."""

from collections.abc import Iterator

import pytest
from house import House, house


@pytest.fixture(scope="session")
def home() -> Iterator[House]:
    with house() as one:
        yield one
