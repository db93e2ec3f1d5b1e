"""QR codes that change: RFC 6238 (TOTP) with a 9 in front.

No PIN and no temp key begins with 9, so that no code is both.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

PERIOD: Final = 30
_SECRET_BYTES: Final = 20
_DIGITS: Final = 8
_PREFIX: Final = "9"


def new_secret() -> str:
    """What the codes of one holder are made of, in hex."""
    return secrets.token_hex(_SECRET_BYTES)


def code_now(secret: str, now: datetime) -> str:
    """The code of this moment of a secret in hex."""
    return code_at(bytes.fromhex(secret), int(now.timestamp()) // PERIOD)


def code_at(secret: bytes, number: int) -> str:
    """The code of period ``number``, counted from 1970.

    :raises ValueError: the secret is shorter than 16 bytes.
    """
    # HMAC with SHA-1 is what the RFC has, and is not broken.
    made = HOTP(secret, _DIGITS, SHA1())  # noqa: S303
    return _PREFIX + made.generate(number).decode()
