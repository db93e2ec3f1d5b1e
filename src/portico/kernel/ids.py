"""Random identifiers and secrets, and the form in which secrets are looked up."""

from __future__ import annotations

import hashlib
import secrets
import uuid

# 144 bits: above the 128 that an unguessable path needs, and 24 letters short, because
# devices limit URLs to 127 characters.
_SECRET_BYTES = 18


def new_id() -> uuid.UUID:
    """A random identifier, safe to show and to put in an address."""
    return uuid.uuid4()


def new_secret() -> str:
    """An unguessable URL-safe text of 24 characters."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def secret_digest(secret: str) -> str:
    """The hex SHA-256 under which a random secret is stored and found again.

    Only for secrets of :func:`new_secret` strength; passwords are Argon2 hashed.
    """
    return hashlib.sha256(secret.encode()).hexdigest()
