"""HTTP requests that a unit makes: AutoP files, firmware and action URLs."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

import aiohttp

from portico.protocols import digest

# Nothing is known of the devices' own limits. Long enough for a slow server, short
# enough that a dead one does not hold up the next event.
TIMEOUT_SECONDS: Final = 10.0
# An AutoP file with everything set is about 20 KiB.
MAX_FILE_BYTES: Final = 1024 * 1024
MAX_REDIRECTS: Final = 3


Taker = Callable[[bytes, int], Awaitable[None]]


class OutboundError(Exception):
    """No usable answer: not reachable, too slow, too big, or no valid address."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; ``target`` is the request target as it was sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """One unit's way out: its user agent, and whether it verifies servers.

    Devices verify a TLS server only when told so
    (``Config.Settings.SECURITY.OnlyAcceptTrusted`` = 1, SYT).
    """

    session: aiohttp.ClientSession
    user_agent: str
    verify: bool

    async def fetch(
        self,
        address: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        account: tuple[str, str] = ("", ""),
        max_bytes: int = MAX_FILE_BYTES,
        timeout: float = TIMEOUT_SECONDS,  # noqa: ASYNC109 - one deadline for all legs
        into: Taker | None = None,
    ) -> Reply:
        """Fetch ``address``; answers one Basic or Digest challenge.

        Credentials inside the address win over ``account`` (KB).

        :param into: is given the body of a 200 in pieces, with the length of the whole
            (0: unknown), however long it is.

        :raises OutboundError: see there. HTTP error statuses are replies.
        """
        try:
            parts = urlsplit(address)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise OutboundError(f"not an http address: {address[:40]}")
            if parts.username is not None:
                account = (unquote(parts.username), unquote(parts.password or ""))
            url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
            sent = {"User-Agent": self.user_agent, **(headers or {})}
            limit = aiohttp.ClientTimeout(total=timeout)
            once = functools.partial(
                self._once, url, method, sent, limit=limit, cap=max_bytes, into=into
            )
            reply = await once()
            challenge = reply.headers.get("WWW-Authenticate", "")
            if reply.status == 401 and account[0] and challenge:
                token = digest.answer(
                    challenge,
                    method=method,
                    uri=reply.target,
                    user=account[0],
                    password=account[1],
                )
                if token is not None:
                    sent["Authorization"] = token
                    reply = await once()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise OutboundError(str(error) or type(error).__name__) from error
        return reply

    async def _once(
        self,
        url: str,
        method: str,
        headers: Mapping[str, str],
        *,
        limit: aiohttp.ClientTimeout,
        cap: int,
        into: Taker | None,
    ) -> Reply:
        async with self.session.request(
            method,
            url,
            headers=headers,
            timeout=limit,
            max_redirects=MAX_REDIRECTS,
            ssl=self.verify,
        ) as answer:
            body = bytearray()
            async for chunk in answer.content.iter_any():
                if into is not None and answer.status == 200:
                    await into(chunk, answer.content_length or 0)
                    continue
                body += chunk
                if len(body) > cap:
                    raise OutboundError("the answer is too big")
            target = answer.request_info.url.raw_path_qs
            return Reply(answer.status, answer.headers, bytes(body), target)
