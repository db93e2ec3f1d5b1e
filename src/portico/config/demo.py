"""The simulated house of ``make run``: made through the services, lived in by real programs.

Nothing here is known to any other part: the units fetch their files, the bridge enrols
with a token, the residents and installers are accounts like any other.
"""

from __future__ import annotations

import json
import secrets
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils.timezone import now as utc_now

from portico.access.services.temp_keys import create_temp_key
from portico.accounts.models import User
from portico.accounts.services.passwords import set_password
from portico.accounts.services.policy import accept_policy
from portico.config.keys import write_private
from portico.config.people import ensure_member, ensure_operator, sign_in_link
from portico.config.start import port_trouble
from portico.config.supervisor import Role, Supervisor
from portico.devices.enums import AccessMethod, DeviceKind
from portico.devices.models import Device
from portico.devices.rules import RelayData
from portico.devices.selectors import bridge_of
from portico.devices.services.bridges import invite_bridge
from portico.devices.services.mac_library import add_mac
from portico.devices.services.registration import DeviceData, register_device
from portico.provisioning.services.files import publish_file
from portico.sites.models import Site
from portico.sites.services.registration import HouseData, register_house
from portico.tenancy.enums import OrganizationKind
from portico.tenancy.models import Organization
from portico.tenancy.services.organizations import create_organization

_READY_SECONDS = 30.0
_LOOK_SECONDS = 0.1
# A unit needs about this long to fetch its file and to report.
_SETTLE_SECONDS = 1.0
_EMAIL = "ada.demo@example.org"
# The example number of the phone number library; nothing is ever sent to it.
_PHONE = "+447400123456"
_COUNTRY_CODE = "44"
STAFF = ("installer", "distributor", "operator")
_UNUSED_MACS = (
    ("0C1105D00010", "R20A"),
    ("0C1105D00011", "X915S"),
    ("0C1105D00012", ""),
)


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of the demo house."""

    mac: str
    model: str
    kind: DeviceKind
    name: str
    relays: tuple[RelayData, ...] = ()


_ALL = (
    AccessMethod.PIN,
    AccessMethod.CARD,
    AccessMethod.FACE,
    AccessMethod.QR,
    AccessMethod.HOMEPAGE,
    AccessMethod.TALKING_PAGE,
)
UNITS = (
    Unit(
        "0C1105D00001",
        "R29C",
        DeviceKind.DOOR_PHONE,
        "Front door",
        (
            RelayData(number=1, name="Front door", dtmf_code="#", access_methods=_ALL),
            RelayData(number=2, name="Garden gate", dtmf_code="2", access_methods=_ALL),
        ),
    ),
    Unit(
        "0C1105D00002",
        "A05",
        DeviceKind.ACCESS_TERMINAL,
        "Garage",
        (RelayData(number=1, name="Garage", dtmf_code="1", access_methods=_ALL),),
    ),
    Unit("0C1105D00003", "C313", DeviceKind.INDOOR_MONITOR, "Living room"),
)


@transaction.atomic
def build_house(now: datetime) -> Site:
    """Companies, accounts, house, devices and temp key, unless they are there."""
    operator = ensure_operator(username="operator", company="Demo operator", now=now)
    if operator is None:
        raise RuntimeError("the demo's operator account belongs to somebody else")
    found = Site.objects.filter(residents__user__email=_EMAIL).first()
    if found is not None:
        return found
    distributor = _company(
        OrganizationKind.DISTRIBUTOR, "Demo distribution", operator, now
    )
    installer = _company(
        OrganizationKind.INSTALLER, "Demo installations", distributor, now
    )
    seller = ensure_member(
        organization=distributor, username="distributor", name="Dora", now=now
    )
    fitter = ensure_member(
        organization=installer, username="installer", name="Ian", now=now
    )
    for unit in UNITS:
        add_mac(actor=seller, mac=unit.mac, model=unit.model, now=now)
    for mac, model in _UNUSED_MACS:
        add_mac(actor=seller, mac=mac, model=model, now=now)
    site = register_house(
        actor=fitter,
        data=HouseData(
            name="Ada Demo",
            room_name="Lindenweg 5",
            email=_EMAIL,
            country="GB",
            phone=_PHONE,
            address="5 Linden Way, Springfield",
            time_zone="Europe/London",
            with_indoor_monitor=True,
        ),
        now=now,
    )
    for unit in UNITS:
        data = DeviceData(kind=unit.kind, name=unit.name, relays=unit.relays)
        register_device(actor=fitter, site=site, mac=unit.mac, data=data, now=now)
    _temp_key(site, now)
    return site


def open_gates(now: datetime) -> None:
    """Let the demo's staff go straight to their portals, as if they had been there."""
    version = settings.PRIVACY_POLICY_VERSION
    for user in User.objects.filter(username__in=STAFF, email_confirmed_at=None):
        accept_policy(user=user, version=version, now=now)
        user.email = f"{user.username}.demo@example.org"
        user.email_confirmed_at = now
        user.save(update_fields=["email", "email_confirmed_at"])


