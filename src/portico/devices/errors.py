from __future__ import annotations

from portico.kernel.errors import DomainError, FileRefused


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


class BadScan(DomainError):
    """No range of addresses that a bridge looks at; its field is always told."""

    code = "bad_scan"
    status = 422


class BridgeMissing(DomainError):
    code = "bridge_missing"
    status = 409


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


class ImportRefused(FileRefused):
    """The file has rows in error; nothing was loaded."""

    code = "import_refused"


class BridgeExists(DomainError):
    code = "bridge_exists"
    status = 409


class BadCameraAddress(DomainError):
    """Not an RTSP address, or one that cannot be a camera's."""

    code = "bad_camera_address"
    status = 422
    field = "address"


class BadCameraAccount(DomainError):
    """User name or password: unusable, told twice, or to be entered again."""

    code = "bad_camera_account"
    status = 422
    field = "password"


class BadLink(DomainError):
    """Cameras are linked with door phones of their own house."""

    code = "bad_link"
    status = 422
    field = "linked"


class TooManyCameras(DomainError):
    code = "too_many_cameras"
    status = 409


class BadBoard(DomainError):
    """What an indoor monitor is to arm or to drive is not right."""

    code = "bad_board"
    status = 422
    field = "board_type"


class BadButton(DomainError):
    """A push button that cannot be set up so."""

    code = "bad_button"
    status = 422


class RotationUnderWay(DomainError):
    """The unit may still use the secrets of before the last rotation."""

    code = "rotation_under_way"
    status = 409


class FilterNameTaken(DomainError):
    """Another saved filter of the company has this name."""

    code = "filter_name_taken"
    status = 409
    field = "name"


class TooManyFilters(DomainError):
    code = "too_many_filters"
    status = 409
