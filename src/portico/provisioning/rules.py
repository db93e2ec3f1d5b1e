"""Which settings a device gets: from the house, its relays and secrets, as AutoP keys.

Key names are the vendor's, from exported templates, the HTTP API manual and open
projects; not verified on hardware. Only settings that Portico answers for are written;
all others stay as the installer or the unit has them.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from portico.devices.catalogue import DeviceModel
from portico.devices.enums import (
    MODULE_KEYS,
    ButtonTarget,
    CommandKind,
    DeviceKind,
    PushModule,
    RelayKind,
    SipTransport,
)
from portico.devices.models import (
    Bridge,
    Device,
    DeviceSecrets,
    PushButton,
    Relay,
)
from portico.provisioning.models import ProvisioningFile
from portico.sites.models import Site

MASK = "••••••••"
_SECRET_KEY = re.compile(
    r"^(Config\.\S*(?:Pwd|Password|Passwd)\w*\s*=[ \t]*)\S.*$",
    re.IGNORECASE | re.MULTILINE,
)

# Every hour by itself, the shortest interval that units offer.
_AUTOP_HOURLY = "4"
# Liveness: a binding that is not renewed is gone within a minute (units default to 1800).
_REGISTER_SECONDS = "60"
_KEEPALIVE_SECONDS = "30"
_DIGEST = "4"
_TRANSPORTS = {SipTransport.UDP: "0", SipTransport.TCP: "1", SipTransport.TLS: "2"}
# What a file can order where no bridge is.
BY_FILE = {
    CommandKind.REBOOT: {"Config.Autoprovision.Reboot.Enable": "1"},
    CommandKind.RESET_FACTORY: {"Config.Autoprovision.RESET_FACTORY.Enable": "1"},
}


@dataclass(frozen=True, slots=True)
class SipServer:
    """Where units register."""

    host: str
    port: int = 5060
    tls_port: int = 5061

    def port_for(self, transport: SipTransport) -> int:
        """The port that speaks ``transport``."""
        return self.tls_port if transport == SipTransport.TLS else self.port


def settings_for(
    *,
    device: Device,
    secrets: DeviceSecrets,
    relays: list[Relay],
    model: DeviceModel | None,
    base: str,
    buttons: Sequence[PushButton] = (),
    sip_server: SipServer,
    now: datetime,
) -> dict[str, str]:
    """All settings of ``device`` except its action URLs, in the order of the file.

    ``base`` is Portico's address as devices reach it.
    """
    account = f"Config.{model.account_key if model else 'Account1'}"
    sip = device.sip
    transport = SipTransport(device.sip_transport)
    settings = {
        "Config.Autoprovision.GENERAL.Url": f"{base}/p/{secrets.file_secret}/",
        "Config.Autoprovision.MODE.Mode": _AUTOP_HOURLY,
        "Config.Autoprovision.PNP.Enable": "0",
        "Config.DoorSetting.CLOUDSERVER.RpsEnable": "0",
        "Config.DoorSetting.CONNECT.ServerMode": "0",
        f"{account}.GENERAL.Enable": "1",
        f"{account}.GENERAL.Label": device.name,
        f"{account}.GENERAL.DisplayName": device.name,
        f"{account}.GENERAL.UserName": sip.number,
        f"{account}.GENERAL.AuthName": sip.number,
        f"{account}.GENERAL.Pwd": sip.password,
        f"{account}.SIP.Server": sip_server.host,
        f"{account}.SIP.Port": str(sip_server.port_for(transport)),
        f"{account}.SIP.TransType": _TRANSPORTS[transport],
        f"{account}.REG.Timeout": _REGISTER_SECONDS,
        f"{account}.NAT.UdpKeepEnable": "1",
        f"{account}.NAT.UdpKeepInterval": _KEEPALIVE_SECONDS,
        "Config.DoorSetting.APIFCGI.Enable": "1",
        "Config.DoorSetting.APIFCGI.AuthMode": _DIGEST,
        "Config.DoorSetting.APIFCGI.UserName": secrets.api_user,
        "Config.DoorSetting.APIFCGI.Password": secrets.api_password,
        "Config.DoorSetting.DEVICENODE.Location": device.name,
    }
    settings |= _time(device.site, now) | _language(device.site, model)
    if device.kind == DeviceKind.INDOOR_MONITOR:
        settings |= _monitor(secrets)
    else:
        settings |= _door(device, secrets, relays, model)
        settings |= _buttons(device, buttons, model)
    return settings


def _time(site: Site, now: datetime) -> dict[str, str]:
    zone = zoneinfo.ZoneInfo(site.time_zone)
    # Standard offset: the units add daylight time themselves (SNTP.DTS).
    offset = now.astimezone(zone).utcoffset()
    saving = now.astimezone(zone).dst()
    minutes = int((offset.total_seconds() if offset else 0) // 60)
    minutes -= int((saving.total_seconds() if saving else 0) // 60)
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    return {
        "Config.Settings.SNTP.Enable": "1",
        "Config.Settings.SNTP.TimeZone": f"GMT{sign}{hours}:{rest:02d}",
        "Config.Settings.SNTP.Name": site.time_zone.rsplit("/", 1)[-1],
        "Config.Settings.SNTP.NTPServer1": "pool.ntp.org",
        "Config.Settings.DATETIME.TimeFormat": "0"
        if site.time_format == "24h"
        else "1",
    }


def _language(site: Site, model: DeviceModel | None) -> dict[str, str]:
    """The house's language, where the model's number for it is known.

    Numbers differ between models, and a wrong one shows a script that nobody can read.
    """
    number = model.languages.get(site.language) if model else None
    if number is None:
        return {}
    return {
        "Config.Settings.LANGUAGE.Type": str(number),
        "Config.Settings.LANGUAGE.WebLang": str(number),
    }


def calls_people(device: Device) -> bool:
    """Whether ``device`` has a use for an address book; access terminals only open."""
    return device.kind != DeviceKind.ACCESS_TERMINAL


def _monitor(secrets: DeviceSecrets) -> dict[str, str]:
    return {
        "Config.DoorSetting.RELAY.RelayOnWeb": "1",
        "Config.DoorSetting.RELAY.RelayOnWebUser": secrets.open_user,
        "Config.DoorSetting.RELAY.RelayOnWebPwd": secrets.open_password,
    }


def _door(
    device: Device,
    secrets: DeviceSecrets,
    relays: list[Relay],
    model: DeviceModel | None,
) -> dict[str, str]:
    settings = {
        "Config.DoorSetting.GENERAL.DeviceName": device.name,
        "Config.DoorSetting.RELAY.HttpTrig": "1",
        "Config.DoorSetting.RELAY.UserName": secrets.open_user,
        "Config.DoorSetting.RELAY.Password": secrets.open_password,
        "Config.DoorSetting.RTSP.Enable": "1",
        "Config.DoorSetting.RTSP.Authorization": "1",
        "Config.DoorSetting.RTSP.AuthenticationType": "1",
        "Config.DoorSetting.RTSP.Username": secrets.rtsp_user,
        "Config.DoorSetting.RTSP.Password": secrets.rtsp_password,
        "Config.DoorSetting.DTMF.Enable": "1",
        # 2: by video, the one kind that all units have; off by default.
        "Config.DoorSetting.MOTION_DETECT.Enable": "2",
    }
    for relay in relays:
        if relay.kind == RelayKind.LOCAL:
            settings |= _relay(relay, model)
    return settings


def _relay(relay: Relay, model: DeviceModel | None) -> dict[str, str]:
    letter = "ABCD"[relay.number - 1]
    prefix = "Config.DoorSetting.RELAY."
    hold = str(relay.hold_seconds)
    settings: dict[str, str] = {}
    # A unit whose model is not known yet gets both spellings; it skips what it lacks.
    if model is None or model.relay_keys == "letters":
        settings |= {
            f"{prefix}Name{letter}": relay.name,
            f"{prefix}HoldDelay{letter}": hold,
        }
    if model is None or model.relay_keys == "relay":
        settings |= {
            f"{prefix}RelayName{letter}": relay.name,
            f"{prefix}Relay{letter}Delay": hold,
        }
    code = f"Config.DoorSetting.DTMF.{'Multi' * (len(relay.dtmf_code) > 1)}Code"
    settings[f"{code}{relay.number}"] = relay.dtmf_code
    return settings


def _buttons(
    device: Device, buttons: Sequence[PushButton], model: DeviceModel | None
) -> dict[str, str]:
    """Keys of expansion modules, where the catalogue tells what firmware calls them."""
    if model is None:
        return {}
    family = device.site.family_sip
    settings: dict[str, str] = {}
    for module in sorted({button.module for button in buttons} & set(model.soft_keys)):
        mine = {button.key: button for button in buttons if button.module == module}
        for key in range(1, MODULE_KEYS[PushModule(module)] + 1):
            soft_key = model.soft_keys[module] + key - 1
            prefix = f"Config.Programable.SOFTKEY{soft_key:02d}"
            button = mine.get(key)
            numbers = _numbers(button, family.number if family else "")
            settings[f"{prefix}.LocalParam1"] = ";".join(numbers)
            settings[f"{prefix}.Label"] = button.label if button else ""
    return settings


def _numbers(button: PushButton | None, family: str) -> list[str]:
    if button is None:
        return []
    if button.target == ButtonTarget.HOUSE:
        return [family] if family else []
    if button.resident is not None:
        return [button.resident.sip.number]
    return list(button.numbers)


def event_base(base: str, bridge: Bridge | None) -> str:
    """Where a device sends its action URLs: to the house's bridge, else to Portico.

    The bridge keeps events on disk while the internet is away; the device would not.
    """
    if bridge is not None and bridge.enrolled_at is not None and bridge.lan_url:
        return bridge.lan_url.rstrip("/")
    return base


def sip_server(base: str, address: tuple[str, int] | None, tls_port: int) -> SipServer:
    """The one at ``address``, else the one that stands beside Portico's address."""
    host, port = address or (urlsplit(base).hostname or "localhost", 5060)
    return SipServer(host, port, tls_port)


def is_behind(file: ProvisioningFile) -> bool:
    """Whether the unit has fetched settings once, and not yet those that are saved."""
    return file.fetched_at is not None and not file.is_fetched


def mask_secrets(body: str, secrets: DeviceSecrets) -> str:
    """``body`` as it may be shown: passwords and the secrets in addresses hidden."""
    hidden = (secrets.file_secret, secrets.event_secret, secrets.old_event_secret)
    for secret in filter(None, hidden):
        body = body.replace(secret, MASK)
    return mask_passwords(body)


def is_password(key: str) -> bool:
    """Whether the setting is called a password."""
    return _SECRET_KEY.fullmatch(f"{key} = x") is not None


def mask_passwords(text: str) -> str:
    """``text`` with the values of all keys hidden that are called a password."""
    return _SECRET_KEY.sub(rf"\g<1>{MASK}", text)
