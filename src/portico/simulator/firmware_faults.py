"""Ways in which an upgrade goes wrong, to be switched on (act ``fault``).

That real units fail in these ways is assumed of some and known of none; what matters is
that a server is ready for each.
"""

from __future__ import annotations

from typing import Final

# Before anything is written.
NO_API: Final = "firmware_no_api"
REFUSES_PREPARE: Final = "firmware_refuses_prepare"
REFUSES_UPLOAD: Final = "firmware_refuses_upload"
REFUSES_UPGRADE: Final = "firmware_refuses_upgrade"
# What arrives has another sum.
MD5: Final = "firmware_md5"
CORRUPT: Final = "firmware_corrupt"
# Of a unit that fetches its image itself.
DOWNLOAD: Final = "firmware_download"
HALF_DOWNLOAD: Final = "firmware_half_download"
# Both ways.
SLOW: Final = "firmware_slow"
# After it was written.
KEEPS_OLD: Final = "firmware_keeps_old"
WRONG_VERSION: Final = "firmware_wrong_version"
BRICKS: Final = "firmware_bricks"
REBOOTS_TWICE: Final = "firmware_reboots_twice"
NO_SIP: Final = "firmware_no_sip"
LOSES_USERS: Final = "firmware_loses_users"
RESETS: Final = "firmware_resets"
# Not of firmware alone: for the API somebody is calling all the time.
IN_CALL: Final = "in_call"

ALL: Final = frozenset(
    {
        NO_API,
        REFUSES_PREPARE,
        REFUSES_UPLOAD,
        REFUSES_UPGRADE,
        MD5,
        CORRUPT,
        DOWNLOAD,
        HALF_DOWNLOAD,
        SLOW,
        KEEPS_OLD,
        WRONG_VERSION,
        BRICKS,
        REBOOTS_TWICE,
        NO_SIP,
        LOSES_USERS,
        RESETS,
        IN_CALL,
    }
)
