"""Structured logs on stderr, one line an event, secrets masked."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from portico.kernel.context import origin

# Addresses from mails: whoever reads one in a log could be quicker than its owner.
_LINKS = re.compile(r"(/(?:password/set|sign-in/once|email/confirm)/)[^/\s]+")
_SECRET_WORDS = ("password", "secret", "token", "code", "digest", "passwd", "cookie")


def _mask(
    logger: Any, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    del logger, method
    for key in event:
        if any(word in key.lower() for word in _SECRET_WORDS):
            event[key] = "[masked]"
    event["event"] = _LINKS.sub(r"\1[masked]", str(event.get("event", "")))
    return event


def _request(
    logger: Any, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    del logger, method
    request_id = origin.get().request_id
    if request_id:
        event.setdefault("request", request_id)
    return event


def configure_logs(form: str, *, level: int = logging.INFO) -> None:
    """Send structlog and the standard library's logs through one formatter."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _request,
        _mask,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # The prettier ones print local variables, and those hold secrets.
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    closing: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if form == "json":
        closing.append(structlog.processors.format_exc_info)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[*closing, renderer]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("asyncio", "uvicorn.access", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
