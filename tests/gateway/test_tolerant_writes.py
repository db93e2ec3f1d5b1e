from __future__ import annotations

import asyncio
from typing import cast

import pytest

from portico.gateway.tolerant import JoinedWrites

pytestmark = [pytest.mark.unit, pytest.mark.bare]

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"


class Wire:
    """A transport that notes what reaches it."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def close(self) -> None:
        self.sent.append(b"closed")


async def joined() -> tuple[JoinedWrites, list[bytes]]:
    wire = Wire()
    return JoinedWrites(cast("asyncio.Transport", wire)), wire.sent


def test_head_and_body_leave_together() -> None:
    async def scenario() -> None:
        transport, sent = await joined()
        transport.write(HEAD)
        transport.write(b"OK")
        await asyncio.sleep(0)

        assert sent == [HEAD + b"OK"]

    asyncio.run(scenario())


def test_head_of_a_stream_without_content_is_not_held_back() -> None:
    async def scenario() -> None:
        transport, sent = await joined()
        transport.write(HEAD)
        await asyncio.sleep(0)
        transport.write(b"later")

        assert sent == [HEAD, b"later"]

    asyncio.run(scenario())


def test_closing_sends_what_was_held() -> None:
    async def scenario() -> None:
        transport, sent = await joined()
        transport.write(HEAD)
        transport.close()
        await asyncio.sleep(0)

        assert sent == [HEAD, b"closed"]

    asyncio.run(scenario())
