from __future__ import annotations

from portico.kernel.errors import DomainError


class MacMalformed(DomainError):
    code = "mac_malformed"
    status = 422
    field = "mac"


class MacNotInLibrary(DomainError):
    """The distributor of this installer has not registered the MAC."""

    code = "mac_not_in_library"
    status = 422
    field = "mac"


class MacInUse(DomainError):
    """The MAC is registered, but a device already has it."""

    code = "mac_in_use"
    status = 409
    field = "mac"


class MacAlreadyListed(DomainError):
    code = "mac_already_listed"
    status = 409
    field = "mac"


class UnknownModel(DomainError):
    code = "unknown_model"
    status = 422
    field = "model"


class WrongKind(DomainError):
    """The model of this MAC is of another device type."""

    code = "wrong_kind"
    status = 422
    field = "kind"


class BadRelay(DomainError):
    code = "bad_relay"
    status = 422
    field = "relays"


class BadAddress(DomainError):
    code = "bad_address"
    status = 422
    field = "ip_address"


class IdempotencyMismatch(DomainError):
    """The key was used for another order."""

    code = "idempotency_mismatch"
    status = 409


class EnrolmentRefused(DomainError):
    """The bridge's token is unknown, spent or expired."""

    code = "enrolment_refused"
    status = 404


class ImportRefused(DomainError):
    """The file has rows in error; nothing was loaded."""

    code = "import_refused"
    status = 422
    field = "file"


class BridgeExists(DomainError):
    code = "bridge_exists"
    status = 409
