"""Who this bridge is: its key, its id, and how it got them."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from uuid import UUID

import aiohttp
import structlog

from portico.bridge.errors import BadUsage, BridgeError, TokenRefused
from portico.bridge.limits import (
    BACKOFF_FIRST,
    BACKOFF_MOST,
    ENROL_ANSWER_BYTES,
    ENROL_TIMEOUT,
)
from portico.bridge.retry import Backoff
from portico.protocols.bridge import signing

log = structlog.get_logger()
_FILE: Final = "identity.json"


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """``bridge_id`` is None until the server has given one."""

    private_key: bytes
    bridge_id: UUID | None

    def signature(self, nonce: bytes) -> bytes:
        return signing.sign(self.private_key, nonce, self.known_id)

    @property
    def known_id(self) -> UUID:
        if self.bridge_id is None:
            raise BridgeError("this bridge is not enrolled")
        return self.bridge_id


def load_or_create(data: Path) -> Identity:
    """The identity in ``data``; a new key is on disk before anybody hears of it.

    :raises BridgeError: the file is damaged or cannot be written.
    """
    path = data / _FILE
    if not path.exists():
        identity = Identity(signing.generate_private_key(), None)
        save(data, identity)
        return identity
    try:
        stored = json.loads(path.read_text())
        key = signing.from_base64url(stored["private_key"])
        bridge_id = stored["bridge_id"]
        signing.public_key(key)
        return Identity(key, None if bridge_id is None else UUID(bridge_id))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BridgeError(f"{path} is damaged: {type(error).__name__}") from error


def save(data: Path, identity: Identity) -> None:
    """Replace the file as a whole, readable by its owner only.

    :raises BridgeError: the disk does not take it.
    """
    path = data / _FILE
    draft = path.with_suffix(".new")
    text = json.dumps(
        {
            "private_key": signing.to_base64url(identity.private_key),
            "bridge_id": identity.bridge_id and str(identity.bridge_id),
        }
    )
    try:
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        folder = os.open(data, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    except OSError as error:
        raise BridgeError(f"cannot write {path}: {error.strerror}") from error


async def enrol(
    http: aiohttp.ClientSession, url: str, *, token: str, body: Mapping[str, str]
) -> UUID:
    """Ask until the server answers; a lost answer is simply asked for again.

    :param body: name, version and public key.
    :raises TokenRefused: see there.
    """
    backoff = Backoff(BACKOFF_FIRST, BACKOFF_MOST, random.random)
    while True:
        wait = None
        try:
            answer = await _ask(http, url, {"token": token, **body})
        except (aiohttp.ClientError, TimeoutError, ValueError, TypeError) as error:
            log.warning("enrol.unreachable", error=type(error).__name__)
        else:
            if isinstance(answer, UUID):
                return answer
            wait = answer
        await asyncio.sleep(max(backoff.next(), wait or 0))


async def _ask(
    http: aiohttp.ClientSession, url: str, body: Mapping[str, str]
) -> UUID | float | None:
    """The id, or seconds to wait if the server said so.

    :raises ValueError, TypeError: a 200 that is no answer of this protocol.
    :raises TokenRefused: see there.
    """
    timeout = aiohttp.ClientTimeout(total=ENROL_TIMEOUT)
    async with http.post(
        url, json=body, timeout=timeout, allow_redirects=False
    ) as response:
        raw = await response.content.read(ENROL_ANSWER_BYTES)
        if response.status == 404:
            raise TokenRefused(
                "the server does not accept this token (spent, expired?)"
            )
        if response.status == 422:
            raise TokenRefused("the server finds this enrolment malformed")
        if response.status != 200:
            log.warning("enrol.not_now", status=response.status)
            after = response.headers.get("Retry-After", "")
            return min(float(after), BACKOFF_MOST) if after.isdigit() else None
    answer = json.loads(raw)
    if not isinstance(answer, dict) or not isinstance(answer.get("bridge_id"), str):
        raise TypeError("no bridge_id")
    return UUID(answer["bridge_id"])


async def enrolled(
    identity: Identity,
    data: Path,
    *,
    http: aiohttp.ClientSession,
    url: str,
    token: str,
    body: Mapping[str, str],
) -> Identity:
    """The identity with an id: the stored one, or a new one got for ``token``.

    :raises BadUsage: no id and no token. :raises TokenRefused: see there.
    """
    if identity.bridge_id is not None:
        return identity
    if not token:
        raise BadUsage("the first start needs --token or PORTICO_BRIDGE_TOKEN")
    public = signing.to_base64url(signing.public_key(identity.private_key))
    bridge_id = await enrol(http, url, token=token, body={**body, "public_key": public})
    known = replace(identity, bridge_id=bridge_id)
    save(data, known)
    log.info("enrol.done", bridge=str(bridge_id))
    return known
