"""The house's address book, from its people to the list that a unit shows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import httpx
import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from portico.devices.models import Device
from portico.devices.services.registration import (
    DeviceData,
    change_device,
    remove_device,
)
from portico.kernel.clock import utcnow
from portico.protocols.akuvox.contacts import Contact, parse
from portico.provisioning.models import ProvisioningFile
from portico.simulator.testing import SimulatorError, SimulatorProcess
from portico.sites.enums import ResidentRole
from portico.sites.models import Resident, Site
from portico.sites.services.registration import HouseData, add_resident
from portico.sites.services.residents import people_changed
from tests.factories import make_device, make_installer, make_site, run_jobs
from tests.gateway.server import RunningGateway
from tests.waiting import eventually

pytestmark = [pytest.mark.integration]

HOSTILE = '<&"> \u05d0\u05d3\u05d4 \U0001f469\u200d\U0001f467'


class Home:
    """A house with a door phone, whose files name the gateway's own address."""

    def __init__(self, gateway: RunningGateway) -> None:
        self.gateway = gateway
        self.installer = make_installer()
        self.site: Site = make_site(self.installer, name="Ada")
        self.door: Device = make_device(self.site, self.installer, model="R20A")
        run_jobs()

    def move_in(self, name: str) -> Resident:
        data = HouseData(name=name, email=f"{utcnow().timestamp()}@example.com")
        with transaction.atomic():
            made = add_resident(
                actor=self.installer,
                site=self.site,
                role=ResidentRole.MEMBER,
                data=data,
                now=utcnow(),
            )
        run_jobs()
        return made

    def move_out(self, resident: Resident) -> None:
        with transaction.atomic():
            resident.delete()
            people_changed(site=self.site)
        run_jobs()

    def get(self, device: Device, name: str, **headers: str) -> httpx.Response:
        where = f"{self.gateway.base}/p/{device.secrets.file_secret}/{name}"
        return httpx.get(where, headers=headers, trust_env=False)

    def book(self, device: Device | None = None) -> list[Contact]:
        return parse(self.get(device or self.door, "contacts.xml").text)


@pytest.fixture
def home(gateway: RunningGateway, settings: Settings) -> Home:
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(
        update={"public_url": gateway.base}
    )
    return Home(gateway)


def numbers(site: Site) -> dict[str, str]:
    people = site.residents.select_related("user", "sip")
    return {person.user.name: person.sip.number for person in people}


def test_book_lists_the_people_and_the_other_monitors(home: Home) -> None:
    home.move_in("Bob")
    monitor = make_device(home.site, home.installer, model="C313", name="Kitchen")
    run_jobs()

    people = [Contact(name, numbers(home.site)[name]) for name in ("Ada", "Bob")]
    assert home.book() == [*people, Contact("Kitchen", monitor.sip.number)]
    assert home.book(monitor) == people


def test_file_names_the_book_and_the_book_is_xml_with_a_tag(home: Home) -> None:
    line = next(
        line
        for line in home.get(home.door, f"{home.door.mac}.cfg").text.splitlines()
        if line.startswith("Config.Contact.Url")
    )
    url = line.partition(" = ")[2]
    assert len(url) < 127
    first = httpx.get(url, trust_env=False)
    name = url.rpartition("/")[2]
    again = home.get(home.door, name, **{"If-None-Match": first.headers["etag"]})

    assert first.headers["content-type"] == "application/xml; charset=utf-8"
    assert first.headers["cache-control"] == "private, no-cache"
    assert first.content == home.get(home.door, "contacts.xml").content
    assert (again.status_code, again.content) == (304, b"")


def test_book_needs_the_units_own_secret(home: Home) -> None:
    wrong = home.door.secrets.file_secret[:-1] + "~"

    answer = httpx.get(f"{home.gateway.base}/p/{wrong}/contacts.xml", trust_env=False)
    assert answer.status_code == 404
    assert "Ada" not in answer.text