def _company(
    kind: OrganizationKind, name: str, above: User | Organization, now: datetime
) -> Organization:
    parent = above.membership.organization if isinstance(above, User) else above
    return create_organization(
        actor=None,
        kind=kind,
        name=name,
        parent=parent,
        time_zone="Europe/London",
        now=now,
    )


def _temp_key(site: Site, now: datetime) -> None:
    door = site.devices.get(mac=UNITS[0].mac)
    create_temp_key(
        actor=User.objects.get(email=_EMAIL),
        site=site,
        name="Parcel service",
        relays=[door.relays.get(number=1)],
        starts_at=now,
        ends_at=now + timedelta(days=365),
        uses_allowed=10,
        now=now,
    )


class Control:
    """The simulator's control API."""

    def __init__(self) -> None:
        environment = settings.ENVIRONMENT
        token = environment.simulator_token.get_secret_value()
        self._client = httpx.Client(
            base_url=environment.simulator_control,
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
            trust_env=False,
        )

    def units(self) -> list[dict[str, Any]]:
        """The virtual units that run."""
        found: list[dict[str, Any]] = self._client.get("/devices").json()
        return found

    def are_online(self) -> bool:
        """Whether none of them boots."""
        return all(unit["phase"] == "online" for unit in self.units())

    def put(self, device: Device, base: str) -> dict[str, Any]:
        """Start the unit of ``device``, or tell it its (new) provisioning address."""
        secrets_ = device.secrets
        body = {
            "mac": device.mac,
            "model": device.model or "R20A",
            "url": f"{base}/p/{secrets_.file_secret}/",
            "name": device.name,
        }
        answer = self._client.post("/devices", json=body)
        answer.raise_for_status()
        unit: dict[str, Any] = answer.json()
        return unit

    def act(self, mac: str, act: str, **params: Any) -> None:
        """Let somebody do something at the unit; while it boots nothing happens."""
        body = {"act": act, **params}
        answer = self._client.post(f"/devices/{mac}/act", json=body)
        if answer.status_code != httpx.codes.UNPROCESSABLE_ENTITY:
            answer.raise_for_status()

    def is_up(self) -> bool:
        try:
            return self._client.get("/devices").is_success
        except httpx.HTTPError:
            return False


def _wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(_LOOK_SECONDS)


def start_house(data: Path, base: str, supervisor: Supervisor) -> list[str]:
    """Bring the house to life; returns what to tell the person at the terminal."""
    now = utc_now()
    site = build_house(now)
    open_gates(now)
    is_new = not (data / "demo.json").exists()
    _publish(now)
    _start_programs(data, base, site, supervisor, now)
    control = Control()
    _wait(control.is_up, "the simulator did not start")
    known = {unit["mac"] for unit in control.units()} | {unit.mac for unit in UNITS}
    devices = Device.objects.select_related("secrets").filter(mac__in=known)
    running = {device.mac: control.put(device, base) for device in devices}
    _wait(lambda: _is_alive(site), "the house's devices did not come online")
    _publish(utc_now())  # the worker would too, but later than we look
    _settle(control, site)
    if is_new:
        _wait(control.are_online, "the units did not come back")
        _first_events(control, site)
    return _write_facts(data, base, running, now)


def _publish(now: datetime) -> None:
    for device in Device.objects.select_related("site", "secrets", "sip"):
        publish_file(device=device, now=now)


def _start_programs(
    data: Path, base: str, site: Site, supervisor: Supervisor, now: datetime
) -> None:
    environment = settings.ENVIRONMENT
    portico = (sys.executable, "-m", "portico")
    token = environment.simulator_token.get_secret_value()
    address = environment.simulator_control.removeprefix("http://")
    pnp = f"--pnp={_pnp_address()}"
    supervisor.add(
        Role(
            "simulator",
            (
                *portico,
                "simulate",
                f"--state={data / 'simulator'}",
                f"--control={address}",
                pnp,
            ),
            {"PORTICO_SIM_CONTROL_TOKEN": token},
            log=data / "log" / "simulator.log",
        )
    )
    bridge = bridge_of(site)
    extra: dict[str, str] = {}
    if bridge is None or bridge.enrolled_at is None:
        fitter = User.objects.get(username="installer")
        _, invitation = invite_bridge(
            actor=fitter, site=site, name="Demo bridge", now=now
        )
        extra["PORTICO_BRIDGE_TOKEN"] = invitation
    supervisor.add(
        Role(
            "bridge",
            (
                *portico,
                "bridge",
                f"--server={base}",
                f"--data={data / 'bridge'}",
                f"--listen={_bridge_address(base)}",
                "--name=demo-bridge",
                pnp,
            ),
            extra,
            log=data / "log" / "bridge.log",
        )
    )


