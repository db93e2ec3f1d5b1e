"""The browser that a person is signed in with, as it stands on the list of his sessions."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest

from portico.accounts.services.portal_sessions import TOUCH_EVERY, note_session
from portico.kernel.clock import utcnow
from portico.kernel.context import acting_in
from portico.tenancy.selectors import membership_of

if TYPE_CHECKING:
    from portico.accounts.models import User

# When it was noted last, in the session itself: looking costs no query.
_NOTED = "noted_at"


def agent_of(request: HttpRequest) -> str:
    """What the browser calls itself."""
    return request.headers.get("User-Agent", "")[:255]


def begin_visit(request: HttpRequest, user: User) -> None:
    """Put the session, which has just got its key, on the list."""
    if not request.session.session_key:
        request.session.save()  # scope: the session
    home = membership_of(user)
    with acting_in(home.organization_id) if home else nullcontext():
        _note(request, user)


def keep_visit(request: HttpRequest, user: User) -> None:
    """Note now and then that the session is in use."""
    noted = request.session.get(_NOTED)
    if noted is None or utcnow().timestamp() - noted < TOUCH_EVERY.total_seconds():
        return
    _note(request, user)


def renew_visit(request: HttpRequest, user: User) -> None:
    """Let this session go on, under a new key, when all of ``user`` were ended."""
    update_session_auth_hash(request, user)
    begin_visit(request, user)


def _note(request: HttpRequest, user: User) -> None:
    now = utcnow()
    key = request.session.session_key or ""
    note_session(user=user, session_key=key, agent=agent_of(request), now=now)
    request.session[_NOTED] = now.timestamp()
