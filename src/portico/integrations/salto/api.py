"""Salto KS by its Connect API. Not verified on hardware.

Sources, read in stored copies in November 2026:

* ``POST <identity server>/connect/token``, HTTP Basic with client ID and secret, a form of
  ``grant_type=password``, ``scope``, ``username``, ``password``; the answer holds
  ``access_token``: developer.saltosystems.com/ks/connect-api/getting-authenticated. Salto
  activates a flow per client; this one works without a browser, so it is the one here.
* Hosts ``connect.my-clay.com`` and ``identity.eu.my-clay.com``, scope
  ``user_api.full_access``, ``expires_in``, ``GET /v1.2/sites/{site}/locks``, ``PATCH
  /v1.2/sites/{site}/locks/{lock}/locking`` with ``{"locked_state": "unlocked"}``, lists as
  ``{"items": …, "next_page_link": …}`` or bare, errors as ``{"ErrorCode", "Message"}`` with
  3102 for a one-time code: public clients of the API that say they have measured it.
* Opening from afar is off until Salto allows it for the client: docs.seam.co, guide of Salto
  locks.
* *Inferred*: of a lock, ``customer_reference`` is its name, ``locked_state`` its bolt,
  ``online`` and ``battery_level`` say what they are called; the words of the latter; that
  409 means offline.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from django.utils.translation import gettext_lazy as _

from portico.integrations.http import Answer, Caller
from portico.integrations.reading import MOST_ID, flag, rows, text
from portico.locks.enums import Battery, Bolt, LockReason
from portico.locks.ports import Brand, CredentialField, LockFailed, SeenLock

API_URL = "https://connect.my-clay.com"
IDENTITY_URL = "https://identity.eu.my-clay.com"
SCOPE = "user_api.full_access"
# A token is not used in its last minute, nor for longer than a day.
_SPARE_SECONDS = 60.0
_LONGEST_SECONDS = 86_400.0
_USUAL_SECONDS = 3600.0
_MOST_PAGES = 20
_MOST_TOKENS = 1000

_BATTERY = {
    **dict.fromkeys(("fresh", "good", "full", "ok", "normal", "high"), Battery.GOOD),
    **dict.fromkeys(("low", "replace"), Battery.LOW),
    **dict.fromkeys(("verylow", "critical", "empty", "flat"), Battery.EMPTY),
}
_BOLT = {
    "locked": Bolt.LOCKED,
    "unlocked": Bolt.UNLOCKED,
    "emergency_unlocked": Bolt.UNLOCKED,
}


class _Tokens:
    """Access tokens of this process, by a digest of what they were given for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[str, float]] = {}

    def get(self, key: str) -> str:
        """A token that is good for some time yet, or nothing."""
        with self._lock:
            token, until = self._known.get(key, ("", 0.0))
        return token if until > time.monotonic() else ""

    def keep(self, key: str, token: str, seconds: float) -> None:
        with self._lock:
            if len(self._known) >= _MOST_TOKENS:
                self._known.clear()
            self._known[key] = (token, time.monotonic() + seconds)

    def forget(self, key: str) -> None:
        with self._lock:
            self._known.pop(key, None)


tokens = _Tokens()