def test_who_comes_and_goes_changes_book_and_file(home: Home) -> None:
    before = home.get(home.door, f"{home.door.mac}.cfg").headers["etag"]
    revision = ProvisioningFile.objects.get().revision
    bob = home.move_in("Bob")
    with_bob = ProvisioningFile.objects.get().revision
    assert [contact.name for contact in home.book()] == ["Ada", "Bob"]
    changed = home.get(home.door, f"{home.door.mac}.cfg", **{"If-None-Match": before})
    assert changed.status_code == 200
    assert with_bob != revision

    home.move_out(bob)
    assert [contact.name for contact in home.book()] == ["Ada"]
    assert ProvisioningFile.objects.get().revision == revision


def test_monitor_renamed_and_removed_is_so_in_the_others_books(home: Home) -> None:
    monitor = make_device(home.site, home.installer, model="C313", name="Kitchen")
    data = DeviceData(kind=monitor.kind, name="Hall")  # type: ignore[arg-type]
    change_device(
        actor=home.installer, device=monitor, data=data, version=1, now=utcnow()
    )
    run_jobs()
    assert [contact.name for contact in home.book()] == ["Ada", "Hall"]

    remove_device(actor=home.installer, device=monitor, now=utcnow())
    run_jobs()
    assert [contact.name for contact in home.book()] == ["Ada"]


def test_door_phone_leaves_the_others_alone(home: Home) -> None:
    before = ProvisioningFile.objects.get().etag
    gate = make_device(home.site, home.installer, name="Gate")
    assert run_jobs() == 2  # its own file, and who may open by it

    assert ProvisioningFile.objects.get(device=home.door).etag == before
    assert [contact.name for contact in home.book(gate)] == ["Ada"]


def test_access_terminal_has_no_book(home: Home) -> None:
    terminal = make_device(home.site, home.installer, model="A05", name="Shed")
    run_jobs()

    assert "Config.Contact" not in home.get(terminal, f"{terminal.mac}.cfg").text
    assert home.get(terminal, "contacts.xml").status_code == 404


@pytest.fixture
def simulator() -> Iterator[SimulatorProcess]:
    with SimulatorProcess(arguments=("--time-scale", "200")) as running:
        yield running


def contacts_shown(home: Home, simulator: SimulatorProcess) -> list[tuple[str, str]]:
    """What the unit itself says, over its local API; nothing while it reboots."""
    unit = simulator.device(home.door.mac)
    secrets = home.door.secrets
    try:
        answer = httpx.get(
            f"http://{unit['host']}:{unit['port']}/api/contact/get",
            auth=httpx.DigestAuth(secrets.api_user, secrets.api_password),
            trust_env=False,
        )
    except httpx.TransportError:
        return []
    items = answer.json()["data"]["item"] if answer.is_success else []
    return [(item["Name"], item["Phone"]) for item in items]


def test_unit_shows_who_lives_in_the_house(
    home: Home, simulator: SimulatorProcess
) -> None:
    url = f"{home.gateway.base}/p/{home.door.secrets.file_secret}/"
    simulator.add_device(home.door.mac, "R20A", url)
    ada = ("Ada", numbers(home.site)["Ada"])

    def shows(*expected: tuple[str, str]) -> None:
        def is_so() -> bool:
            with contextlib.suppress(SimulatorError):  # the first contact reboots it
                simulator.act(home.door.mac, "autop")
            return contacts_shown(home, simulator) == list(expected)

        eventually(is_so, f"the unit does not show {expected}")

    shows(ada)
    guest = home.move_in(HOSTILE)
    shows(ada, (HOSTILE, guest.sip.number))
    home.move_out(guest)
    shows(ada)


def test_house_of_two_hundred_is_shown_in_full(
    home: Home, simulator: SimulatorProcess
) -> None:
    with transaction.atomic():
        for number in range(199):
            data = HouseData(name=f"Person {number}", email=f"p{number}@example.com")
            add_resident(
                actor=home.installer,
                site=home.site,
                role=ResidentRole.MEMBER,
                data=data,
                now=utcnow(),
            )
    # The house's one, its unit's, and who may open there.
    assert run_jobs() == 3
    url = f"{home.gateway.base}/p/{home.door.secrets.file_secret}/"
    simulator.add_device(home.door.mac, "R20A", url)

    expected = numbers(home.site)
    assert len(expected) == 200
    eventually(lambda: dict(contacts_shown(home, simulator)) == expected)
