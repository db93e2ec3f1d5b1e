"""Face photos at rest: sealed, one beside each credential that is in force (LOG-1)."""

from __future__ import annotations

import hashlib
import uuid
from base64 import b64encode
from datetime import datetime

from portico.access.models import Credential, Face
from portico.access.photos import Photo
from portico.access.rules import credential_number
from portico.access.selectors import face_of, is_on_device
from portico.access.services.syncing import FETCH_WITHIN, device_of_order


def keep_face(*, credential: Credential, photo: Photo) -> None:
    """Keep the photo that ``credential`` opens with; it never changes."""
    Face.objects.create(
        credential=credential,
        picture=b64encode(photo.jpeg).decode(),
        sha256=hashlib.sha256(photo.jpeg).hexdigest(),
        size=len(photo.jpeg),
    )


def erase_face(*, credential: Credential) -> None:
    """Delete the photo of a credential that is revoked."""
    Face.objects.filter(credential=credential).delete()


def face_for(
    *, bridge_id: uuid.UUID, command_id: uuid.UUID, entry_id: str, now: datetime
) -> bytes | None:
    """The photo of one entry of an order's list, as JPEG; None: no such entry now."""
    device = device_of_order(bridge_id, command_id, now - FETCH_WITHIN)
    number = credential_number(entry_id)
    if device is None or number is None or not is_on_device(device, entry_id):
        return None
    face = face_of(device.site, number)
    return None if face is None else face.jpeg