def _pnp_address() -> str:
    """Where new virtual units ask: on this machine, never on the network it is in."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def _bridge_address(base: str) -> str:
    """Beside the public port, so that the files stay the same from run to run."""
    port = (urlsplit(base).port or 0) + 1
    return f"127.0.0.1:{0 if port_trouble('127.0.0.1', port) else port}"


def _is_alive(site: Site) -> bool:
    macs = [unit.mac for unit in UNITS]
    online = site.devices.filter(mac__in=macs, presence__is_online=True).count()
    bridge = bridge_of(site)
    return online == len(UNITS) and bridge is not None and bridge.is_online


def _settle(control: Control, site: Site) -> None:
    """Let the units take the files that name the bridge, and report with them.

    By themselves they would within the hour; nobody wants to wait for that in a demo.
    """
    for what, acts in (("fetched", ["autop"]), ("applied", ["offline", "online"])):
        _wait(
            partial(_are_settled, control, site, what, acts), f"a file was not {what}"
        )


def _are_settled(control: Control, site: Site, what: str, acts: list[str]) -> bool:
    """Whether all are; whoever is not is told again."""
    macs = [unit.mac for unit in UNITS]
    current = {f"provisioning_file__{what}_revision": F("provisioning_file__revision")}
    late = site.devices.filter(mac__in=macs).exclude(**current)
    for mac in late.values_list("mac", flat=True):
        for act in acts:
            control.act(mac, act)
    if late.exists():
        time.sleep(_SETTLE_SECONDS)
    return not late.exists()


def _first_events(control: Control, site: Site) -> None:
    """A little life, so that the first look at log and chart shows something."""
    door, garage = UNITS[0].mac, UNITS[1].mac
    control.act(door, "motion")
    if site.family_sip is not None:
        control.act(door, "call", number=site.family_sip.number)
        control.act(door, "hangup")
    control.act(door, "pin", force="granted")
    control.act(door, "card", force="refused")
    control.act(garage, "card", force="granted")


def _resident_password(data: Path) -> str:
    """The resident's password: random, made once, kept in the private facts file."""
    facts = data / "demo.json"
    if facts.exists():
        kept: str = json.loads(facts.read_text("utf-8"))["resident"]["password"]
        return kept
    password = secrets.token_urlsafe(12)
    set_password(user=User.objects.get(email=_EMAIL), password=password)
    return password


def _write_facts(
    data: Path, base: str, running: dict[str, dict[str, Any]], now: datetime
) -> list[str]:
    links = {
        name: sign_in_link(User.objects.get(username=name), now=now) for name in STAFF
    }
    facts = {
        "base": base,
        "installer": {"username": "installer", "link": links["installer"]},
        "distributor": {"username": "distributor", "link": links["distributor"]},
        "operator": {"username": "operator", "link": links["operator"]},
        "resident": {
            "email": _EMAIL,
            "phone": _PHONE.removeprefix(f"+{_COUNTRY_CODE}"),
            "country_code": _COUNTRY_CODE,
            "password": _resident_password(data),
        },
        "devices": [_unit_facts(mac, unit) for mac, unit in running.items()],
    }
    write_private(data / "demo.json", json.dumps(facts, indent=1))
    return [
        f"Sign in as the demo installer (works once): {links['installer']}",
        f"Other accounts and the virtual units: {data / 'demo.json'}, logs: {data / 'log'}",
    ]


def _unit_facts(mac: str, unit: dict[str, Any]) -> dict[str, Any]:
    device = Device.objects.select_related("secrets").get(mac=mac)
    return {
        "mac": mac,
        "model": device.model,
        "kind": device.kind,
        "name": device.name,
        "relays": [
            {"number": relay.number, "name": relay.name, "dtmf": relay.dtmf_code}
            for relay in device.relays.all()
        ],
        "local_api": {
            "host": unit["host"],
            "port": unit["port"],
            "user": device.secrets.api_user,
            "password": device.secrets.api_password,
            "open_user": device.secrets.open_user,
            "open_password": device.secrets.open_password,
        },
    }
