"""AutoP commands in the files of devices: how long they stay, and what ends them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portico.accounts.models import User
from portico.devices.models import Device
from portico.kernel.clock import utcnow
from portico.kernel.errors import NotVisible
from portico.kernel.ids import new_id
from portico.protocols.autop.grammar import parse
from portico.provisioning.enums import AutopKind, AutopState
from portico.provisioning.errors import BadCommands, BadTarget, NeedsConfirmation
from portico.provisioning.models import AutopItem, AutopOrder
from portico.provisioning.services.autop import (
    AutopData,
    Waves,
    begin_waves,
    note_reset,
    order_commands,
)
from tests.factories import make_device, make_installer, make_site, run_jobs
from tests.factories.autop import LANGUAGE, RESET, fetch, file_of, make_commands

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
ONCE = AutopKind.ONE_TIME


@pytest.fixture
def ida() -> User:
    return make_installer("ida")


@pytest.fixture
def device(ida: User) -> Device:
    made = make_device(make_site(ida), ida)
    run_jobs()
    fetch(made)
    return made


def settings(device: Device) -> dict[str, str]:
    return parse(file_of(device).body).settings


def state(order: AutopOrder) -> str:
    return str(AutopItem.objects.get(order=order).state)


def test_regular_commands_stay_in_every_file(ida: User, device: Device) -> None:
    order = make_commands(ida, [device])
    assert state(order) == AutopState.QUEUED
    fetch(device)

    assert state(order) == AutopState.FETCHED
    assert settings(device)["Config.Settings.LANGUAGE.Type"] == "1"


def test_regular_commands_win_over_what_portico_writes(
    ida: User, device: Device
) -> None:
    key = "Config.Account1.SIP.TransType"
    assert settings(device)[key] == "0"
    make_commands(ida, [device], f"{key.upper().replace('CONFIG', 'Config')} = 1")

    assert "1" in settings(device).values()
    assert key not in settings(device)  # the same key in other letters stands alone


def test_one_time_commands_are_served_once(ida: User, device: Device) -> None:
    before = file_of(device)
    order = make_commands(ida, [device], kind=ONCE)
    carrying = file_of(device)
    fetch(device)

    assert carrying.revision == before.revision  # what is saved has not changed
    assert "LANGUAGE.Type = 1" in carrying.body
    assert state(order) == AutopState.FETCHED
    assert file_of(device).body == before.body


def test_same_one_time_commands_again_are_other_bytes(
    ida: User, device: Device
) -> None:
    make_commands(ida, [device], kind=ONCE)
    first = file_of(device).body
    fetch(device)
    make_commands(ida, [device], kind=ONCE)

    assert file_of(device).body != first  # a unit applies no file twice


def test_fetch_that_is_noted_late_does_not_serve_one_time_commands_twice(
    ida: User, device: Device
) -> None:
    order = make_commands(ida, [device], kind=ONCE)
    served = file_of(device)
    make_commands(ida, [device], "Config.Settings.SNTP.Interval = 60")
    assert file_of(device).etag != served.etag
    fetch(device, served)

    assert state(order) == AutopState.FETCHED
    assert "LANGUAGE.Type" not in file_of(device).body


def test_fetch_of_a_file_from_before_is_no_fetch_of_the_commands(
    ida: User, device: Device
) -> None:
    before = file_of(device)
    order = make_commands(ida, [device], kind=ONCE)
    fetch(device, before)

    assert state(order) == AutopState.QUEUED


def test_newest_of_one_key_counts_and_ends_older_commands(
    ida: User, device: Device
) -> None:
    older = make_commands(ida, [device], f"{LANGUAGE}\nConfig.A.B = 1")
    newer = make_commands(ida, [device], "Config.Settings.LANGUAGE.Type = 3")
    assert state(older) == AutopState.QUEUED  # Config.A.B still counts
    newest = make_commands(ida, [device], "config.a.b = 2".replace("config", "Config"))

    assert [state(one) for one in (older, newer, newest)] == [
        AutopState.SUPERSEDED,
        AutopState.QUEUED,
        AutopState.QUEUED,
    ]
    assert settings(device)["Config.Settings.LANGUAGE.Type"] == "3"


def test_replacing_ends_all_regular_commands(ida: User, device: Device) -> None:
    older = make_commands(ida, [device])
    make_commands(ida, [device], "", replaces=True)

    assert state(older) == AutopState.SUPERSEDED
    assert "Config.Settings.LANGUAGE.Type" not in settings(device)


def test_reset_drops_one_time_commands_and_sends_regular_ones_again(
    ida: User, device: Device
) -> None:
    regular = make_commands(ida, [device])
    fetch(device)
    once = make_commands(ida, [device], "Config.A.B = 1", kind=ONCE)
    note_reset(device_id=device.pk, now=utcnow())
    run_jobs()

    assert (state(regular), state(once)) == (AutopState.QUEUED, AutopState.LOST)
    assert "Config.A.B" not in settings(device)
    file = file_of(device)
    assert (file.is_fetched, file.is_applied) == (False, False)
    assert "Config.Autoprovision.Reboot.Enable" in settings(
        device
    )  # so that it reports


def test_command_that_resets_is_recognised_as_a_reset(
    ida: User, device: Device
) -> None:
    regular = make_commands(ida, [device])
    fetch(device)
    reset = make_commands(ida, [device], RESET, kind=ONCE)
    fetch(device)

    assert (state(regular), state(reset)) == (AutopState.QUEUED, AutopState.FETCHED)
    assert "RESET_FACTORY" not in file_of(device).body


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        ("Config.A.B", AutopKind.REGULAR, "Line 1: there is no ="),
        ("\n# so\nSettings.A = 1", AutopKind.REGULAR, "Line 3: a key begins with"),
        ("Config.A.B = \x07", AutopKind.REGULAR, "Line 1: there is a character"),
        ("", AutopKind.REGULAR, "Enter at least one"),
        ("# only this", ONCE, "Enter at least one"),
        ("Config.A.B = 1\n" * 201, ONCE, "These are 201 commands; at most 200"),
        ("Config.A.B = " + "x" * 16_384, ONCE, "longer than 16 KB"),
        (RESET, AutopKind.REGULAR, "reset the device again and again"),
        (
            "Config.Autoprovision.Reboot.Enable = 1",
            AutopKind.REGULAR,
            "restart the device again",
        ),
        ("Config.Firmware.Url = http://x/y.rom", AutopKind.REGULAR, "firmware"),
        (
            "config.settings.web_login.password = x".replace("config", "Config"),
            AutopKind.REGULAR,
            "web pages",
        ),
        (
            "Config.Autoprovision.GENERAL.Url = http://elsewhere/",
            AutopKind.REGULAR,
            "where the device gets its configuration",
        ),
        ("Config.DoorSetting.APIFCGI.Password = x", ONCE, "Portico keeps"),
        ("Config.Account1.GENERAL.Pwd = x", ONCE, "Portico keeps"),
    ],
)
def test_what_cannot_be_sent_is_told_by_line(
    ida: User, device: Device, text: str, kind: AutopKind, told: str
) -> None:
    with pytest.raises(BadCommands, match=told):
        make_commands(ida, [device], text, kind)
    assert not AutopOrder.objects.exists()


def test_dangerous_one_time_commands_need_a_confirmation(
    ida: User, device: Device
) -> None:
    data = AutopData(kind=ONCE, text=RESET, token=new_id())
    with pytest.raises(NeedsConfirmation, match="resets the devices"):
        order_commands(actor=ida, devices=[device.pk], data=data, now=utcnow())


def test_regular_commands_of_a_device_have_an_end(ida: User, device: Device) -> None:
    many = "\n".join(f"Config.A.B{n} = 1" for n in range(200))
    make_commands(ida, [device], many)
    with pytest.raises(BadTarget, match="would have more than 200"):
        make_commands(ida, [device])
    make_commands(ida, [device], replaces=True)


def test_form_sent_twice_is_one_order(ida: User, device: Device) -> None:
    data = AutopData(kind=ONCE, text=LANGUAGE, token=new_id())
    for _ in range(2):
        order_commands(actor=ida, devices=[device.pk], data=data, now=utcnow())
    assert AutopItem.objects.count() == 1


def test_foreign_device_in_the_list_refuses_all(ida: User, device: Device) -> None:
    other = make_installer()
    foreign = make_device(make_site(other), other)
    with pytest.raises(NotVisible):
        make_commands(ida, [device, foreign])
    assert not AutopItem.objects.exists()


def test_waves_begin_when_they_are_due(ida: User, device: Device) -> None:
    devices = [make_device(device.site, ida, name=f"Door {n}") for n in range(3)]
    started = utcnow()
    make_commands(ida, [device, *devices], waves=Waves(size=2, minutes=10))

    def queued() -> int:
        return AutopItem.objects.filter(state=AutopState.QUEUED).count()

    assert queued() == 2
    begin_waves(now=started + timedelta(minutes=9))
    assert queued() == 2
    begin_waves(now=started + timedelta(minutes=11))
    run_jobs()
    assert queued() == 4
    assert "LANGUAGE.Type = 1" in file_of(devices[-1]).body
    assert begin_waves(now=started + timedelta(minutes=20)) == 0
