"""Third-party locks in the app (DEV-6)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from portico.appapi import waiting
from portico.locks.models import Lock, LockCommand
from portico.sites.models import Entitlement
from tests.appapi.support import House
from tests.factories import make_installer, make_site, run_jobs
from tests.factories.locks import make_lock, make_lock_account
from tests.integrations.server import FRONT, FakeSalto, salto_locks, serving

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@pytest.fixture
def salto() -> Iterator[FakeSalto]:
    fake = FakeSalto(locks=salto_locks())
    with serving(fake):
        yield fake


@pytest.fixture
def lock(house: House, salto: FakeSalto) -> Lock:
    make_lock_account(house.installer, salto.values)
    run_jobs()
    Lock.objects.filter(vendor_id=FRONT).update(site=house.site)
    return Lock.objects.get(vendor_id=FRONT)


@pytest.fixture
def _a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs run while the app waits."""
    real = waiting.wait_seconds

    def wait(command_id: object, _seconds: float, *look: object) -> object:
        run_jobs()
        return real(command_id, 0, *look)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(waiting, "wait_seconds", wait)


def test_app_lists_the_locks_of_its_house(house: House, lock: Lock) -> None:
    datas = house.app().get("/userconf")["datas"]
    assert datas["third_party_dev_list"]["lock_dev_list"] == [
        {
            "id": str(lock.pk),
            "location": "Gate",
            "battery": "good",
            "status": 1,
            "lock_status": "locked",
        }
    ]


@pytest.mark.usefixtures("_a_worker")
def test_app_opens_a_lock_once_for_a_trace(
    house: House, lock: Lock, salto: FakeSalto
) -> None:
    app = house.app()
    form = {"lock_id": str(lock.pk), "trace_id": "t1"}
    assert app.post("/opendoor", **form)["result"] == 0
    assert app.post("/opendoor", **form)["result"] == 0
    assert salto.opened == [FRONT]
    assert LockCommand.objects.get().channel == "app"


@pytest.mark.usefixtures("_a_worker")
def test_app_is_told_why_not(house: House, lock: Lock, salto: FakeSalto) -> None:
    salto.locks[0]["online"] = False
    answer = house.app().post("/opendoor", lock_id=str(lock.pk))
    assert answer["result"] != 0
    assert answer["message"] == "The lock is offline, or busy."
    assert salto.opened == []


def test_app_opens_nothing_without_its_service(
    house: House, lock: Lock, salto: FakeSalto
) -> None:
    Entitlement.objects.all().delete()
    app = house.app()
    answer = app.post("/opendoor", lock_id=str(lock.pk))
    assert answer["result"] != 0
    run_jobs()
    assert LockCommand.objects.get().state == "denied"
    assert salto.opened == []


def test_app_opens_no_foreign_lock(house: House, lock: Lock) -> None:
    stranger = make_installer("eve")
    theirs = make_lock(make_lock_account(stranger), make_site(stranger, "Strange"))
    free = make_lock(make_lock_account(house.installer))
    for odd in (str(theirs.pk), str(free.pk), "", "x", "9" * 30, "-1"):
        assert house.app().post("/opendoor", lock_id=odd)["result"] != 0
    assert not LockCommand.objects.exists()
