"""Firmware over the units' local HTTP API: requests out, answers in. Pure.

Source: the vendor's "HTTP API manual for Akuvox Intercom" (2022): ``prepare`` comes first,
then ``upload?silent=0`` (multipart), then ``upgrade?md5=``. The name of the part and what
the answers hold is published nowhere. Not verified on hardware.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from portico.protocols.akuvox.local_api import DeviceError, Request, read_answer

# Inferred: what forms of the units' own pages call it.
UPLOAD_FIELD: Final = "file"
# The only state that is published; everything else is somebody calling.
_READY: Final = "READY"


def prepare() -> Request:
    """Make room for an image; what was uploaded before is forgotten."""
    body = b'{"target":"firmware","action":"prepare"}'
    return Request("POST", "/api/firmware/prepare", body)


def upload() -> Request:
    """Its body is a form with the image as :data:`UPLOAD_FIELD`."""
    return Request("POST", "/api/firmware/upload?silent=0")


def upgrade(md5: str) -> Request:
    """Write the image that was uploaded, and restart. There is no way back."""
    return Request("GET", f"/api/firmware/upgrade?md5={md5}")


def call_status() -> Request:
    return Request("GET", "/api/call/status")


def whole_configuration() -> Request:
    """All settings, as a flat map."""
    return Request("GET", "/api/config/get")


def read_is_free(status: int, body: bytes) -> bool:
    """Whether nobody is calling, in an answer to ``call_status``.

    :raises DeviceError: see :func:`read_answer`.
    """
    told = read_answer(status, body).values()
    return any(str(each).upper() == _READY for each in told)


def read_md5(status: int, body: bytes) -> str:
    """The sum of what was uploaded, lower case; empty: the unit does not tell.

    :raises DeviceError: see :func:`read_answer`.
    """
    told = read_answer(status, body)
    return next(
        (str(v).lower() for k, v in told.items() if k.lower() == "md5" and v), ""
    )


def read_configuration(status: int, body: bytes) -> bytes:
    """All settings as one JSON object.

    :raises DeviceError: see :func:`read_answer`; ``garbled``: there are none in it.
    """
    data: Mapping[str, Any] = read_answer(status, body)
    if not data:
        raise DeviceError("garbled")
    return json.dumps(data, separators=(",", ":")).encode()
