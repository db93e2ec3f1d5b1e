"""The markup of a unit's own web pages: plain, with scripts inside, as old units have it."""

from __future__ import annotations

from html import escape
from typing import Final

from portico.kernel.mac import pretty_mac
from portico.simulator.catalogue import LETTERS, RelayKeys
from portico.simulator.factory import RELAY
from portico.simulator.unit import Unit

NAME_KEY: Final = "Config.DoorSetting.GENERAL.DeviceName"
LOCATION_KEY: Final = "Config.DoorSetting.DEVICENODE.Location"
STYLE: Final = """body{font:14px/1.5 Arial,sans-serif;margin:0;background:#eef1f5;color:#222}
header{background:#0a5c8f;color:#fff;padding:10px 20px}header a{color:#fff;margin-left:16px}
main{margin:20px;background:#fff;padding:20px;max-width:640px}td,th{padding:4px 12px 4px 0;text-align:left}
label{display:block;margin:10px 0 2px}.error{color:#b00}
"""
# The address is the unit's own on its network: what is not rewritten leads nowhere.
_LIVE: Final = """var live=new WebSocket("ws://%(endpoint)s/live");
live.onmessage=function(message){var now=JSON.parse(message.data);
document.getElementById("uptime").textContent=now.uptime+" s";
for(var name in now.relays){var cell=document.getElementById("relay-"+name);
if(cell)cell.textContent=now.relays[name]?"open":"closed";}
document.getElementById("live").textContent="live";};
live.onclose=function(){document.getElementById("live").textContent="not connected";};"""


def login(unit: Unit, *, is_wrong: bool = False) -> str:
    """The form that asks for user name and password."""
    wrong = '<p class="error">Wrong user name or password.</p>' if is_wrong else ""
    return _page(
        unit,
        "Login",
        f'{wrong}<form method="post" action="/login">'
        '<label for="user">User Name</label><input id="user" name="user">'
        '<label for="password">Password</label>'
        '<input id="password" name="password" type="password">'
        '<p><button type="submit">Login</button></p></form>',
    )


def status(unit: Unit) -> str:
    """What the unit is, and how it stands now."""
    core = unit.core
    rows = {
        "Model": core.model.name,
        "MAC Address": pretty_mac(core.mac),
        "Firmware Version": core.state.firmware,
        "Device Name": core.settings[NAME_KEY],
        "Location": core.settings[LOCATION_KEY],
        "IP Address": core.endpoint,
    }
    cells = "".join(
        f"<tr><th>{name}</th><td>{escape(value)}</td></tr>"
        for name, value in rows.items()
    )
    relays = "".join(
        f'<tr><th>{escape(_relay_name(unit, name))}</th><td id="relay-{name}">?</td></tr>'
        for name in unit.relays.names
    )
    live = _LIVE % {"endpoint": core.endpoint}
    return _page(
        unit,
        "Status",
        f'<table>{cells}<tr><th>Uptime</th><td id="uptime">?</td></tr>{relays}</table>'
        f'<p>Status: <b id="live">waiting</b></p><script>{live}</script>',
        is_inside=True,
    )


def settings(unit: Unit, *, is_saved: bool = False) -> str:
    """The form of what can be set here."""
    done = '<p id="saved">Saved.</p>' if is_saved else ""
    fields = "".join(
        f'<label for="{escape(key)}">{escape(label)}</label>'
        f'<input id="{escape(key)}" name="{escape(key)}"'
        f' value="{escape(unit.core.settings[key])}">'
        for key, label in setting_keys(unit).items()
    )
    return _page(
        unit,
        "Settings",
        f'{done}<form method="post" action="http://{unit.core.endpoint}/settings">'
        f'{fields}<p><button type="submit">Submit</button></p></form>',
        is_inside=True,
    )


def setting_keys(unit: Unit) -> dict[str, str]:
    """The keys that the form sets, with their labels."""
    keys = {NAME_KEY: "Device Name", LOCATION_KEY: "Location"}
    for letter in LETTERS[: unit.model.relays]:
        keys[_name_key(unit, letter)] = f"Relay {letter} Name"
        keys[_hold_key(unit, letter)] = f"Relay {letter} Hold Delay (Sec)"
    return keys


def _relay_name(unit: Unit, name: str) -> str:
    return unit.core.settings[_name_key(unit, name)] or f"Relay {name}"


def _name_key(unit: Unit, letter: str) -> str:
    by_hold = unit.model.relay_keys is RelayKeys.HOLD_DELAY
    return f"{RELAY}Name{letter}" if by_hold else f"{RELAY}RelayName{letter}"


def _hold_key(unit: Unit, letter: str) -> str:
    by_hold = unit.model.relay_keys is RelayKeys.HOLD_DELAY
    return f"{RELAY}HoldDelay{letter}" if by_hold else f"{RELAY}Relay{letter}Delay"


def _page(unit: Unit, title: str, body: str, *, is_inside: bool = False) -> str:
    endpoint = unit.core.endpoint
    links = (
        f'<a href="http://{endpoint}/status">Status</a>'
        '<a href="/settings">Settings</a><a href="/logout">Logout</a>'
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(unit.model.name)} {title}</title>"
        f'<link rel="stylesheet" href="http://{endpoint}/assets/web.css"></head>'
        f"<body><header><b>{escape(unit.model.name)}</b>{links if is_inside else ''}"
        f"</header><main><h1>{title}</h1>{body}</main></body></html>"
    )
