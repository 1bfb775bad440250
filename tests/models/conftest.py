"""Every test of a model starts from torch's own settings, whatever ran before it in this process."""

from collections.abc import Iterator

import pytest

from models import speed


@pytest.fixture(autouse=True)
def plain_settings() -> Iterator[None]:
    speed.apply(speed.PLAIN)
    yield
    speed.apply(speed.PLAIN)
