"""Structured lines on stderr, with no room for secrets."""

from __future__ import annotations

import logging
import sys
import traceback

import structlog


class _Names(logging.Handler):
    """Log records of libraries as their kind and place only.

    Their messages may quote a request, and a request may hold a PIN.
    """

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        structlog.get_logger().warning(
            "library",
            logger=record.name,
            error=type(error).__name__ if error else None,
            at=traceback.format_tb(error.__traceback__) if error else None,
        )


def configure(*, verbose: bool) -> None:
    """Send everything to stderr as one JSON object a line."""
    level = logging.DEBUG if verbose else logging.INFO
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_Names()], force=True)
