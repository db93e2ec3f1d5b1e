"""What a brand of locks is to us: its form, and its server. Plugged in by the wiring."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from portico.locks.enums import Battery, Bolt, LockReason

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class LockFailed(Exception):
    """The vendor did not do it, or nobody knows.

    ``is_sure``: the lock was certainly not opened. ``retry_after``: seconds that the
    vendor asks to be left alone.
    """

    def __init__(
        self, reason: LockReason, *, is_sure: bool = True, retry_after: float = 0.0
    ) -> None:
        super().__init__(str(reason))
        self.reason, self.is_sure, self.retry_after = reason, is_sure, retry_after


class BadAddress(ValueError):
    """An address that no account may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenLock:
    """A lock as its vendor lists it. ``is_online`` None: the vendor does not say."""

    vendor_id: str
    name: str
    is_online: bool | None = None
    battery: Battery = Battery.UNKNOWN
    bolt: Bolt = Bolt.UNKNOWN


class LockProvider(Protocol):
    """One account at a vendor. Blocks, for a bounded time; never in a web request."""

    def list_locks(self) -> list[SeenLock]:
        """All locks of the account, with their states. :raises LockFailed: see there."""

    def open(self, vendor_id: str, *, within: float) -> None:
        """Ask for one opening; it returns when the vendor has taken it.

        Nothing is asked later than ``within`` seconds from now, and never twice unless
        the first was certainly not done. :raises LockFailed: see there.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialField:
    """One line of the form of an account."""

    key: str
    label: StrOrPromise
    initial: str = ""
    help_text: StrOrPromise = ""
    is_secret: bool = False
    is_address: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """A vendor. ``connect`` makes no request yet."""

    key: str
    name: str
    fields: tuple[CredentialField, ...]
    connect: Callable[[Mapping[str, str]], LockProvider]
    # Raises BadAddress with a sentence.
    check_address: Callable[[str], None]


_brands: dict[str, Brand] = {}


def install_brands(brands: Iterable[Brand]) -> None:
    """These are the brands from now on, in this order."""
    found = {brand.key: brand for brand in brands}
    _brands.clear()
    _brands.update(found)


def all_brands() -> list[Brand]:
    """The brands in the order of the page."""
    return list(_brands.values())


def find_brand(key: str) -> Brand | None:
    """One brand; None: there is no such brand in this version."""
    return _brands.get(key)
