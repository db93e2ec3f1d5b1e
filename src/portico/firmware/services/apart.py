"""One of many that cannot be looked at does not hold up the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import structlog
from django.db import OperationalError

log = structlog.get_logger(__name__)

_T = TypeVar("_T")


def apart(work: Callable[[], _T], otherwise: Callable[[], _T], **facts: object) -> _T:
    """What ``work`` gives; where it fails, ``otherwise`` says what becomes of it.

    The error is in the worker's log, with ``facts``.

    :raises OperationalError: the database's trouble, not the work's: all comes again.
    """
    try:
        return work()
    except OperationalError:
        raise
    except Exception:
        log.exception("upgrade_trouble", **facts)
        return otherwise()
