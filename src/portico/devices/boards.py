"""What an indoor monitor does beside calling: arming, and a board of relays (DEV-4).

No database access. No key of the units for either is published, so that nothing of it is
written into their files; see docs/provisioning.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from portico.devices.catalogue import DeviceModel
from portico.devices.enums import (
    ExternalRelayMode,
    ExternalRelayType,
    RelayFunction,
)
from portico.devices.errors import BadBoard
from portico.devices.rules import check_lan_address
from portico.kernel.errors import DomainError

# How many relays each board has.
BOARD_RELAYS = {ExternalRelayType.MK485: 8, ExternalRelayType.HF8000: 4}
PORTS = range(1, 65536)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardRelayData:
    number: int
    name: str
    function: RelayFunction


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardData:
    """The board that a monitor drives; ``address`` and ``port`` with Ethernet only."""

    type: ExternalRelayType
    mode: ExternalRelayMode
    address: str = ""
    port: int | None = None
    relays: Sequence[BoardRelayData] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorData:
    """What the form of an indoor monitor holds beside its own relay."""

    can_arm: bool = False
    board: BoardData | None = None


def monitor_fields(data: MonitorData, model: DeviceModel | None) -> dict[str, object]:
    """The columns of a monitor.

    :raises BadBoard: the model has no such thing, or the board's entries are wrong.
    """
    if data.can_arm and model is not None and not model.arming:
        raise BadBoard(_("This model does not arm a house."), field="can_arm")
    board = data.board
    if board is None:
        return {
            "can_arm": data.can_arm,
            "external_type": "",
            "external_mode": "",
            "external_address": None,
            "external_port": None,
        }
    if model is not None and not model.external_relay:
        raise BadBoard(_("This model drives no external relay."))
    _check_relays(board)
    is_ethernet = board.mode == ExternalRelayMode.ETHERNET
    if is_ethernet and (board.port is None or board.port not in PORTS):
        raise BadBoard(_("The port is a number from 1 to 65535."), field="board_port")
    return {
        "can_arm": data.can_arm,
        "external_type": board.type,
        "external_mode": board.mode,
        "external_address": _address(board) if is_ethernet else None,
        "external_port": board.port if is_ethernet else None,
    }


def _address(board: BoardData) -> str:
    try:
        return check_lan_address(board.address)
    except DomainError as error:
        raise BadBoard(str(error), field="board_address") from None


def _check_relays(board: BoardData) -> None:
    most = BOARD_RELAYS[board.type]
    numbers = [relay.number for relay in board.relays]
    if not numbers:
        raise BadBoard(_("Name at least one relay of the board."))
    if len(set(numbers)) != len(numbers) or not set(numbers) <= set(range(1, most + 1)):
        raise BadBoard(_("This board has %(count)d relays.") % {"count": most})
    if not all(relay.name.strip() for relay in board.relays):
        raise BadBoard(_("Enter a Relay Name."))
