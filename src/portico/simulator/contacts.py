"""The address book that a unit loads from ``Config.Contact.Url``.

The key is from an exported template; when a unit fetches the file and that it replaces
the whole list are our assumptions, see docs/simulator.md.
"""

from __future__ import annotations

from typing import Final

from portico.protocols.akuvox import contacts
from portico.simulator.actions import user_agent
from portico.simulator.core import Core, logger
from portico.simulator.outbound import Outbound, OutboundError

URL_KEY: Final = "Config.Contact.Url"
_ETAG: Final = "contacts"


class ContactBook:
    """Loads the file after an AutoP run, and keeps what it says."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def refresh(self, *, applied: bool) -> bool:
        """Fetch the file; False when it must be tried again.

        :param applied: the unit's own file was applied in this run. Otherwise only a
            file that is not loaded yet is fetched.
        """
        core = self._core
        url = core.settings[URL_KEY]
        if not url or "contact" in core.model.missing_targets:
            return True
        is_loaded = core.state.contacts_url == url
        if is_loaded and not applied:
            return True
        etag = core.state.etags.get(_ETAG, "")
        way = Outbound(
            session=core.world.session,
            user_agent=user_agent(core),
            verify=core.settings.flag("Config.Settings.SECURITY.OnlyAcceptTrusted"),
        )
        headers = {"If-None-Match": etag} if etag and is_loaded else {}
        try:
            reply = await way.fetch(url, headers=headers)
        except OutboundError as error:
            logger.info("%s: %s: %s", core.mac, url, error)
            return False
        if reply.status == 200:
            self._take(reply.body)
            core.state.etags[_ETAG] = reply.headers.get("ETag", "")
            core.state.contacts_url = url
            core.touch()
        return reply.status < 500

    def _take(self, body: bytes) -> None:
        state = self._core.state
        try:
            listed = contacts.parse(body.decode("utf-8", "replace"))
        except contacts.BadContacts as error:
            logger.info("%s: address book: %s", self._core.mac, error)
            return
        state.contacts[:] = [
            {
                "ID": state.next_id("contact"),
                "Name": each.name,
                "Phone": each.number,
                "Group": "Default",
            }
            for each in listed
        ]
