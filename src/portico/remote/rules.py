"""Where sessions live and for how long. No database access."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from typing import Final

LIFETIME: Final = timedelta(minutes=15)
# From the click to the new tab; whoever finds the address later has nothing of it.
ENTRY_LIFETIME: Final = timedelta(minutes=1)
# A second click is the same wish while the bridge has not come.
SAME_CLICK: Final = timedelta(seconds=10)
# An order lives for ten seconds, its answer has eight more; then nobody will come.
ATTACH_WITHIN: Final = timedelta(seconds=30)

_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
# 130 bits in one part of a host name: nobody guesses it.
_LENGTH: Final = 26
LABEL: Final = re.compile(r"[a-z2-7]{26}")
ENTER_PATH: Final = "/.portico/enter"


def new_label() -> str:
    """An unguessable first part of a host name."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def origin_of(base: str, label: str) -> str:
    """The origin of a session, such as ``https://<label>.remote.example.org``.

    :param base: ``scheme://host[:port]`` of the installation's remote host.
    """
    scheme, _, host = base.partition("://")
    return f"{scheme}://{label}.{host}"
