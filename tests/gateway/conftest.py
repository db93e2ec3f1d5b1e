from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import MemoryBus
from tests.gateway.server import RunningGateway, running_gateway


@pytest.fixture
def gateway(transactional_db: None, bus: MemoryBus) -> Iterator[RunningGateway]:
    """A gateway process's worth of Portico, reached over real sockets."""
    del transactional_db
    with running_gateway(bus) as running:
        yield running
