"""How a bridge proves who it is: an Ed25519 signature over the server's challenge."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
NONCE_BYTES: Final = 32
# Keeps a signature from meaning anything in another protocol or version.
_CONTEXT: Final = b"portico-bridge-v1\n"
_PICTURE: Final = b"portico-picture-v1\n"
_REMOTE: Final = b"portico-remote-v1\n"
_ACCESS: Final = b"portico-access-v1\n"
_FIRMWARE: Final = b"portico-firmware-v1\n"
_URL_ALPHABET: Final = re.compile(r"[A-Za-z0-9_-]*")


def generate_private_key() -> bytes:
    """32 raw bytes of a new private key."""
    return Ed25519PrivateKey.generate().private_bytes_raw()


def public_key(private: bytes) -> bytes:
    """The 32 raw bytes that the server may know.

    :raises ValueError: ``private`` is not 32 bytes long.
    """
    key = Ed25519PrivateKey.from_private_bytes(private)
    return key.public_key().public_bytes_raw()


def sign(private: bytes, nonce: bytes, bridge_id: UUID) -> bytes:
    """The 64 bytes that answer a challenge.

    :raises ValueError: ``private`` is not 32 bytes long.
    """
    key = Ed25519PrivateKey.from_private_bytes(private)
    return key.sign(_signed_text(nonce, bridge_id))


def verify(public: bytes, nonce: bytes, bridge_id: UUID, *, signature: bytes) -> bool:
    """Whether ``signature`` answers ``nonce`` for this bridge; never raises."""
    try:
        key = Ed25519PublicKey.from_public_bytes(public)
        key.verify(signature, _signed_text(nonce, bridge_id))
    except (InvalidSignature, ValueError):
        return False
    return True


def sign_picture(private: bytes, command: UUID, jpeg: bytes) -> bytes:
    """The 64 bytes that say: this is the picture that ``command`` asked for.

    :raises ValueError: ``private`` is not 32 bytes long.
    """
    key = Ed25519PrivateKey.from_private_bytes(private)
    return key.sign(_picture_text(command, jpeg))


def verify_picture(
    public: bytes, command: UUID, jpeg: bytes, *, signature: bytes
) -> bool:
    """Whether the bridge with that key says so; never raises."""
    try:
        key = Ed25519PublicKey.from_public_bytes(public)
        key.verify(signature, _picture_text(command, jpeg))
    except (InvalidSignature, ValueError):
        return False
    return True


def sign_remote(private: bytes, nonce: bytes, session: UUID) -> bytes:
    """The 64 bytes that answer the challenge of a remote control's connection.

    :raises ValueError: ``private`` is not 32 bytes long.
    """
    key = Ed25519PrivateKey.from_private_bytes(private)
    return key.sign(_remote_text(nonce, session))


def verify_remote(
    public: bytes, nonce: bytes, session: UUID, *, signature: bytes
) -> bool:
    """Whether the bridge with that key says so; never raises."""
    try:
        key = Ed25519PublicKey.from_public_bytes(public)
        key.verify(signature, _remote_text(nonce, session))
    except (InvalidSignature, ValueError):
        return False
    return True


def sign_access(private: bytes, command: UUID, *, method: str, body: bytes) -> bytes:
    """The 64 bytes with which a bridge asks for the list of ``command``, or reports.

    :raises ValueError: ``private`` is not 32 bytes long.
    """
    key = Ed25519PrivateKey.from_private_bytes(private)
    return key.sign(_access_text(command, method, body))


def verify_access(
    public: bytes, command: UUID, *, method: str, body: bytes, signature: bytes
) -> bool:
    """Whether the bridge with that key asks or reports so; never raises."""
    try:
        key = Ed25519PublicKey.from_public_bytes(public)
        key.verify(signature, _access_text(command, method, body))
    except (InvalidSignature, ValueError):
        return False
    return True


def sign_firmware(
    private: bytes, command: UUID, *, method: str, part: str, body: bytes
) -> bytes:
    """The 64 bytes with which a bridge asks or reports about an upgrade.

    ``part`` is what follows the order in the path, such as ``image``; "" for a report.

    :raises ValueError: ``private`` is not 32 bytes long.
    """
    key = Ed25519PrivateKey.from_private_bytes(private)
    return key.sign(_firmware_text(command, method, part, body))


def verify_firmware(
    public: bytes,
    command: UUID,
    *,
    method: str,
    part: str,
    body: bytes,
    signature: bytes,
) -> bool:
    """Whether the bridge with that key asks or reports so; never raises."""
    try:
        key = Ed25519PublicKey.from_public_bytes(public)
        key.verify(signature, _firmware_text(command, method, part, body))
    except (InvalidSignature, ValueError):
        return False
    return True


def to_base64url(raw: bytes) -> str:
    """Base64url without padding, the form of all bytes in the protocol."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """The bytes of :func:`to_base64url`.

    :raises ValueError: padding, another alphabet, or a form that no encoder makes
        (so that one value has one spelling).
    """
    if not _URL_ALPHABET.fullmatch(text):
        raise ValueError("not base64url")
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise ValueError("not base64url") from None
    if to_base64url(raw) != text:
        raise ValueError("not canonical base64url")
    return raw


def _picture_text(command: UUID, jpeg: bytes) -> bytes:
    digest = hashlib.sha256(jpeg).digest()
    return _PICTURE + str(command).encode() + b"\n" + digest


def _remote_text(nonce: bytes, session: UUID) -> bytes:
    return _REMOTE + nonce + b"\n" + str(session).encode()


def _access_text(command: UUID, method: str, body: bytes) -> bytes:
    digest = hashlib.sha256(body).digest()
    return _ACCESS + f"{method}\n{command}\n".encode() + digest


def _firmware_text(command: UUID, method: str, part: str, body: bytes) -> bytes:
    digest = hashlib.sha256(body).digest()
    return _FIRMWARE + f"{method}\n{part}\n{command}\n".encode() + digest


def _signed_text(nonce: bytes, bridge_id: UUID) -> bytes:
    return _CONTEXT + nonce + b"\n" + str(bridge_id).encode()
