from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integrations.server import (
    FakeExivo,
    FakeSalto,
    FakeVendor,
    exivo_locks,
    salto_locks,
    serving,
)


@pytest.fixture(params=["salto", "dormakaba"])
def vendor(request: pytest.FixtureRequest) -> Iterator[FakeVendor]:
    """A server of each shape in turn."""
    fake: FakeVendor = FakeSalto(locks=salto_locks())
    if request.param == "dormakaba":
        fake = FakeExivo(locks=exivo_locks())
    with serving(fake):
        yield fake


@pytest.fixture
def salto() -> Iterator[FakeSalto]:
    fake = FakeSalto(locks=salto_locks())
    with serving(fake):
        yield fake
