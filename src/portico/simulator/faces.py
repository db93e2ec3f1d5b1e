"""Face photos: a unit that takes them fetches ``FaceUrl`` before it takes the entry.

When hardware fetches, what it answers, and what it shows of the address afterwards is
published nowhere; this one refuses an entry whose photo it cannot fetch or read, and
shows the address (inferred). Units without face recognition drop the field.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any, Final

from portico.simulator.actions import user_agent
from portico.simulator.api import ApiCall
from portico.simulator.directory import HASH, Refused
from portico.simulator.outbound import Outbound, OutboundError
from portico.simulator.unit import Unit

# Takes the entry and never asks for the photo, as one without a way to the bridge would.
FAULT_NOT_FETCHED: Final = "face_not_fetched"
_URL: Final = "FaceUrl"
_START, _END = b"\xff\xd8\xff", b"\xff\xd9"


async def with_faces(unit: Unit, call: ApiCall) -> ApiCall:
    """``call`` with the photos of its users fetched.

    :raises Refused: one of them could not be.
    """
    items = call.data.get("item")
    if call.target != "user" or call.action not in {"add", "set"}:
        return call
    if not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
        return call
    fetched = [await _with_face(unit, item) for item in items]
    return replace(call, data={**call.data, "item": fetched})


async def _with_face(unit: Unit, item: dict[str, Any]) -> dict[str, Any]:
    url = str(item.get(_URL) or "")
    rest = {key: value for key, value in item.items() if key not in {_URL, HASH}}
    if not unit.model.takes_faces:
        return rest
    if not url or FAULT_NOT_FETCHED in unit.core.faults:
        return rest | ({_URL: url} if _URL in item else {})
    out = Outbound(
        session=unit.core.world.session, user_agent=user_agent(unit.core), verify=False
    )
    try:
        reply = await out.fetch(url)
    except OutboundError:
        raise Refused("Face download failed") from None
    is_jpeg = reply.body.startswith(_START) and reply.body.endswith(_END)
    if reply.status != 200 or not is_jpeg:
        raise Refused("Face picture error")
    return rest | {_URL: url, HASH: hashlib.sha256(reply.body).hexdigest()}
