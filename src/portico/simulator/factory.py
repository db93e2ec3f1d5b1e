"""The configuration a unit leaves the factory with.

Key names are those seen in exported templates and API answers of the family; the
values are the documented defaults where there are any. Built once per model and shared,
so that thousands of units cost only what they changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from portico.simulator.catalogue import (
    LETTERS,
    Kind,
    Model,
    OpenKeys,
    RelayKeys,
    catalogue,
)

ACTION_URL: Final = "Config.Features.ACTIONURL."
AUTOP: Final = "Config.Autoprovision."
API: Final = "Config.DoorSetting.APIFCGI."
RELAY: Final = "Config.DoorSetting.RELAY."
RTSP: Final = "Config.DoorSetting.RTSP."
INPUT: Final = "Config.DoorSetting.INPUT."

# The simulator's own switch: no key is known for the web page's "high security" box.
HIGH_SECURITY: Final = "Config.Simulator.OpenHighSecurity"

_COMMON: Final[dict[str, str]] = {
    f"{AUTOP}GENERAL.Url": "",
    f"{AUTOP}GENERAL.UserName": "",
    f"{AUTOP}GENERAL.Pwd": "",
    f"{AUTOP}GENERAL.CheckSync": "1",
    f"{AUTOP}MODE.Mode": "1",
    f"{AUTOP}SCHEDULE.DayOfWeek": "0",
    f"{AUTOP}SCHEDULE.HourOfDay": "0",
    f"{AUTOP}SCHEDULE.MinuteOfHour": "0",
    f"{AUTOP}PNP.Enable": "1",
    f"{AUTOP}Reboot.Enable": "0",
    f"{AUTOP}RESET_FACTORY.Enable": "0",
    f"{AUTOP}MD5.GenConfMd5": "",
    f"{AUTOP}MD5.UrlConfMd5": "",
    "Config.Firmware.Url": "",
    "Config.Contact.Url": "",
    "Config.DoorSetting.CLOUDSERVER.RpsEnable": "1",
    "Config.DoorSetting.CLOUDSERVER.RpsServer": "http://rps.akuvox.com:8080",
    "Config.DoorSetting.CONNECT.ServerMode": "0",
    f"{API}Enable": "1",
    f"{API}AuthMode": "4",
    f"{API}UserName": "admin",
    f"{API}Password": "httpapi",
    "Config.Settings.WEB_LOGIN.User": "admin",
    "Config.Settings.WEB_LOGIN.Password": "admin",
    "Config.Settings.GENERAL.WebTitle": "",
    "Config.Settings.LANGUAGE.Type": "1",
    "Config.Settings.LANGUAGE.WebLang": "1",
    "Config.Settings.BACKLIGHT.Level": "5",
    "Config.Settings.SNTP.Enable": "1",
    "Config.Settings.SNTP.TimeZone": "GMT+0:00",
    "Config.Settings.SNTP.Name": "London",
    "Config.Settings.SNTP.NTPServer1": "0.pool.ntp.org",
    "Config.Settings.SNTP.NTPServer2": "1.pool.ntp.org",
    "Config.Settings.SECURITY.OnlyAcceptTrusted": "0",
    "Config.Settings.LOGLEVEL.Level": "3",
    "Config.Settings.LOGLEVEL.RemoteSyslog": "0",
    "Config.Settings.LOGLEVEL.RemoteServer": "",
    "Config.Settings.CALLTIMEOUT.DialIn": "60",
    "Config.Settings.CALLTIMEOUT.DialOut": "60",
    "Config.DoorSetting.DEVICENODE.Location": "",
    "Config.DoorSetting.GENERAL.DeviceName": "",
    "Config.Network.LAN.Type": "0",
    "Config.DirectIP.SIP.ListenPort": "5060",
}

_DOOR: Final[dict[str, str]] = {
    "Config.DoorSetting.DTMF.Enable": "1",
    "Config.DoorSetting.DTMF.Option": "0",
    "Config.DoorSetting.DTMF.Code1": "#",
    "Config.DoorSetting.DTMF.Code2": "",
    "Config.DoorSetting.DTMF.Code3": "",
    "Config.DoorSetting.PASSWORD.PublicKeyEnable": "0",
    "Config.DoorSetting.PASSWORD.PublicKey1": "",
    "Config.DoorSetting.PASSWORD.PublicKey2": "",
    "Config.DoorSetting.PASSWORD.PublicKey3": "",
    f"{INPUT}InputEnable": "1",
    f"{INPUT}InputRelay": "1",
    "Config.DoorSetting.MOTION_DETECT.Enable": "0",
    "Config.DoorSetting.MOTION_DETECT.Interval": "10",
    "Config.Programable.SOFTKEY01.LocalParam1": "",
    # Of expansion modules: inferred, nobody has published them.
    **{f"Config.Programable.SOFTKEY{n:02d}.LocalParam1": "" for n in range(2, 20)},
    f"{RTSP}Enable": "1",
    f"{RTSP}Authorization": "1",
    f"{RTSP}AuthenticationType": "1",
    f"{RTSP}Username": "admin",
    f"{RTSP}Password": "admin",
    f"{RTSP}Video": "1",
    f"{RTSP}VideoCodec": "0",
    "Config.OnvifServer.DEVICE.Mode": "0",
}

_MONITOR: Final[dict[str, str]] = {
    "Config.Settings.ARMINGMODE.Mode": "0",
    "Config.Settings.ALARM.Interval": "0",
    "Config.Features.INTERCOM.Preview": "1",
    "Config.Settings.SETTING.Password": "123456",
}


@cache
def factory_config(model_name: str) -> Mapping[str, str]:
    """All keys of a model with their factory values; the same object every time."""
    model = catalogue()[model_name]
    config = dict(_COMMON)
    config |= _MONITOR if model.kind is Kind.INDOOR_MONITOR else _DOOR
    if model.kind is not Kind.INDOOR_MONITOR:
        config[HIGH_SECURITY] = "1" if model.high_security else "0"
    for number in range(1, model.accounts + 1):
        config |= _account(model.account_prefix(number))
    config |= _relays(model)
    config |= _open_account(model)
    config[f"{ACTION_URL}Enable"] = "0"
    config[f"{ACTION_URL}Method"] = ""
    config |= {f"{ACTION_URL}{suffix}": "" for suffix in sorted(model.action_urls)}
    config |= {f"{API}WhiteListIP{number:02}": "" for number in range(1, 6)}
    config |= model.extra_config
    return MappingProxyType(config)


@cache
def refused_keys(model_name: str) -> frozenset[str]:
    """Keys of other models that this one does not have and therefore ignores.

    Other keys that the factory list lacks are stored: the list is not complete.
    """
    own = factory_config(model_name)
    others: set[str] = set()
    for other in catalogue():
        if other != model_name:
            others |= _quirky(factory_config(other))
    return frozenset(others - own.keys())


def _quirky(config: Mapping[str, str]) -> set[str]:
    prefixes = (ACTION_URL, RELAY, "Config.Account.", "Config.Account1.")
    return {key for key in config if key.startswith(prefixes)}


def _account(prefix: str) -> dict[str, str]:
    return {
        f"{prefix}.GENERAL.Enable": "0",
        f"{prefix}.GENERAL.Label": "",
        f"{prefix}.GENERAL.DisplayName": "",
        f"{prefix}.GENERAL.UserName": "",
        f"{prefix}.GENERAL.AuthName": "",
        f"{prefix}.GENERAL.Pwd": "",
        f"{prefix}.GENERAL.UserAgent": "",
        f"{prefix}.SIP.Server": "",
        f"{prefix}.SIP.Port": "5060",
        f"{prefix}.SIP.TransType": "0",
        f"{prefix}.REG.Timeout": "1800",
        f"{prefix}.NAT.UdpKeepEnable": "1",
        f"{prefix}.NAT.UdpKeepInterval": "30",
        f"{prefix}.AUTO_ANSWER.Enable": "1",
        f"{prefix}.DTMF.Type": "2",
    }


def _relays(model: Model) -> dict[str, str]:
    config: dict[str, str] = {}
    for letter in LETTERS[: model.relays]:
        if model.relay_keys is RelayKeys.HOLD_DELAY:
            config |= {
                f"{RELAY}HoldDelay{letter}": "5",
                f"{RELAY}TriggerDelay{letter}": "0",
                f"{RELAY}Name{letter}": f"Relay{letter}",
                f"{RELAY}Type{letter}": "0",
            }
        else:
            config |= {
                f"{RELAY}Relay{letter}Delay": "5",
                f"{RELAY}Relay{letter}Type": "0",
                f"{RELAY}Relay{letter}Mode": "0",
                f"{RELAY}TrigDelay{letter}": "0",
                f"{RELAY}RelayName{letter}": f"Relay{letter}",
            }
    return config


def _open_account(model: Model) -> dict[str, str]:
    if model.open_keys is OpenKeys.HTTP_TRIG:
        names = ("HttpTrig", "UserName", "Password")
    else:
        names = ("RelayOnWeb", "RelayOnWebUser", "RelayOnWebPwd")
    return {f"{RELAY}{names[0]}": "0", **{f"{RELAY}{name}": "" for name in names[1:]}}
