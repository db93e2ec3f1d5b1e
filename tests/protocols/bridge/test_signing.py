"""A bridge's proof of identity."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.protocols.bridge import signing

pytestmark = pytest.mark.unit

BRIDGE = UUID("0b5e7f9a-3f3e-4a3e-9d4a-2b1f6b9d7c11")
OTHER = UUID("0b5e7f9a-3f3e-4a3e-9d4a-2b1f6b9d7c12")
PRIVATE = bytes(range(32))
PUBLIC = signing.public_key(PRIVATE)
NONCE = b"n" * 32


def test_verify_accepts_only_this_nonce_bridge_and_key() -> None:
    signature = signing.sign(PRIVATE, NONCE, BRIDGE)
    stranger = signing.public_key(signing.generate_private_key())

    assert signing.verify(PUBLIC, NONCE, BRIDGE, signature=signature)
    assert not signing.verify(PUBLIC, b"m" * 32, BRIDGE, signature=signature)
    assert not signing.verify(PUBLIC, NONCE, OTHER, signature=signature)
    assert not signing.verify(stranger, NONCE, BRIDGE, signature=signature)


def test_signature_is_over_the_documented_text() -> None:
    # The contract's formula, written out; Ed25519 signatures are deterministic.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    text = (
        b"portico-bridge-v1\n" + NONCE + b"\n" + b"0b5e7f9a-3f3e-4a3e-9d4a-2b1f6b9d7c11"
    )
    expected = Ed25519PrivateKey.from_private_bytes(PRIVATE).sign(text)

    assert signing.sign(PRIVATE, NONCE, BRIDGE) == expected


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_verify_never_raises(public: bytes, signature: bytes) -> None:
    assert not signing.verify(public, NONCE, BRIDGE, signature=signature)


def test_private_keys_differ() -> None:
    assert signing.generate_private_key() != signing.generate_private_key()
    assert len(signing.generate_private_key()) == signing.KEY_BYTES


@given(st.binary(max_size=100))
def test_base64url_round_trip(raw: bytes) -> None:
    text = signing.to_base64url(raw)

    assert "=" not in text
    assert signing.from_base64url(text) == raw


@pytest.mark.parametrize("text", ["QQ==", "Q+/Q", "Q", "QR", "ä", "QQ\n"])
def test_base64url_has_one_spelling(text: str) -> None:
    with pytest.raises(ValueError, match="base64url"):
        signing.from_base64url(text)


def test_a_request_about_firmware_is_signed_for_one_thing_alone() -> None:
    signature = signing.sign_firmware(
        PRIVATE, OTHER, method="GET", part="image", body=b""
    )

    def verify(order: UUID, method: str, part: str, body: bytes) -> bool:
        return signing.verify_firmware(
            PUBLIC, order, method=method, part=part, body=body, signature=signature
        )

    assert verify(OTHER, "GET", "image", b"")
    assert not verify(BRIDGE, "GET", "image", b"")
    assert not verify(OTHER, "POST", "image", b"")
    assert not verify(OTHER, "GET", "configuration", b"")
    assert not verify(OTHER, "GET", "image", b"x")
    assert not signing.verify_access(
        PUBLIC, OTHER, method="GET image", body=b"", signature=signature
    )


def test_the_signature_of_firmware_is_over_the_documented_text() -> None:
    import hashlib

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    text = (
        b"portico-firmware-v1\nPOST\nconfiguration\n"
        b"0b5e7f9a-3f3e-4a3e-9d4a-2b1f6b9d7c11\n"
    ) + hashlib.sha256(b"{}").digest()
    expected = Ed25519PrivateKey.from_private_bytes(PRIVATE).sign(text)

    assert expected == signing.sign_firmware(
        PRIVATE, BRIDGE, method="POST", part="configuration", body=b"{}"
    )
