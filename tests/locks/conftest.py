from __future__ import annotations

from collections.abc import Iterator

import pytest

from portico.accounts.models import User
from portico.locks.models import LockAccount
from portico.sites.models import Site
from tests.factories import make_installer, make_site, run_jobs
from tests.factories.locks import make_lock_account
from tests.integrations.server import FakeSalto, salto_locks, serving


@pytest.fixture
def salto() -> Iterator[FakeSalto]:
    fake = FakeSalto(locks=salto_locks())
    with serving(fake):
        yield fake


@pytest.fixture
def installer(db: None) -> User:
    return make_installer("ida")


@pytest.fixture
def site(installer: User) -> Site:
    return make_site(installer, "Ryan")


@pytest.fixture
def account(installer: User, salto: FakeSalto) -> LockAccount:
    """An account whose locks are known."""
    found = make_lock_account(installer, salto.values)
    run_jobs()
    found.refresh_from_db()
    return found
