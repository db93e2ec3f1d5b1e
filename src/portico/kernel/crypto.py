"""Secrets at rest: sealed with authenticated encryption, under keys that can rotate.

``seal`` uses the newest key; ``unseal`` tries all of them, so that a key is rotated by
putting a new one in front and re-sealing at leisure.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class UnreadableSecret(Exception):
    """No installed key opens this secret; it was sealed elsewhere or tampered with."""


class _Keyring:
    box: MultiFernet | None = None


def install_keys(keys: Sequence[str]) -> None:
    """Install Fernet keys (44 base64url characters each), the newest first."""
    _Keyring.box = MultiFernet([Fernet(key.encode()) for key in keys])


def new_key() -> str:
    """A fresh key for :func:`install_keys`."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _box() -> MultiFernet:
    if _Keyring.box is None:
        raise RuntimeError("no encryption keys installed; see config.wiring")
    return _Keyring.box


def seal(text: str) -> str:
    """Encrypt ``text``; the result differs each time and is ASCII."""
    return _box().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """Return what :func:`seal` was given.

    :raises UnreadableSecret: not sealed by any installed key.
    """
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise UnreadableSecret from None
