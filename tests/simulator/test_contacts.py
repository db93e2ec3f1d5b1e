"""The address book that a unit loads after AutoP."""

from __future__ import annotations

import pytest

from portico.protocols.akuvox.contacts import Contact, render
from portico.simulator import autop_client
from portico.simulator.virtual import VirtualUnit
from tests.simulator.support import MAC, Cloud, cloud, run, until

pytestmark = pytest.mark.integration

DEVICE = f"{MAC}.cfg"


def offer(server: Cloud, name: str, *people: str) -> None:
    """Serve a book of ``people``, and a file that points to it."""
    contacts = [Contact(person, f"10{number}") for number, person in enumerate(people)]
    server.files[name] = render(contacts, title="Home")
    server.files[DEVICE] = f"Config.Contact.Url = {server.url}{name}\n"


def names(unit: VirtualUnit) -> list[str]:
    return [item["Name"] for item in unit.unit.directory.items("contact")]


async def again(unit: VirtualUnit, **how: bool) -> None:
    runs = unit.unit.autop.runs
    await unit.act("autop", **how)
    await until(lambda: unit.unit.autop.runs > runs)


def test_book_of_a_new_address_replaces_the_list() -> None:
    async def test() -> None:
        async with cloud() as server:
            offer(server, "contacts-1.xml", "Ada", "Bob")
            async with VirtualUnit.start(mac=MAC, model="R20A", url=server.url) as unit:
                await until(lambda: names(unit) == ["Ada", "Bob"])

                offer(server, "contacts-2.xml", "Cem")
                await again(unit)
                assert names(unit) == ["Cem"]
                [item] = unit.unit.directory.items("contact")
                assert (item["Phone"], item["ID"]) == ("100", "3")

    run(test())


def test_known_book_is_not_fetched_at_every_poll() -> None:
    async def test() -> None:
        async with cloud() as server:
            offer(server, "contacts-1.xml", "Ada")
            async with VirtualUnit.start(mac=MAC, model="R20A", url=server.url) as unit:
                await until(lambda: names(unit) == ["Ada"])
                await again(unit)
                fetched = [each for each in server.paths() if "contacts" in each[0]]
                assert fetched == [("contacts-1.xml", 200)]

                # The file is applied anew, and with it its address.
                server.files[DEVICE] = f"{server.files[DEVICE]}# changed\n"  # type: ignore[str-bytes-safe]
                await again(unit)
                assert server.paths()[-1] == ("contacts-1.xml", 304)
                assert names(unit) == ["Ada"]

    run(test())


def test_book_that_could_not_be_fetched_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(autop_client, "FIRST_RETRY_SECONDS", 0.05)

    async def test() -> None:
        async with cloud() as server:
            server.files[DEVICE] = "Config.Contact.Url = http://127.0.0.1:1/c.xml\n"
            async with VirtualUnit.start(mac=MAC, model="R20A", url=server.url) as unit:
                await until(lambda: unit.unit.autop.runs >= 1)
                offer(server, "contacts-1.xml", "Ada")
                await until(lambda: names(unit) == ["Ada"])

    run(test())


def test_book_that_is_none_changes_nothing() -> None:
    async def test() -> None:
        async with cloud() as server:
            offer(server, "contacts-1.xml", "Ada")
            async with VirtualUnit.start(mac=MAC, model="R20A", url=server.url) as unit:
                await until(lambda: names(unit) == ["Ada"])
                offer(server, "contacts-2.xml")
                server.files["contacts-2.xml"] = "<html>"
                await again(unit)

                assert server.paths()[-1] == ("contacts-2.xml", 200)
                assert names(unit) == ["Ada"]

    run(test())


def test_access_terminal_has_no_address_book() -> None:
    async def test() -> None:
        async with cloud() as server:
            offer(server, "contacts-1.xml", "Ada")
            async with VirtualUnit.start(mac=MAC, model="A05", url=server.url) as unit:
                await until(lambda: unit.unit.autop.runs == 1)

                assert [path for path, _ in server.paths()][-1] == DEVICE
                assert names(unit) == []

    run(test())