@dataclass(frozen=True)
class Salto:
    """One site at Salto KS, by a system user of it."""

    values: Mapping[str, str]
    caller: Caller

    def list_locks(self) -> list[SeenLock]:
        """See the port."""
        url = f"{self._site}/locks"
        found: list[SeenLock] = []
        for _page in range(_MOST_PAGES):
            body = self._ask("GET", url).body
            listed = rows(body, "items")
            if listed is None:
                raise LockFailed(LockReason.GARBAGE)
            found += [_lock(row) for row in listed if text(row, "id", MOST_ID)]
            more = body.get("next_page_link") if isinstance(body, dict) else None
            if not more:
                break
            url = self._same_server(more)
        return found

    def open(self, vendor_id: str, *, within: float) -> None:
        """See the port."""
        ends = time.monotonic() + within
        url = f"{self._site}/locks/{quote(vendor_id, safe='')}/locking"
        self._ask("PATCH", url, {"locked_state": "unlocked"}, ends)

    @property
    def _site(self) -> str:
        site = quote(self.values["site_id"], safe="")
        return f"{self.values['api_url'].rstrip('/')}/v1.2/sites/{site}"

    def _same_server(self, link: Any) -> str:
        """The next page's address; a token is sent nowhere else."""
        here = urlsplit(self._site)
        there = urlsplit(link) if isinstance(link, str) else here
        if (there.scheme, there.netloc) != (here.scheme, here.netloc):
            raise LockFailed(LockReason.GARBAGE)
        return str(link)

    def _ask(
        self, method: str, url: str, data: object = None, ends: float | None = None
    ) -> Answer:
        """With a token; one that is refused is replaced once, as nothing was done."""
        for is_last in (False, True):
            token = tokens.get(self._key) or self._new_token()
            if ends is not None and time.monotonic() > ends:
                raise LockFailed(LockReason.TOO_LATE)
            headers = {"Authorization": f"Bearer {token}"}
            try:
                return self.caller.ask(
                    method, url, headers=headers, data=data, changes=ends is not None
                )
            except LockFailed as failed:
                if failed.reason != LockReason.CREDENTIALS or is_last:
                    raise
                tokens.forget(self._key)
        raise LockFailed(LockReason.CREDENTIALS)

    @property
    def _key(self) -> str:
        joined = "\0".join(f"{key}={self.values[key]}" for key in sorted(self.values))
        return hashlib.sha256(joined.encode()).hexdigest()

    def _new_token(self) -> str:
        basic = httpx.BasicAuth(self.values["client_id"], self.values["client_secret"])
        url = f"{self.values['identity_url'].rstrip('/')}/connect/token"
        header = next(basic.auth_flow(httpx.Request("POST", url))).headers
        form = {
            "grant_type": "password",
            "scope": SCOPE,
            "username": self.values["username"],
            "password": self.values["password"],
        }
        try:
            given = self.caller.ask(
                "POST",
                url,
                headers={"Authorization": header["Authorization"]},
                form=form,
            )
        except LockFailed as failed:
            # OAuth says 400 for a wrong password, RFC 6749 section 5.2.
            if failed.reason == LockReason.REJECTED:
                raise LockFailed(LockReason.CREDENTIALS) from None
            raise
        body = given.body if isinstance(given.body, dict) else {}
        token, lasts = body.get("access_token"), body.get("expires_in")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise LockFailed(LockReason.GARBAGE)
        seconds = float(lasts) if isinstance(lasts, int | float) else _USUAL_SECONDS
        tokens.keep(self._key, token, min(seconds, _LONGEST_SECONDS) - _SPARE_SECONDS)
        return token


def _lock(row: Mapping[str, Any]) -> SeenLock:
    vendor_id = text(row, "id", MOST_ID)
    return SeenLock(
        vendor_id=vendor_id,
        name=text(row, "customer_reference") or text(row, "name") or vendor_id[:63],
        is_online=flag(row, "online"),
        battery=_battery(row.get("battery_level")),
        bolt=_BOLT.get(text(row, "locked_state").lower(), Bolt.UNKNOWN),
    )


def _battery(value: object) -> Battery:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return Battery.UNKNOWN
    if isinstance(value, str):
        word = value.lower().replace("_", "").replace(" ", "")
        return _BATTERY.get(word, Battery.UNKNOWN)
    return Battery.GOOD if value > 25 else Battery.LOW if value > 10 else Battery.EMPTY


def salto(caller: Caller) -> Brand:
    """The brand, whose accounts are called by ``caller``."""
    return Brand(
        key="salto",
        name="Salto",
        connect=lambda values: Salto(values, caller),
        check_address=caller.check,
        fields=(
            CredentialField(
                key="site_id",
                label=_("Site ID"),
                help_text=_("The identifier of the site in Salto KS."),
            ),
            CredentialField(key="client_id", label=_("Client ID")),
            CredentialField(
                key="client_secret", label=_("Client Secret"), is_secret=True
            ),
            CredentialField(
                key="username",
                label=_("User Name"),
                help_text=_("The email of a Salto KS user who administers the site."),
            ),
            CredentialField(key="password", label=_("Password"), is_secret=True),
            CredentialField(
                key="api_url",
                label=_("API Address"),
                initial=API_URL,
                is_address=True,
            ),
            CredentialField(
                key="identity_url",
                label=_("Identity Server"),
                initial=IDENTITY_URL,
                is_address=True,
            ),
        ),
    )
