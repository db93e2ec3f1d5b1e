from __future__ import annotations

from portico.devices.models.bridge import Bridge
from portico.devices.models.camera import Camera, CameraPicture
from portico.devices.models.command import Command
from portico.devices.models.device import Device, DeviceSecrets
from portico.devices.models.external_relay import ExternalRelay
from portico.devices.models.found import FoundUnit
from portico.devices.models.mac_library import MacEntry
from portico.devices.models.picture import DevicePicture
from portico.devices.models.presence import Presence
from portico.devices.models.push_button import PushButton
from portico.devices.models.relay import Relay
from portico.devices.models.saved_filter import SavedFilter
from portico.devices.models.scan import NetworkScan
from portico.devices.models.wipe import AccessWipe

__all__ = [
    "AccessWipe",
    "Bridge",
    "Camera",
    "CameraPicture",
    "Command",
    "Device",
    "DevicePicture",
    "DeviceSecrets",
    "ExternalRelay",
    "FoundUnit",
    "MacEntry",
    "NetworkScan",
    "Presence",
    "PushButton",
    "Relay",
    "SavedFilter",
]
