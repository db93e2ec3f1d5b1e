"""Which settings a person may not send to a unit, or only with care.

Key names are those of exported templates and of the HTTP API manual; letter case is
ignored, because firmware may ignore it. Not verified on hardware.
"""

from __future__ import annotations

import enum
import re
from typing import Final


class Danger(enum.StrEnum):
    """What a setting would do beside being set."""

    RESET = "reset"
    REBOOT = "reboot"
    FIRMWARE = "firmware"
    WEB_PASSWORD = "web_password"  # noqa: S105 -- a kind of setting
    ADDRESS = "address"
    # Ours: the credentials and addresses that Portico and the unit know each other by.
    KEPT = "kept"


# The first that matches counts.
_DANGERS: Final = (
    (Danger.RESET, r"Config\.Autoprovision\.RESET_FACTORY(\..*)?"),
    (Danger.REBOOT, r"Config\.Autoprovision\.REBOOT\w*(\..*)?"),
    (Danger.FIRMWARE, r"Config\.Firmware(\..*)?"),
    (
        Danger.WEB_PASSWORD,
        r"Config\.Settings\.(WEB_LOGIN|SETTING|ADVANCE|SCREENLOCK)\.(User|Password)\w*",
    ),
    (
        Danger.ADDRESS,
        (
            r"Config\.(Autoprovision\..*|DoorSetting\.(CLOUDSERVER|CONNECT)\..*"
            r"|Settings\.OTHERS\.AutopGenConfName)"
        ),
    ),
    (
        Danger.KEPT,
        (
            r"Config\.(DoorSetting\.APIFCGI\..*"
            r"|DoorSetting\.RELAY\.(HttpTrig|UserName|Password|RelayOnWeb\w*)"
            r"|DoorSetting\.RTSP\.(User\w*|Password)"
            r"|Features\.ACTIONURL\..*"
            r"|Account\d*\.GENERAL\.(UserName|AuthName|Pwd)"
            r"|Contact\.Url)"
        ),
    ),
)
_PATTERNS: Final = tuple(
    (danger, re.compile(pattern, re.IGNORECASE)) for danger, pattern in _DANGERS
)


def danger_of(key: str) -> Danger | None:
    """What ``key`` would do beside being set; None: nothing."""
    found = (danger for danger, like in _PATTERNS if like.fullmatch(key))
    return next(found, None)
