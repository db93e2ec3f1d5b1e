"""A passkey in software: what a browser's dialog gives, without a browser."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

_FLAG = AuthenticatorData.FLAG


@dataclass
class SoftKey:
    """One key pair; ``origin`` and ``host`` are those of Django's test client."""

    host: str = "localhost"
    origin: str = "http://localhost"
    handle: bytes = b""
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    counter: int = 0

    def __post_init__(self) -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer a registration challenge."""
        public = options["publicKey"]
        self.handle = websafe_decode(public["user"]["id"])
        data = CollectedClientData.create(
            CollectedClientData.TYPE.CREATE, public["challenge"], self.origin
        )
        public_key = self._private.public_key()
        key = ES256.from_cryptography_key(public_key)  # type: ignore[no-untyped-call]  # theirs
        credential = AttestedCredentialData.create(Aaguid.NONE, self.credential_id, key)
        authenticator = self._authenticator_data(credential)
        attestation = AttestationObject.create("none", authenticator, {})
        return self._named(
            clientDataJSON=websafe_encode(data),
            attestationObject=websafe_encode(attestation),
            transports=["internal"],
        )

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer a sign-in challenge."""
        challenge = options["publicKey"]["challenge"]
        data = CollectedClientData.create(
            CollectedClientData.TYPE.GET, challenge, self.origin
        )
        self.counter += 1
        authenticator = self._authenticator_data(None)
        signed = bytes(authenticator) + hashlib.sha256(data).digest()
        signature = self._private.sign(signed, ec.ECDSA(hashes.SHA256()))
        return self._named(
            clientDataJSON=websafe_encode(data),
            authenticatorData=websafe_encode(authenticator),
            signature=websafe_encode(signature),
            userHandle=websafe_encode(self.handle),
        )

    def _authenticator_data(
        self, credential: AttestedCredentialData | None
    ) -> AuthenticatorData:
        flags = _FLAG.UP | _FLAG.UV | (_FLAG.AT if credential else 0)
        host = hashlib.sha256(self.host.encode()).digest()
        made: AuthenticatorData = AuthenticatorData.create(
            host, flags, self.counter, credential or b""
        )
        return made

    def _named(self, **response: Any) -> dict[str, Any]:
        name = websafe_encode(self.credential_id)
        return {
            "type": "public-key",
            "id": name,
            "rawId": name,
            "clientExtensionResults": {"credProps": {"rk": True}},
            "response": response,
        }


def some_registration() -> dict[str, Any]:
    """A passkey as it is stored, of nobody in particular."""
    challenge = websafe_encode(secrets.token_bytes(32))
    user = {"id": websafe_encode(b"nobody")}
    options = {"publicKey": {"challenge": challenge, "user": user}}
    made: dict[str, Any] = json.loads(json.dumps(SoftKey().create(options)))
    return made
