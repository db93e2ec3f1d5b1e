"""dormakaba by its exivo platform API. Not verified on hardware.

Sources, read in stored copies in November 2026: the published Swagger description at
``https://api.exivo.io/v1``, as the clients hold that were generated from it:

* HTTP Basic with API key and secret; ``GET /{siteId}/component`` is a bare list with
  ``skip`` and ``limit``; a component has ``id``, ``identifier`` (its name), ``labelling``,
  ``mode`` and ``templateIdentifier``; ``POST /{siteId}/component/{componentId}/unlock``
  "is only a request so there is no guarantee the door will be unlocked".
* ``ready`` and the modes ``open``, ``normal``, ``closed``: a public client's types; that
  ``ready`` false means offline is *inferred*.
* ``delegatedUser`` in the unlock's body stands in the vendor's log: README of
  homebridge-exivo names the setting; the field's name is *inferred* from it.

No field tells of a battery, so it is unknown here.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext_lazy as _

from portico.integrations.http import Caller
from portico.integrations.reading import MOST_ID, flag, rows, text
from portico.locks.enums import Bolt, LockReason
from portico.locks.ports import Brand, CredentialField, LockFailed, SeenLock

API_URL = "https://api.exivo.io"
_PAGE = 200
_MOST_PAGES = 20
# Stands in the vendor's own log beside the opening.
_DELEGATED_USER = "Portico"


@dataclass(frozen=True)
class Exivo:
    """One site at exivo."""

    values: Mapping[str, str]
    caller: Caller

    def list_locks(self) -> list[SeenLock]:
        """See the port."""
        found: dict[str, SeenLock] = {}
        for page in range(_MOST_PAGES):
            paged = f"?skip={page * _PAGE}&limit={_PAGE}"
            url = f"{self._site}/component{paged}"
            body = self.caller.ask("GET", url, headers=self._headers).body
            listed = rows(body)
            if listed is None:
                raise LockFailed(LockReason.GARBAGE)
            locks = [_lock(row) for row in listed if text(row, "id", MOST_ID)]
            new = {one.vendor_id: one for one in locks if one.vendor_id not in found}
            found |= new
            if len(listed) < _PAGE or not new:
                break
        return list(found.values())

    def open(self, vendor_id: str, *, within: float) -> None:
        """See the port."""
        ends = time.monotonic() + within
        url = f"{self._site}/component/{quote(vendor_id, safe='')}/unlock"
        data = {"delegatedUser": _DELEGATED_USER}
        if time.monotonic() > ends:
            raise LockFailed(LockReason.TOO_LATE)
        self.caller.ask("POST", url, headers=self._headers, data=data, changes=True)

    @property
    def _site(self) -> str:
        site = quote(self.values["site_id"], safe="")
        return f"{self.values['api_url'].rstrip('/')}/v1/{site}"

    @property
    def _headers(self) -> dict[str, str]:
        pair = f"{self.values['api_key']}:{self.values['api_secret']}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _lock(row: Mapping[str, Any]) -> SeenLock:
    vendor_id = text(row, "id", MOST_ID)
    name = text(row, "identifier") or text(row, "labelling") or vendor_id[:63]
    mode = text(row, "mode").lower()
    return SeenLock(
        vendor_id=vendor_id,
        name=name,
        is_online=flag(row, "ready"),
        # In other modes the door is opened by who may; the bolt itself is not told.
        bolt=Bolt.UNLOCKED if mode == "open" else Bolt.UNKNOWN,
    )


def dormakaba(caller: Caller) -> Brand:
    """The brand, whose accounts are called by ``caller``."""
    return Brand(
        key="dormakaba",
        name="Dormakaba",
        connect=lambda values: Exivo(values, caller),
        check_address=caller.check,
        fields=(
            CredentialField(
                key="site_id",
                label=_("Site ID"),
                help_text=_("The identifier of the site in exivo."),
            ),
            CredentialField(key="api_key", label=_("API Key")),
            CredentialField(key="api_secret", label=_("API Secret"), is_secret=True),
            CredentialField(
                key="api_url",
                label=_("API Address"),
                initial=API_URL,
                is_address=True,
            ),
        ),
    )
